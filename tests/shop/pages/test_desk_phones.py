"""A buyer's number at the desk: covered, shown at the press of a button, told in the order's history."""

from pathlib import Path

from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.models import AuditEntry, Member, Role
from shop.models import Notice
from tests.desk import Desk, open_desk
from tests.making import BUYER, NOON, make_product, make_station, make_workshop
from tests.shop.sales import order, pay, want

PHONE = BUYER["phone"]


async def sold(desk: Desk) -> tuple[str, int]:
    """The code of a paid order, and its work order's id."""
    family = await make_workshop(desk.sessions, desk.station)
    product = await make_product(desk.sessions, family)
    placed = await pay(desk.sessions, await order(desk.sessions, want(product)))
    return placed.code, placed.work_orders[0].id


async def looks(sessions: Sessions) -> int:
    async with sessions() as session:
        query = select(func.count()).where(AuditEntry.action.endswith("phone_seen"))
        return int(await session.scalar(query) or 0)


async def test_no_page_shows_it_and_the_button_does(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        code, part = await sold(desk)
        about = f"/desk/orders/{code}"
        for role, button in ((Role.ORDER_DESK, True), (Role.HOST, False), (Role.FINANCE, False)):
            await desk.enter(role)
            for path in (about, f"/desk/work-orders/{part}", "/desk/orders", "/desk/work-orders"):
                page = (await desk.web.get(path)).text
                assert PHONE not in page
                if path in (about, f"/desk/work-orders/{part}"):
                    assert ("138****8000" in page, "看号码" in page) == (True, button)
        await desk.enter(Role.ORDER_DESK)
        await desk.web.get(about)
        answer = await desk.web.submit(f"{about}/phone", {"back": about})
        assert answer.status_code == 200
        assert f'href="tel:{PHONE}">{PHONE}</a>' in answer.text
        assert f'href="{about}"' in answer.text
        assert "order_desk 看了这个号码" in answer.text
        assert answer.headers["cache-control"] == "no-store"
        page = (await desk.web.get(about)).text
        assert "order_desk</strong> 看了买家的号码" in page
        assert PHONE not in page
        assert await looks(sessions) == 1


async def test_without_the_right_or_from_elsewhere_nothing_is_shown(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        code, _ = await sold(desk)
        elsewhere = await make_station(sessions, "elsewhere")
        for role, station, status in (
            (Role.HOST, None, 403),
            (Role.FINANCE, None, 403),
            (Role.ASSISTANT, None, 403),
            (Role.MANAGER, elsewhere, 404),
        ):
            await desk.enter(role, station)
            await desk.web.get("/desk")
            answer = await desk.web.submit(f"/desk/orders/{code}/phone")
            assert (answer.status_code, PHONE in answer.text) == (status, False)
        assert await looks(sessions) == 0
        host = await desk.enter(Role.HOST)
        async with sessions.begin() as session:
            (await session.get_one(Member, host.id)).sees_phones = True
        await desk.web.get("/desk")
        assert PHONE in (await desk.web.submit(f"/desk/orders/{code}/phone")).text


async def test_a_call_to_be_made_shows_its_number_the_same_way(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        async with sessions.begin() as session:
            notice = Notice(
                station_id=desk.station.id, kind="test", text="轮到他了", phone="13900139000",
                created_at=NOON,
            )  # fmt: skip
            session.add(notice)
        await desk.enter(Role.MANAGER)
        page = (await desk.web.get(f"/desk/calls?call={notice.id}")).text
        assert ("139****9000" in page, "13900139000" in page) == (True, False)
        answer = await desk.web.submit(f"/desk/notices/{notice.id}/phone", {"back": "//evil"})
        assert 'href="tel:13900139000"' in answer.text
        assert "轮到他了" in answer.text
        assert "//evil" not in answer.text
        assert await looks(sessions) == 1
