"""Looking at products before they are sold, at the desk."""

import re
from pathlib import Path

from sqlalchemy import select, update

from catalog.db import Sessions
from catalog.models import Product, ProductReview, ProductState, Role
from catalog.reviews import POINTS
from tests.desk import Desk, only, open_desk
from tests.making import make_member, make_product, make_station, make_workshop
from tests.onboarding import make_checks, make_strict
from tests.shop.pages.buyer import words

LIST = "/desk/reviews"
EDITORS = (Role.MANAGER, Role.HOST, Role.ASSISTANT, Role.ORDER_DESK)


async def put_up(desk: Desk) -> tuple[Product, str]:
    """A product that waits, and the address of the look at it."""
    workshop = await make_workshop(desk.sessions, desk.station)
    await make_strict(desk.sessions, desk.station)
    checker = await make_member(desk.sessions, desk.station, Role.FINANCE)
    await make_checks(desk.sessions, workshop, checker)
    product = await make_product(desk.sessions, workshop, size="30 cm", weight_g=900)
    async with desk.sessions() as session:
        review = (await session.scalars(select(ProductReview))).one()
    return product, f"{LIST}/{review.id}"


async def state(desk: Desk, product: Product) -> ProductState:
    async with desk.sessions() as session:
        return (await session.get_one(Product, product.id)).state


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found
    return found[1]


async def test_somebody_looks_ticks_and_it_is_sold(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        assert await desk.statuses(LIST) == only(*EDITORS)
        product, path = await put_up(desk)
        assert await desk.statuses(path) == only(*EDITORS)
        await desk.enter(Role.HOST)
        assert "等人看的 1 件" in words((await desk.web.get("/desk/products")).text)
        assert product.name in (await desk.web.get(LIST)).text
        assert (await desk.web.get(f"/products/{product.slug}")).status_code == 404
        page = (await desk.web.get(path)).text
        some = {"points": ["wood", "price"], "seen": seen(page)}
        answer = await desk.web.submit(f"{path}/pass", some)
        assert answer.status_code == 422
        assert "还没有看：照片拍的就是这一件" in answer.text
        assert answer.text.count(" checked") == 2
        all_of_it = {"points": list(POINTS), "seen": seen(answer.text)}
        answer = await desk.web.submit(f"{path}/pass", all_of_it)
        assert (answer.status_code, answer.headers["location"]) == (303, LIST)
        assert await state(desk, product) == ProductState.ON_SALE
        assert (await desk.web.get(f"/products/{product.slug}")).status_code == 200
        assert "没有等着看的" in (await desk.web.get(LIST)).text
        answer = await desk.web.submit(f"{path}/pass", all_of_it)
        assert answer.status_code == 409


async def test_a_refusal_is_read_by_the_family(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        product, path = await put_up(desk)
        family = await make_member(sessions, desk.station, Role.ARTISAN, product.workshop)
        await desk.become(family)
        own = f"/workshop/products/{product.id}"
        assert "等站里看一看" in (await desk.web.get(own)).text
        await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get(path)).text
        answer = await desk.web.submit(f"{path}/refuse", {"words": " ", "seen": seen(page)})
        assert (answer.status_code, "请填写要改什么。" in answer.text) == (422, True)
        word = {"words": "照片暗了 <b>", "seen": seen(page)}
        assert (await desk.web.submit(f"{path}/refuse", word)).status_code == 303
        assert await state(desk, product) == ProductState.DRAFT
        await desk.become(family)
        assert "请改一改：“照片暗了 <b>”" in words((await desk.web.get(own)).text)
        answer = await desk.web.submit(own, {"state": "on_sale"})
        assert answer.status_code == 303
        assert await state(desk, product) == ProductState.REVIEW


async def test_whose_own_it_is_and_other_stations(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        product, path = await put_up(desk)
        host = await desk.enter(Role.HOST)
        page = (await desk.web.get(path)).text
        async with sessions.begin() as session:
            await session.execute(update(ProductReview).values(asked_by=host.id))
        answer = await desk.web.submit(f"{path}/pass", {"points": list(POINTS), "seen": seen(page)})
        assert answer.status_code == 403
        assert "要请站里另一个人来看" in answer.text
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        assert (await desk.web.client.get(path)).status_code == 404
        assert product.name not in (await desk.web.get(LIST)).text
        assert await state(desk, product) == ProductState.REVIEW
