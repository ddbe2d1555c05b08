"""A show's own code: what it opens before, during and after, for those who scan a moment late."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from catalog.checks import BEIJING
from catalog.db import Sessions
from catalog.models import Kind, Product, ProductState
from live.models import Airing, Link, Scan, Show, ShowState
from live.on_air import end_show, show_now
from tests.live.acting import host_of, item_of, sibling
from tests.making import make_live_show, make_product
from tests.shop.pages.buyer import change, phone, words
from tests.shop.sales import link_to, staff
from tests.web import Browser

ASKS = "刚刚换了一件。您要的是刚才那件？"


async def on_air(sessions: Sessions, *, seconds_ago: float) -> tuple[list[Product], Show, Link]:
    """A show that went from 甲 to 乙 so long ago; both cost 200 yuan there."""
    one = await make_product(sessions, name="甲", name_en="first")
    two = await sibling(sessions, one, name="乙", name_en="second")
    show = await make_live_show(sessions, [one, two], allotment=1, price_fen=20000)
    link = await link_to(sessions, None, show, by=await staff(sessions, one))
    switched = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    item, host = await item_of(sessions, show, two), await host_of(sessions, show)
    async with sessions.begin() as session:
        await session.execute(update(Airing).values(started_at=switched - timedelta(minutes=9)))
        await show_now(session, host, show.id, item.id, switched)
    return [one, two], show, link


async def scan(web: Browser, link: Link) -> tuple[str, str]:
    answer = await web.client.get(f"/Q/{link.code}", follow_redirects=False)
    assert answer.status_code == 200
    return answer.text, words(answer.text)


async def scans(sessions: Sessions) -> list[tuple[int | None, bool]]:
    async with sessions() as session:
        rows = await session.execute(select(Scan.product_id, Scan.sold_out).order_by(Scan.id))
        return [tuple(row) for row in rows]


async def test_right_after_a_switch_both_pieces_are_at_hand(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    (one, two), _show, link = await on_air(sessions, seconds_ago=5)
    async with phone(database_url, tmp_path) as web:
        page, said = await scan(web, link)
        assert said.index(ASKS) < said.index("甲") < said.index("乙")
        assert "刚才讲过的" not in said
        assert f'href="/products/{one.slug}?link={link.code}"' in page
        assert f'name="product" value="{two.id}"' in page
        before = words((await web.get(f"/products/{one.slug}?link={link.code}")).text)
    assert "甲 ¥200 原价 ¥268 直播价" in before
    assert "这一场在讲的 乙 正在讲" in before
    assert ASKS not in before
    assert await scans(sessions) == [(two.id, False)]


async def test_a_while_later_the_earlier_piece_stands_beneath_with_its_minute(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    (one, _), show, link = await on_air(sessions, seconds_ago=300)
    async with sessions() as session:
        item = await item_of(sessions, show, one)
        query = select(Airing.started_at).where(Airing.line_up_item_id == item.id)
        at = (await session.execute(query)).scalar_one()
    await change(sessions, item, sold=2)
    async with phone(database_url, tmp_path) as web:
        _, said = await scan(web, link)
    clock = f"{at.astimezone(BEIJING):%H:%M}"
    assert said.startswith("乙 ")
    assert f"刚才讲过的 甲 还有 3 件 · 卖出 2 件 北京时间 {clock} · 14 分钟前 ¥200" in said
    assert ASKS not in said


async def test_a_slow_scanner_buys_what_was_shown_before_at_the_show_s_price(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    (one, _), _show, link = await on_air(sessions, seconds_ago=5)
    async with phone(database_url, tmp_path) as web:
        await web.get(f"/products/{one.slug}?link={link.code}")
        form = {"product": one.id, "link": link.code, "seen_fen": "20000", "quantity": "1"}
        answer = await web.submit("/holds", form)
        checkout = words((await web.get(answer.headers["location"])).text)
    assert answer.status_code == 303
    assert "¥200" in checkout


async def test_a_piece_that_is_gone_still_leads_on_and_is_counted_as_missed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    one = await make_product(sessions, kind=Kind.ONE_OF_A_KIND, on_hand=0, name="甲")
    other = await sibling(sessions, one, name="还在的", name_en="other")
    show = await make_live_show(sessions, [one])
    link = await link_to(sessions, None, show, by=await staff(sessions, one))
    async with phone(database_url, tmp_path) as web:
        page, said = await scan(web, link)
    assert "已经被买走了，这些和它相像" in said
    assert f'href="/products/{other.slug}"' in page
    assert await scans(sessions) == [(one.id, True)]


@pytest.mark.parametrize("state", [ShowState.READY, ShowState.ENDED])
async def test_before_and_after_it_opens_the_show(
    sessions: Sessions, database_url: str, tmp_path: Path, state: ShowState
) -> None:
    _, show, link = await on_air(sessions, seconds_ago=300)
    if state == ShowState.ENDED:
        host = await host_of(sessions, show)
        async with sessions.begin() as session:
            await end_show(session, host, show.id, datetime.now(UTC))
    else:
        await change(sessions, show, state=state)
    async with phone(database_url, tmp_path) as web:
        answer = await web.client.get(f"/Q/{link.code}", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/shows/{show.id}")
        said = words((await web.get(f"/shows/{show.id}")).text)
    assert "甲" in said
    assert "乙" in said
    told = "打开的就是正在讲的那一件" if state == ShowState.READY else "讲的"
    assert told in said
    assert "¥268" in said
    assert await scans(sessions) == [(None, False)]


async def test_a_draft_show_says_that_the_code_is_right(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    _, show, link = await on_air(sessions, seconds_ago=300)
    await change(sessions, show, state=ShowState.DRAFT, title="秘密专场")
    async with phone(database_url, tmp_path) as web:
        answer = await web.client.get(f"/Q/{link.code}", follow_redirects=False)
    assert answer.status_code == 404
    assert "这一场还没有公布" in words(answer.text)
    assert "秘密专场" not in answer.text


async def test_while_the_shown_piece_is_hidden_the_show_itself_opens(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    (_, two), show, link = await on_air(sessions, seconds_ago=300)
    await change(sessions, two, state=ProductState.DRAFT)
    async with phone(database_url, tmp_path) as web:
        answer = await web.client.get(f"/Q/{link.code}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/shows/{show.id}")


async def test_a_retired_code_of_a_show_leads_to_the_show_and_to_what_can_be_had(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    (one, two), show, link = await on_air(sessions, seconds_ago=5)
    await change(sessions, link, retired_at=link.created_at)
    async with phone(database_url, tmp_path) as web:
        answer = await web.get(f"/Q/{link.code}")
    assert answer.status_code == 410
    assert "它原来打开的是直播“周日专场”，现在正在直播。" in words(answer.text)
    assert f'href="/shows/{show.id}"' in answer.text
    for product in (one, two):
        assert f'href="/products/{product.slug}"' in answer.text


async def test_a_cart_does_not_hang_on_what_a_show_is_showing(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    (one, _), _show, link = await on_air(sessions, seconds_ago=5)
    async with phone(database_url, tmp_path) as web:
        bare = words((await web.get(f"/cart?i={link.code}*1")).text)
        whole = words((await web.get(f"/cart?i={link.code}.p{one.id}*1")).text)
    assert "乙" not in bare
    assert "甲" in whole
    assert "¥200" in whole


async def test_an_unknown_code_offers_what_is_on_air(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    (one, two), show, link = await on_air(sessions, seconds_ago=300)
    async with phone(database_url, tmp_path) as web:
        for path in ("/Q/ZZZZZ", "/c?code=ZZZZZ"):
            answer = await web.get(path)
            assert answer.status_code == 404
            for product in (one, two):
                assert f'href="/products/{product.slug}?link={link.code}"' in answer.text
            assert f'href="/shows/{show.id}"' in answer.text
        short = words((await web.get("/c?code=7k3")).text)
        mistaken = words((await web.get("/c?code=O7K3F")).text)
    assert "没有这个商品码：它是 4 到 5 个字母和数字，您输的是 3 个。" in short
    assert "没有这个商品码：码里不用 0、1、I、L、O、U" in mistaken
