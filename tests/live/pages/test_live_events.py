"""What the streams of buyers' pages answer before and after they flow."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from httpx import Response

from catalog.db import Sessions
from catalog.models import Product
from live.boards import Boards
from live.models import Link, Show, ShowState
from live.on_air import end_show
from tests.live.acting import host_of, sibling
from tests.making import NOON, make_live_show, make_product
from tests.shop.pages.buyer import change, phone, words
from tests.shop.sales import link_to, staff


@pytest.fixture
async def product(sessions: Sessions) -> Product:
    return await make_product(sessions, on_hand=2)


@pytest.fixture
async def show(sessions: Sessions, product: Product) -> Show:
    return await make_live_show(sessions, [product], price_fen=24100)


@pytest.fixture
async def link(sessions: Sessions, product: Product, show: Show) -> Link:
    return await link_to(sessions, product, show, by=await staff(sessions, product))


def fragments(answer: Response) -> dict[str, str]:
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    (data,) = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    return msgspec.json.decode(data, type=dict[str, str])


async def test_pages_follow_only_while_their_show_is_on_air(
    sessions: Sessions, database_url: str, tmp_path: Path, product: Product, show: Show, link: Link
) -> None:
    async with phone(database_url, tmp_path) as web:
        of_show = f'data-events="/shows/{show.id}/events"'
        of_piece = f'data-events="/shows/{show.id}/products/{product.id}/events?link={link.code}"'
        assert of_show in (await web.get(f"/shows/{show.id}")).text
        assert of_piece in (await web.get(f"/Q/{link.code}")).text
        assert "data-events" not in (await web.get(f"/products/{product.slug}")).text
        with_cart = (await web.get(f"/Q/{link.code}?cart={link.code}*1")).text
        assert "data-events" not in with_cart

        async with sessions.begin() as session:
            await end_show(
                session, await host_of(sessions, show), show.id, NOON + timedelta(hours=1)
            )
        assert "data-events" not in (await web.get(f"/shows/{show.id}")).text
        assert "data-events" not in (await web.get(f"/Q/{link.code}")).text


async def test_who_comes_back_after_the_end_is_told_how_it_stands_and_to_stop(
    sessions: Sessions, database_url: str, tmp_path: Path, product: Product, show: Show, link: Link
) -> None:
    async with sessions.begin() as session:
        await end_show(session, await host_of(sessions, show), show.id, NOON + timedelta(hours=1))
    async with phone(database_url, tmp_path) as web:
        await web.get("/")
        whole = fragments(await web.client.get(f"/shows/{show.id}/events"))
        piece = fragments(
            await web.client.get(
                f"/shows/{show.id}/products/{product.id}/events", params={"link": link.code}
            )
        )
    assert whole.keys() == {"on-air", "stand", "showing", f"item-{show.items[0].id}", "follow"}
    assert "已结束" in whole["stand"]
    assert piece.keys() == {"on-air", "figures", "turn", "basket", "alike", "action", "follow"}
    assert "¥268" in words(f"<main>{piece['figures']}</main>")
    for told in (whole, piece):
        assert "data-events" not in told["follow"]
        # What all are sent is nobody's: no token of the one who asked.
        assert "csrf" not in "".join(told.values())


async def test_there_is_nothing_to_follow_where_there_is_no_page(
    sessions: Sessions, database_url: str, tmp_path: Path, product: Product, show: Show, link: Link
) -> None:
    other = await make_live_show(sessions, [await sibling(sessions, product)])
    async with phone(database_url, tmp_path) as web:
        paths = (
            "/shows/999/events",
            f"/shows/{other.id}/products/{product.id}/events?link={link.code}",
            f"/shows/{show.id}/products/{product.id}/events",
            f"/shows/{show.id}/products/999/events?link={link.code}",
        )
        assert [(await web.client.get(path)).status_code for path in paths] == [404] * 4
        await change(sessions, show, state=ShowState.DRAFT)
        assert (await web.client.get(f"/shows/{show.id}/events")).status_code == 404


async def test_a_full_process_refuses_and_says_when_to_come_again(
    database_url: str, tmp_path: Path, product: Product, show: Show, link: Link
) -> None:
    async with phone(database_url, tmp_path) as web:
        state = web.client.app.state
        state.boards = Boards(state.shop.database, most=0)
        for path in (
            f"/shows/{show.id}/events",
            f"/api/shows/{show.id}/events",
            f"/shows/{show.id}/products/{product.id}/events?link={link.code}",
        ):
            answer = await web.client.get(path)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert (await web.get(f"/shows/{show.id}")).status_code == 200
