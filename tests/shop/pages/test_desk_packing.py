"""Packing at the desk: lists, labels, many parcels at once, and a number put right."""

from pathlib import Path

from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import AuditEntry, Role, Workshop
from shop import work_steps
from shop.models import WorkOrder, WorkOrderState
from tests.desk import Desk, only, open_desk
from tests.making import NOON, act, make_member, make_station, make_workshop
from tests.paper import codes_on
from tests.shop.parcel_desk import finished, sold, stands

DESK_ONLY = only(Role.MANAGER, Role.ORDER_DESK)
SF = "SF1234567890123"


async def family(desk: Desk) -> Workshop:
    return await make_workshop(desk.sessions, desk.station)


async def test_packing_is_for_the_desk(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        for page in ("/desk/packing", "/desk/parcels", "/desk/handovers"):
            assert await desk.statuses(page) == DESK_ONLY
        await desk.enter(Role.ORDER_DESK)
        assert "没有要打包的" in (await desk.web.get("/desk/packing")).text
        part = await finished(sessions, await family(desk))
        page = (await desk.web.get("/desk/packing")).text
        assert f'value="{part.id}"' in page
        assert "在家里" in page
        assert part.order.buyer_phone not in page


async def test_labels_are_printed_masked_and_by_choice_whole(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part = await finished(sessions, await family(desk))
        await desk.enter(Role.ORDER_DESK)
        await desk.web.get("/desk/packing")
        for kind in ("lists", "labels"):
            answer = await desk.web.submit(f"/desk/packing/{kind}.pdf", {})
            assert (answer.status_code, answer.headers["location"]) == (303, "/desk/packing")
        labels = await desk.web.submit("/desk/packing/labels.pdf", {"ids": part.id})
        assert labels.headers["content-type"] == "application/pdf"
        assert labels.headers["cache-control"] == "no-store"
        [url] = codes_on(labels.content, tmp_path / "label.pdf")
        assert url.endswith(f"/desk/handovers/new?take={part.id}")
        lists = await desk.web.submit("/desk/packing/lists.pdf", {"ids": part.id})
        assert lists.content.startswith(b"%PDF")
        answer = await desk.web.submit("/desk/packing/labels.pdf", {"ids": part.id, "whole": "1"})
        async with sessions() as session:
            query = select(AuditEntry).where(AuditEntry.action == "work_order.label")
            entries = list(await session.scalars(query))
        assert (answer.status_code, len(entries)) == (200, 1)
        # Another station's work orders are not there to be printed.
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        await desk.web.get("/desk/packing")
        answer = await desk.web.submit("/desk/packing/labels.pdf", {"ids": part.id})
        assert answer.status_code == 303


async def test_whole_labels_are_not_for_everybody(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part = await finished(sessions, await family(desk))
        blind = await make_member(sessions, desk.station, Role.ORDER_DESK)
        async with sessions.begin() as session:
            (await session.merge(blind)).sees_phones = False
        await desk.become(blind)
        assert "标签不遮盖" not in (await desk.web.get("/desk/packing")).text
        values = {"ids": part.id, "whole": "1"}
        assert (await desk.web.submit("/desk/packing/labels.pdf", values)).status_code == 403
        await desk.web.get("/desk/orders")
        for page in ("/desk/orders.csv", "/desk/work-orders.xlsx"):
            await desk.web.get("/desk/packing")
            assert (await desk.web.submit(page, {})).status_code == 403
        async with sessions() as session:
            found = await session.scalars(
                select(AuditEntry.action).where(AuditEntry.member_id == blind.id)
            )
            assert list(found) == []


async def test_many_parcels_are_looked_at_then_sent(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await family(desk)
        first, second = [await finished(sessions, workshop) for _ in range(2)]
        await desk.enter(Role.ORDER_DESK)
        await desk.web.get("/desk/work-orders")
        page = (await desk.web.submit("/desk/parcels", {"ids": [first.id, second.id]})).text
        assert f"{first.id},邮政快递,\n{second.id},邮政快递," in page
        assert (await desk.web.submit("/desk/parcels", {"text": " "})).status_code == 422
        text = f"{first.id},顺丰,{SF}\n{second.id},顺丰"
        page = (await desk.web.submit("/desk/parcels", {"text": text})).text
        assert "可以寄" in page
        assert "要有订单号、快递公司、快递单号" in page
        assert (await stands(sessions, first)).state == WorkOrderState.READY
        page = (await desk.web.submit("/desk/parcels", {"text": text, "send": "1"})).text
        assert "寄出了 1 个包裹。" in page
        assert f"{second.id},顺丰</textarea>" in page
        assert (await stands(sessions, first)).tracking == SF
        # The rest comes as a file that Excel wrote.
        rest = f"订单,快递,单号\r\n{second.order.code},圆通速递,YT1234567890123\r\n".encode(
            "gb18030"
        )
        page = (
            await desk.web.submit("/desk/parcels", {}, files={"file": ("p.csv", rest, "text/csv")})
        ).text
        assert "可以寄" in page
        text = f"{second.order.code},圆通速递,YT1234567890123"
        answer = await desk.web.submit("/desk/parcels", {"text": text, "send": "1"})
        assert (answer.status_code, answer.headers["location"]) == (
            303, "/desk/work-orders?state=shipped",
        )  # fmt: skip
        page = (await desk.web.get("/desk/work-orders?state=shipped")).text
        assert f'href="https://www.sf-express.com/chn/sc/waybill/waybill-detail/{SF}"' in page
        assert 'rel="noreferrer"' in page


async def test_a_number_is_put_right(sessions: Sessions, database_url: str, tmp_path: Path) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part = await finished(sessions, await family(desk))
        manager = await desk.enter(Role.MANAGER)
        async with sessions.begin() as session:
            await work_steps.ship(session, act(manager), part.id, "中通", "75123456789012", NOON)
        path = f"/desk/work-orders/{part.id}/parcel"
        assert await desk.statuses(path) == DESK_ONLY
        await desk.enter(Role.ORDER_DESK)
        assert 'value="75123456789012"' in (await desk.web.get(path)).text
        answer = await desk.web.submit(path, {"carrier": "中通", "tracking": SF})
        assert (answer.status_code, "像是顺丰的" in answer.text) == (422, True)
        assert 'name="sure"' in answer.text
        answer = await desk.web.submit(path, {"carrier": "顺丰", "tracking": SF})
        assert answer.status_code == 303
        now = await stands(sessions, part)
        assert (now.carrier, now.tracking) == ("顺丰", SF)
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        assert (await desk.web.get(path)).status_code == 404


async def test_those_ticked_are_delivered_and_the_rest_counted(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await family(desk)
        sent, waiting = await finished(sessions, workshop), await sold(sessions, workshop)
        manager = await desk.enter(Role.MANAGER)
        async with sessions.begin() as session:
            await work_steps.ship(session, act(manager), sent.id, "其他", "12345", NOON)
        here = "/desk/work-orders?state=all"
        await desk.web.get(here)
        values = {"ids": [sent.id, waiting.id], "back": here}
        answer = await desk.web.submit("/desk/work-orders/deliver", values)
        assert (answer.status_code, answer.headers["location"]) == (303, here)
        page = (await desk.web.get(here)).text
        assert "1 张工单记为签收。还有 1 张没有寄出，没有动。" in page
        states: list[WorkOrder] = [await stands(sessions, part) for part in (sent, waiting)]
        assert [part.state for part in states] == [WorkOrderState.DELIVERED, WorkOrderState.NEW]
