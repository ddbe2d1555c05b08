"""A family's work in hand and days away at the desk, and the station's holidays."""

from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import func, select

from catalog.closures import close
from catalog.db import Sessions
from catalog.models import AuditEntry, Closure, Kind, Product, Role, Workshop
from shop import work_steps
from shop.models import DateChange, Order, WorkOrder
from shop.promise import beijing_day
from tests.desk import Desk, only, open_desk
from tests.making import act, make_member, make_product, make_station, make_workshop, this_moment
from tests.shop.pages.buyer import NASTY, words
from tests.shop.sales import order, pay, want

DAY = timedelta(days=1)
VIEWERS = only(Role.MANAGER, Role.HOST, Role.ORDER_DESK, Role.FINANCE)


def today() -> date:
    return beijing_day(this_moment())


def week() -> dict[str, str]:
    """From tomorrow on."""
    begins_on, ends_on = today() + DAY, today() + 7 * DAY
    days = {"begins_on": begins_on.isoformat(), "ends_on": ends_on.isoformat()}
    return {**days, "reason": "harvest", "note": "收玉米"}


async def plate_of(desk: Desk, **values: object) -> tuple[Workshop, Product]:
    workshop = await make_workshop(desk.sessions, desk.station)
    facts = {"name": "竖匾", "kind": Kind.MADE_TO_ORDER, "on_hand": 0, "work_days": 5, **values}
    return workshop, await make_product(desk.sessions, workshop, **facts)


async def sell(desk: Desk, product: Product, days_ago: int) -> Order:
    """A paid and accepted order of some days ago."""
    then = this_moment() - days_ago * DAY
    placed = await pay(desk.sessions, await order(desk.sessions, want(product), now=then), then)
    manager = act(await make_member(desk.sessions, desk.station, Role.MANAGER))
    async with desk.sessions.begin() as session:
        await work_steps.accept(session, manager, placed.work_orders[0].id, then)
    return placed


