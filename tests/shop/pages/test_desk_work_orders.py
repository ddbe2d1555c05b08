"""Work orders at the desk, where staff act for a family."""

from pathlib import Path

from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.models import AuditEntry, Kind, Role
from shop.models import Evidence, Refund, WorkOrder, WorkOrderState
from tests.desk import Desk, only, open_desk
from tests.making import make_product, make_station, make_workshop
from tests.pictures import CARVING
from tests.shop.sales import figures, order, pay, want

VIEWERS = only(Role.MANAGER, Role.HOST, Role.ORDER_DESK, Role.FINANCE)
PARCEL = {"carrier": "邮政快递", "tracking": "98001234 0001"}
BY_PHONE = {"said_channel": "call"}
ACCEPT = {"answer": "accept", **BY_PHONE}
DECLINE = {"answer": "decline", "reason": "病了", **BY_PHONE}


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
        steps = {"answer": ACCEPT, "ship": PARCEL, "deliver": {}}
        for role in (Role.HOST, Role.FINANCE):
            await desk.enter(role)
            assert "替它答复" not in (await desk.web.get("/desk/work-orders")).text
            page = (await desk.web.get(path)).text
            assert "138****8000" in page
            assert "替这家答复" not in page
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
            ("answer", ACCEPT, "接，按答应的日子", WorkOrderState.ACCEPTED),
            ("answer", {"answer": "start", **BY_PHONE}, "开始做了", WorkOrderState.MAKING),
            ("answer", {"answer": "ready", **BY_PHONE}, "做好了", WorkOrderState.READY),
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
            evidence = list(await session.scalars(select(Evidence).order_by(Evidence.id)))
        assert {(e.member_id, e.on_behalf_of) for e in entries} == {(staff.id, part.workshop_id)}
        # What the family said was said by telephone; what the station does itself is its own.
        assert [(e.action, e.channel, (e.after or {}).get("evidence")) for e in entries] == [
            ("work_order.accept", "call", evidence[0].id),
            ("work_order.start", "call", evidence[1].id),
            ("work_order.ready", "call", evidence[2].id),
            ("work_order.ship", "web", None),
            ("work_order.deliver", "web", None),
        ]
        assert page.count("家里人") == 3


async def test_the_likeliest_answer_by_telephone_is_chosen_beforehand(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, path = await sell(desk)
        await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get(path)).text
        assert 'name="answer" value="accept" checked' in page
        assert 'name="said_channel" value="call" checked' in page


