"""The desk's first page."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from catalog.db import Sessions
from catalog.models import Product, Reach, Role, Workshop
from live.scheduling import schedule_show
from shop import routing
from shop.models import Notice, Order
from tests.desk import Desk, open_desk
from tests.making import act, make_member, make_product, make_station, make_workshop
from tests.shop.sales import jobs, order, pay, want


async def sell(desk: Desk, quantity: int = 1) -> tuple[Product, Order]:
    """Pieces of the station paid for two hours ago, and the family, which has no screen, told."""
    at = datetime.now(UTC) - timedelta(hours=2)
    product = await make_product(desk.sessions, await make_workshop(desk.sessions, desk.station))
    async with desk.sessions.begin() as session:
        await session.execute(update(Workshop).values(reached_by=Reach.CALL))
    placed = await pay(
        desk.sessions, await order(desk.sessions, want(product, quantity), now=at), at
    )
    job = (await jobs(desk.sessions, "shop.route_order"))[-1]
    async with desk.sessions.begin() as session:
        await routing.route_orders(session, {job.id: placed.id}, at)
    return product, placed


async def test_each_role_is_told_what_is_its_business(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        product, placed = await sell(desk)
        unpaid = await order(sessions, want(product), now=datetime.now(UTC))
        host = await make_member(sessions, desk.station, Role.HOST)
        soon = datetime.now(UTC)
        when = {"starts_at": soon, "ends_at": soon + timedelta(minutes=30)}
        async with sessions.begin() as session:
            await schedule_show(session, act(host), {"title": "木雕专场", **when}, soon)
        call = f'href="/desk/work-orders/{placed.work_orders[0].id}"'
        seen = {}
        for role in (Role.MANAGER, Role.HOST, Role.FINANCE, Role.ASSISTANT, Role.VOLUNTEER):
            await desk.enter(role)
            page = (await desk.web.get("/desk")).text
            seen[role] = [
                text in page
                for text in ("木雕专场", "进控制台", "2 小时", call, unpaid.code, "去打电话")
            ]
        assert seen == {
            Role.MANAGER: [True, True, True, True, True, True],
            Role.HOST: [True, True, True, True, True, False],
            Role.FINANCE: [True, False, True, True, True, False],
            Role.ASSISTANT: [True, True, False, False, False, False],
            Role.VOLUNTEER: [True, False, False, False, False, False],
        }


async def test_a_quiet_day_says_so(sessions: Sessions, database_url: str, tmp_path: Path) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get("/desk")).text
        for text in (
            "今天没有直播。",
            "没有，都接了。",
            "没有要打的电话。",
            "没有等着付款的订单。",
        ):
            assert text in page


async def test_a_call_is_taken_by_those_who_make_it(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await sell(desk)
        async with sessions() as session:
            notice = await session.get_one(Notice, 1)
        path = f"/desk/notices/{notice.id}/take"
        for role, station, status in (
            (Role.HOST, None, 403),
            (Role.MANAGER, await make_station(sessions, "other"), 404),
        ):
            await desk.enter(role, station)
            await desk.web.get("/desk")
            assert (await desk.web.submit(path)).status_code == status
        async with sessions() as session:
            assert (await session.get_one(Notice, notice.id)).owner_id is None
        caller = await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get("/desk/inbox?kind=call")).text
        assert f'action="{path}"' in page
        assert f'href="/desk/calls?call={notice.id}"' in page
        answer = await desk.web.submit(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/inbox")
        page = (await desk.web.get("/desk/inbox?owner=mine")).text
        assert "记下了，这个电话您来打。" in page
        assert f'action="{path}"' not in page
        async with sessions() as session:
            assert (await session.get_one(Notice, notice.id)).owner_id == caller.id
