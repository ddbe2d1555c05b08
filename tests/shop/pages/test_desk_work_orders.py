"""Work orders at the desk, where staff act for a family."""

from pathlib import Path

from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.models import AuditEntry, Kind, Role
from shop.models import Refund, WorkOrder, WorkOrderState
from tests.desk import Desk, only, open_desk
from tests.making import make_product, make_station, make_workshop
from tests.shop.sales import figures, order, pay, want

VIEWERS = only(Role.MANAGER, Role.HOST, Role.ORDER_DESK, Role.FINANCE)
PARCEL = {"carrier": "邮政快递", "tracking": "98001234 0001"}


async def sell(desk: Desk, **values: object) -> tuple[WorkOrder, str]:
    """A paid work order of the station, and the address of its page."""
    workshop = await make_workshop(desk.sessions, desk.station)
    product = await make_product(desk.sessions, workshop, **values)
    placed = await pay(desk.sessions, await order(desk.sessions, want(product)))
    part = placed.work_orders[0]
    return part, f"/desk/work-orders/{part.id}"


async def state(sessions: Sessions, part: WorkOrder) -> WorkOrderState:
    async with sessions() as session:
        return (await session.get_one(WorkOrder, part.id)).state


async def test_work_orders_are_seen_by_some_and_moved_by_fewer(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part, path = await sell(desk)
        assert await desk.statuses("/desk/work-orders") == VIEWERS
        assert await desk.statuses(path) == VIEWERS
        steps = {"accept": {}, "ship": PARCEL, "decline": {"reason": "病了"}}
        for role in (Role.HOST, Role.FINANCE):
            await desk.enter(role)
            assert "替它接单" not in (await desk.web.get("/desk/work-orders")).text
            page = (await desk.web.get(path)).text
            assert "138****8000" in page
            assert "这家接不了" not in page
            for step, values in steps.items():
                assert (await desk.web.submit(f"{path}/{step}", values)).status_code == 403
                await desk.web.get(path)
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        assert (await desk.web.get(path)).status_code == 404
        for step, values in steps.items():
            await desk.web.get("/desk/work-orders")
            assert (await desk.web.submit(f"{path}/{step}", values)).status_code == 404
        assert await state(sessions, part) == WorkOrderState.NEW


async def test_staff_take_a_family_through_every_step(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part, path = await sell(desk, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3)
        staff = await desk.enter(Role.ORDER_DESK)
        for step, values, label, after in (
            ("accept", {}, "替它接单", WorkOrderState.ACCEPTED),
            ("start", {}, "开始做了", WorkOrderState.MAKING),
            ("ready", {}, "做好了", WorkOrderState.READY),
            ("ship", PARCEL, "寄出了", WorkOrderState.SHIPPED),
            ("deliver", {}, "买家签收了", WorkOrderState.DELIVERED),
        ):
            page = (await desk.web.get(path)).text
            assert f'action="{path}/{step}"' in page
            assert label in page
            answer = await desk.web.submit(f"{path}/{step}", values)
            assert (answer.status_code, answer.headers["location"]) == (303, path)
            assert await state(sessions, part) == after
        page = (await desk.web.get(path)).text
        assert "邮政快递 <strong>980012340001</strong>" in page
        async with sessions() as session:
            query = select(AuditEntry).where(AuditEntry.subject == "work_orders")
            entries = list(await session.scalars(query.order_by(AuditEntry.id)))
        assert [e.action.partition(".")[2] for e in entries] == [
            "accept", "start", "ready", "ship", "deliver",
        ]  # fmt: skip
        assert {(e.member_id, e.on_behalf_of, e.channel) for e in entries} == {
            (staff.id, part.workshop_id, "web")
        }


async def test_a_row_goes_on_and_comes_back_to_its_list(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.MANAGER)
        assert "没有要做的工单" in (await desk.web.get("/desk/work-orders")).text
        part, path = await sell(desk)
        here = f"/desk/work-orders?state=new&workshop={part.workshop_id}"
        page = (await desk.web.get(here)).text
        assert f'name="back" value="{here.replace("&", "&amp;")}"' in page
        answer = await desk.web.submit(f"{path}/accept", {"back": here})
        assert answer.headers["location"] == here
        assert "没有这样的工单" in (await desk.web.get(here)).text
        # A finished piece is sent without being made first.
        page = (await desk.web.get("/desk/work-orders?state=accepted")).text
        assert f'href="{path}#ship"' in page
        answer = await desk.web.submit(f"{path}/start", {"back": "//elsewhere.example"})
        assert answer.headers["location"] == path
        assert (await desk.web.submit(f"{path}/fly")).status_code == 404
        for query, shown in (
            ("", True), ("state=all", True), ("state=making", True), ("state=new", False),
            ("workshop=999", False), ("state=x&workshop=x&before=x", True), ("before=1", False),
        ):  # fmt: skip
            page = (await desk.web.get(f"/desk/work-orders?{query}")).text
            assert (f'href="{path}"' in page) is shown


async def test_what_is_not_paid_for_is_no_work_yet(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        placed = await order(sessions, want(await make_product(sessions, workshop)))
        path = f"/desk/work-orders/{placed.work_orders[0].id}"
        await desk.enter(Role.MANAGER)
        assert path not in (await desk.web.get("/desk/work-orders")).text
        assert path in (await desk.web.get("/desk/work-orders?state=waiting")).text
        await desk.web.get(path)
        for step, values in (("accept", {}), ("ship", PARCEL), ("decline", {"reason": "x"})):
            answer = await desk.web.submit(f"{path}/{step}", values)
            assert answer.status_code == 409
            assert 'role="alert"' in answer.text
            assert await state(sessions, placed.work_orders[0]) == WorkOrderState.WAITING


async def test_a_parcel_needs_carrier_and_number(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part, path = await sell(desk)
        await desk.enter(Role.ORDER_DESK)
        await desk.web.get(path)
        await desk.web.submit(f"{path}/accept")
        await desk.web.get(path)
        for carrier, tracking, errors in (
            ("", "", ["请填写快递公司。", "快递单号至少要 5 个字。"]),
            ("顺丰", "<b>12345", ["快递单号只有数字和字母"]),
            ("顺丰", "9" * 41, ["快递单号最多 40 个字，现在有 41 个。"]),
            ("顺丰", "🚚🚚🚚🚚🚚", ["快递单号只有数字和字母"]),
        ):
            values = {"carrier": carrier, "tracking": tracking}
            answer = await desk.web.submit(f"{path}/ship", values)
            assert answer.status_code == 422
            assert all(error in answer.text for error in errors)
            assert f'value="{tracking.replace("<b>", "&lt;b&gt;")}"' in answer.text
            if carrier:
                assert '<option value="顺丰" selected>' in answer.text
        assert await state(sessions, part) == WorkOrderState.ACCEPTED
        product = part.lines[0].product
        assert await figures(sessions, product) == [(3, 1)]
        await desk.web.submit(f"{path}/ship", PARCEL)
        assert await figures(sessions, product) == [(2, 0)]


async def test_a_decline_asks_why_and_says_what_goes_back(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part, path = await sell(desk)
        await desk.enter(Role.MANAGER)
        page = (await desk.web.get(path)).text
        assert "<strong>¥276</strong> 马上退给 王芳（作品 ¥268，邮费 ¥8）" in page
        assert "接不了，退 ¥276" in page
        for reason, error in (
            (" ", "请填写原因。"),
            ("长" * 201, "原因最多 200 个字，现在有 201 个。"),
        ):
            answer = await desk.web.submit(f"{path}/decline", {"reason": reason})
            assert answer.status_code == 422
            assert error in answer.text
            assert '<details class="card" open>' in answer.text
            assert f'value="{reason}"' in answer.text
        async with sessions() as session:
            assert await session.scalar(select(func.count(Refund.id))) == 0
        for _ in range(2):
            answer = await desk.web.submit(f"{path}/decline", {"reason": "家里有事"})
            assert answer.status_code == 303
        async with sessions() as session:
            refund = (await session.scalars(select(Refund))).one()
        assert (refund.amount_fen, refund.work_order_id) == (27600, part.id)
        page = (await desk.web.get(path)).text
        assert "接不了：家里有事" in page
        assert f'action="{path}/' not in page
        answer = await desk.web.submit(f"{path}/accept")
        assert answer.status_code == 409
        assert "这张工单已经说了接不了，钱在退给买家。" in answer.text


async def test_the_desk_cancels_for_a_buyer_who_called(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part, path = await sell(desk)
        await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get(path)).text
        assert "买家不要了" in page
        empty = await desk.web.submit(f"{path}/cancel", {"cancel_reason": " "})
        assert (empty.status_code, 'id="f-cancel_reason-error"' in empty.text) == (422, True)
        answer = await desk.web.submit(f"{path}/cancel", {"cancel_reason": "打电话说买重了"})
        page = (await desk.web.get(answer.headers["location"])).text
        assert "取消了，钱在退给买家，现货可以再卖。" in page
        assert "买家不要了" not in page
    assert await state(sessions, part) == WorkOrderState.CANCELLED
    async with sessions() as session:
        refund = (await session.scalars(select(Refund))).one()
        assert (refund.amount_fen, refund.reason) == (27600, "打电话说买重了")