async def test_what_was_typed_comes_back_with_what_is_wrong(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part, path = await sell(desk)
        await desk.enter(Role.ORDER_DESK)
        await desk.web.get(path)
        for values, error in (
            ({**ACCEPT, "said_channel": "smoke"}, "请选择怎么说的。"),
            ({**ACCEPT, "said_at": "2099-01-01T08:00"}, "这个时间还没有到。"),
            ({**ACCEPT, "said_at": "2020-01-01T08:00"}, "最多记 14 天以前说的话。"),
            ({**BY_PHONE, "answer": "date", "days": "x"}, "天数要填整数。"),
            ({**BY_PHONE, "answer": "date"}, "请填要几天，或者选一个日子。"),
            ({**BY_PHONE, "answer": "fly"}, "请选家里怎么答复的。"),
        ):
            answer = await desk.web.submit(f"{path}/answer", {**values, "said_by": "王家老二"})
            assert (answer.status_code, error in answer.text) == (422, True), error
            assert 'value="王家老二"' in answer.text
        assert await state(sessions, part) == WorkOrderState.NEW
        async with sessions() as session:
            assert await session.scalar(select(func.count(Evidence.id))) == 0


async def test_of_two_who_answer_the_second_is_told_who_was_first(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part, path = await sell(desk)
        await desk.enter(Role.MANAGER)
        await desk.web.get(path)
        await desk.web.submit(f"{path}/answer", {**DECLINE, "said_channel": "visit"})
        await desk.enter(Role.ORDER_DESK)
        await desk.web.get(path)
        answer = await desk.web.submit(f"{path}/answer", ACCEPT)
        assert answer.status_code == 409
        assert "manager " in answer.text
        assert "已经记下“接不了”（上门），这一次没有再记。" in answer.text
        assert await state(sessions, part) == WorkOrderState.DECLINED
        async with sessions() as session:
            assert await session.scalar(select(func.count(Evidence.id))) == 1


async def test_the_list_leads_to_the_form_for_what_a_family_says(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.MANAGER)
        part, path = await sell(desk)
        here = f"/desk/work-orders?state=new&workshop={part.workshop_id}"
        assert "替它答复" in (await desk.web.get(here)).text
        # No address of old takes the step without asking.
        for step in ("accept", "start", "ready", "decline"):
            assert (await desk.web.submit(f"{path}/{step}", {"back": here})).status_code == 404
        assert await state(sessions, part) == WorkOrderState.NEW


async def test_what_shows_it_is_kept_for_the_station_alone(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, path = await sell(desk, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3)
        await desk.enter(Role.ORDER_DESK)
        voice = b"ID3\x04" + bytes(200)
        for values, name, data in (
            (ACCEPT, "a.exe", voice),
            ({"answer": "start", **BY_PHONE}, "b.mp3", CARVING),
        ):
            await desk.web.get(path)
            files = {"said_file": (name, data, "text/plain")}
            assert (await desk.web.submit(f"{path}/answer", values, files=files)).status_code == 303
        async with sessions() as session:
            first, second = list(await session.scalars(select(Evidence).order_by(Evidence.id)))
        page = (await desk.web.get(path)).text
        assert (first.file_type, second.file_type) == ("audio/mpeg", "image/jpeg")
        assert f'href="/desk/evidence/{first.id}">听录音' in page
        assert f'href="/desk/evidence/{second.id}">看照片' in page
        heard = await desk.web.get(f"/desk/evidence/{first.id}")
        assert (heard.content, heard.headers["content-type"]) == (voice, "audio/mpeg")
        assert heard.headers["content-disposition"].startswith("attachment")
        assert heard.headers["x-content-type-options"] == "nosniff"
        assert (await desk.web.get(f"/desk/evidence/{second.id}")).content == CARVING
        await desk.enter(Role.ORDER_DESK, await make_station(sessions, "other"))
        assert (await desk.web.get(f"/desk/evidence/{first.id}")).status_code == 404


async def test_a_file_that_shows_nothing_is_refused(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part, path = await sell(desk)
        await desk.enter(Role.ORDER_DESK)
        await desk.web.get(path)
        for data, error in (
            (b"<html>", "这个文件不是照片。"),
            (b"OggS" + bytes(20_000_001), "录音太大了，最大 20 MB。"),
        ):
            files = {"said_file": ("a.jpg", data, "image/jpeg")}
            answer = await desk.web.submit(f"{path}/answer", ACCEPT, files=files)
            assert (answer.status_code, error in answer.text) == (422, True)
        assert await state(sessions, part) == WorkOrderState.NEW


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
        for step, values in (("answer", ACCEPT), ("ship", PARCEL), ("answer", DECLINE)):
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
        await desk.web.submit(f"{path}/answer", ACCEPT)
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
        assert "<strong>¥276</strong> 马上退给买家" in page
        for reason, error in (
            (" ", "请填写原因。"),
            ("长" * 201, "原因最多 200 个字，现在有 201 个。"),
        ):
            answer = await desk.web.submit(f"{path}/answer", {**DECLINE, "reason": reason})
            assert (answer.status_code, error in answer.text) == (422, True)
            assert 'name="answer" value="decline" checked' in answer.text
            assert f'value="{reason}"' in answer.text
        async with sessions() as session:
            assert await session.scalar(select(func.count(Refund.id))) == 0
        answer = await desk.web.submit(f"{path}/answer", {**DECLINE, "reason": "家里有事"})
        assert answer.status_code == 303
        async with sessions() as session:
            refund = (await session.scalars(select(Refund))).one()
        assert (refund.amount_fen, refund.work_order_id) == (27600, part.id)
        page = (await desk.web.get(path)).text
        assert "接不了：家里有事" in page
        assert f'action="{path}/answer"' not in page


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
