"""The desk's page of those who could not buy, counted from what buyers' pages showed them."""

from pathlib import Path

from catalog.access import SHOW_VIEWERS
from catalog.db import Sessions
from catalog.models import Kind, Product, ProductState, Role
from shop.models import Waiter, WaiterState
from tests.desk import only, open_desk
from tests.making import make_product, make_workshop
from tests.shop.pages.buyer import minutes_ago, phone, words
from tests.shop.sales import link_to


async def waited(sessions: Sessions, product: Product) -> None:
    async with sessions.begin() as session:
        session.add(
            Waiter(
                station_id=product.station_id,
                product_id=product.id,
                token="t",
                phone="13800138000",
                state=WaiterState.LEFT,
                created_at=minutes_ago(60),
            )
        )


async def test_what_buyers_did_not_get_is_told_with_what_to_do(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        assert await desk.statuses("/desk/demand") == only(*SHOW_VIEWERS)
        manager = await desk.enter(Role.MANAGER)
        assert "最近 90 天没有落空的人" in words((await desk.web.get("/desk/demand")).text)
        workshop = await make_workshop(sessions, desk.station)
        one = await make_product(sessions, workshop, kind=Kind.ONE_OF_A_KIND, on_hand=0)
        off = await make_product(sessions, workshop, name="收起来的", state=ProductState.OFF)
        some = await make_product(sessions, workshop, name="还有的")
        links = {p.id: await link_to(sessions, p, by=manager) for p in (one, off, some)}
        # A phone that goes leaves its scans written.
        async with phone(database_url, tmp_path) as web:
            for product, times in ((one, 3), (off, 1), (some, 2)):
                for _ in range(times):
                    await web.get(f"/Q/{links[product.id].code}")
        await waited(sessions, one)
        said = words((await desk.web.get("/desk/demand")).text)
    assert "福字圆挂 王家木作 · ¥268 没有空着的 3 次 1 人 问问王家木作" in said
    assert "收起来的 王家木作 · ¥268 已下架 1 次 0 人" in said
    assert "还有的" not in said