async def count(desk: Desk, model: type[Closure] | type[DateChange]) -> int:
    async with desk.sessions() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def test_the_pages_are_seen_by_some_and_used_by_fewer(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop, _ = await plate_of(desk)
        path = f"/desk/workshops/{workshop.id}/closures"
        for page in (path, "/desk/closures"):
            assert await desk.statuses(page) == VIEWERS
        for role in (Role.HOST, Role.FINANCE):
            await desk.enter(role)
            for page in (path, "/desk/closures"):
                assert "记下" not in (await desk.web.get(page)).text
                assert (await desk.web.submit(page, week())).status_code == 403
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        assert (await desk.web.get(path)).status_code == 404
        for step in (path, f"{path}/capacity"):
            await desk.web.get("/desk/closures")
            assert (await desk.web.submit(step, week())).status_code == 404
        assert await count(desk, Closure) == 0


async def test_a_family_says_when_it_is_away_and_takes_it_back(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop, _ = await plate_of(desk)
        path = f"/desk/workshops/{workshop.id}/closures"
        await desk.enter(Role.ORDER_DESK)
        empty = words((await desk.web.get(path)).text)
        assert "往后没有记歇工的日子。" in empty
        assert "手上没有定做的活。" in empty
        answer = await desk.web.submit(path, {**week(), "note": NASTY[:100]})
        assert answer.status_code == 303
        page = await desk.web.get(path)
        assert "<script>" not in page.text.replace("<script type", "")
        assert "农忙" in words(page.text)
        async with sessions() as session:
            (made,) = await session.scalars(select(Closure))
        assert made.workshop_id == workshop.id
        assert workshop.name in (await desk.web.get("/desk/closures")).text
        answer = await desk.web.submit(f"/desk/closures/{made.id}/take-back")
        assert answer.headers["location"] == path
        assert "往后没有记歇工的日子。" in words((await desk.web.get(path)).text)


async def test_wrong_days_come_back_as_they_were_typed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop, _ = await plate_of(desk)
        await desk.enter(Role.MANAGER)
        for path in (f"/desk/workshops/{workshop.id}/closures", "/desk/closures"):
            await desk.web.get(path)
            wrong = {**week(), "ends_on": today().isoformat(), "reason": ""}
            answer = await desk.web.submit(path, wrong)
            assert answer.status_code == 422
            assert "最后一天不能早于第一天。" in answer.text
            assert "请选择为什么歇工。" in answer.text
            assert f'value="{week()["begins_on"]}"' in answer.text
            assert 'value="收玉米"' in answer.text
        assert await count(desk, Closure) == 0


async def test_a_holiday_of_the_station_stands_on_every_familys_page(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop, _ = await plate_of(desk)
        await desk.enter(Role.MANAGER)
        await desk.web.get("/desk/closures")
        answer = await desk.web.submit("/desk/closures", {**week(), "reason": "festival"})
        assert answer.headers["location"] == "/desk/closures"
        family = (await desk.web.get(f"/desk/workshops/{workshop.id}/closures")).text
        assert "过节" in family
        assert "take-back" not in family
        assert "take-back" in (await desk.web.get("/desk/closures")).text


async def test_a_limit_is_set_and_told_of_what_it_shuts_out(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop, plate = await plate_of(desk)
        path = f"/desk/workshops/{workshop.id}/closures"
        await desk.enter(Role.MANAGER)
        await desk.web.get(path)
        wrong = await desk.web.submit(f"{path}/capacity", {"capacity_days": "很多"})
        assert wrong.status_code == 422
        assert "天数要填整数。" in wrong.text
        for days, kept in (("4", 4), ("4", 4), ("", 0), ("12", 12)):
            await desk.web.submit(f"{path}/capacity", {"capacity_days": days})
            async with sessions() as session:
                assert (await session.get_one(Workshop, workshop.id)).capacity_days == kept
            page = words((await desk.web.get(path)).text)
            assert ("永远订不了" in page) == (days == "4"), days
        async with sessions() as session:
            entries = await session.scalars(
                select(AuditEntry.after).where(AuditEntry.action == "workshop.capacity")
            )
            assert [after["capacity_days"] for after in entries if after] == [4, 0, 12]
        await order(sessions, want(plate, 2), now=this_moment())
        assert "手上还有 10 天的活" in words((await desk.web.get(path)).text)
        said = words((await desk.web.get(f"/products/{plate.slug}")).text)
        assert "这家手上的活满了，大约" in said
        assert "要这件" not in said


async def test_what_is_late_is_red_and_its_buyer_is_told_with_one_button(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop, plate = await plate_of(desk)
        placed = await sell(desk, plate, 6)
        part = placed.work_orders[0]
        path, likely = f"/desk/workshops/{workshop.id}/closures", today() + 4 * DAY
        await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get(path)).text
        field = f"new_on_{part.id}"
        assert f'name="{field}" value="{likely.isoformat()}"' in page.replace('type="date" ', "")
        new_date = f"/desk/work-orders/{part.id}/new-date"
        for typed in ("", (today() - DAY).isoformat()):
            refused = await desk.web.submit(new_date, {field: typed, "why": "木头裂了"})
            assert refused.status_code == 422
            assert 'value="木头裂了"' in refused.text
        assert await count(desk, DateChange) == 0
        answer = await desk.web.submit(new_date, {field: likely.isoformat(), "why": ""})
        assert answer.headers["location"] == path
        after = words((await desk.web.get(path)).text)
        assert "问了买家，还没答" in after
        assert "告诉买家新日子" not in after
        async with sessions() as session:
            assert (await session.get_one(WorkOrder, part.id)).promised_on == likely
            (change,) = await session.scalars(select(DateChange))
        for _ in range(2):
            back = await desk.web.submit(f"{path}/undo/{change.id}")
            assert back.status_code == 303
        async with sessions() as session:
            promised = (await session.get_one(WorkOrder, part.id)).promised_on
        assert promised == part.promised_on


async def test_of_another_station_nothing_is_changed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop, plate = await plate_of(desk)
        placed = await sell(desk, plate, 6)
        manager = act(await make_member(sessions, desk.station, Role.MANAGER))
        async with sessions.begin() as session:
            made = await close(
                session, manager, workshop.id, today(), today(), "other", "", this_moment()
            )
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        for path in (
            f"/desk/closures/{made.id}/take-back",
            f"/desk/work-orders/{placed.work_orders[0].id}/new-date",
        ):
            await desk.web.get("/desk/closures")
            assert (await desk.web.submit(path, {})).status_code == 404
        async with sessions() as session:
            assert (await session.get_one(Closure, made.id)).removed_at is None
