"""Slips at the desk: printed, brought back, read off a photo or typed in, and answered."""

import subprocess
from io import BytesIO
from pathlib import Path

from PIL import Image
from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.models import AuditEntry, Kind, Reach, Role, Workshop
from shop.models import DateChange, Evidence, Slip, WorkOrder
from tests.desk import Desk, open_desk
from tests.making import make_product, make_station, make_workshop
from tests.pictures import CARVING
from tests.shop.sales import order, pay, want

BY_SLIP = {"said_channel": "slip"}


async def sell(desk: Desk, reach: Reach = Reach.PAPER, name: str = "王家木作") -> WorkOrder:
    """A work order that nobody has answered, of a family on paper."""
    workshop = await make_workshop(desk.sessions, desk.station, name)
    async with desk.sessions.begin() as session:
        (await session.get_one(Workshop, workshop.id)).reached_by = reach
    product = await make_product(
        desk.sessions, workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3
    )
    placed = await pay(desk.sessions, await order(desk.sessions, want(product)))
    return placed.work_orders[0]


async def slip_of(desk: Desk, part: WorkOrder) -> Slip:
    """The slip, printed at the desk."""
    await desk.web.get("/desk/slips")
    await desk.web.submit("/desk/slips/print", {"work_order": str(part.id)})
    async with desk.sessions() as session:
        return (await session.scalars(select(Slip).where(Slip.work_order_id == part.id))).one()


async def photo_of(desk: Desk, slip: Slip, folder: Path) -> bytes:
    """A picture of the slip as it comes out of the printer."""
    answer = await desk.web.get(f"/desk/slips.pdf?code={slip.code}")
    assert answer.headers["content-type"] == "application/pdf"
    await desk.web.get("/desk/slips")
    return first_page(answer.content, folder / f"{slip.code}.pdf")


def first_page(pdf: bytes, paper: Path) -> bytes:
    """A JPEG of it; `paper` is where the PDF may be put."""
    paper.write_bytes(pdf)
    subprocess.run(
        ["pdftoppm", "-r", "110", "-png", "-singlefile", str(paper), str(paper)], check=True
    )
    buffer = BytesIO()
    Image.open(f"{paper}.png").convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


async def part_of(desk: Desk, part: WorkOrder) -> WorkOrder:
    async with desk.sessions() as session:
        return await session.get_one(WorkOrder, part.id)


async def test_a_slip_goes_out_and_comes_back_as_a_photo(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part = await sell(desk)
        await desk.enter(Role.ORDER_DESK)
        slip = await slip_of(desk, part)
        again = await slip_of(desk, part)
        assert (again.code, again.answered_at) == (slip.code, None)
        photo = await photo_of(desk, slip, tmp_path)
        files = {"photo": ("IMG_1.jpg", photo, "image/jpeg")}
        answer = await desk.web.submit("/desk/slips", {"code": ""}, files=files)
        assert answer.headers["location"].startswith(f"/desk/slips/{slip.code}?kept=")
        page = (await desk.web.get(answer.headers["location"])).text
        assert "照片已经收好" in page
        assert 'name="said_channel" value="slip" checked' in page
        kept = answer.headers["location"].partition("kept=")[2]
        values = {**BY_SLIP, "answer": "date", "days": "9", "said_kept": kept}
        answer = await desk.web.submit(f"/desk/slips/{slip.code}", values)
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/slips")
        async with sessions() as session:
            (evidence,) = await session.scalars(select(Evidence))
            back = await session.get_one(Slip, slip.id)
            (change,) = await session.scalars(select(DateChange))
            accepted = await session.scalars(
                select(AuditEntry).where(AuditEntry.action == "work_order.accept")
            )
            assert [entry.channel for entry in accepted] == ["slip"]
        assert (evidence.channel, evidence.work_order_id, evidence.file_type) == (
            "slip",
            part.id,
            "image/jpeg",
        )
        assert (back.evidence_id, back.answered_at is not None) == (evidence.id, True)
        assert (await part_of(desk, part)).state == "accepted"
        assert change.now_on == (await part_of(desk, part)).promised_on
        assert (await desk.web.get(f"/desk/evidence/{evidence.id}")).content == photo


async def test_a_code_is_typed_as_people_type(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part = await sell(desk)
        await desk.enter(Role.ORDER_DESK)
        slip = await slip_of(desk, part)
        typed = f" {slip.code[:3].lower()} {slip.code[3:].lower()}"
        answer = await desk.web.submit("/desk/slips", {"code": typed})
        assert answer.headers["location"] == f"/desk/slips/{slip.code}"
        scanned = await desk.web.get(f"/s/{slip.code.lower()}")
        assert (scanned.url.path, scanned.status_code) == (f"/desk/slips/{slip.code}", 200)


async def test_whoever_is_signed_out_signs_in_and_comes_back(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        answer = await desk.web.client.get("/S/ABCDEF", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/S/ABCDEF")
        statuses = await desk.statuses("/desk/slips")
        assert [role for role, status in statuses.items() if status == 200] == [
            Role.MANAGER,
            Role.ORDER_DESK,
        ]


async def test_what_is_not_found_says_so_plainly(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part = await sell(desk)
        await desk.enter(Role.ORDER_DESK)
        slip = await slip_of(desk, part)
        photo = await photo_of(desk, slip, tmp_path)
        for data, status, words in (
            (CARVING, 422, "照片里认不出码。"),
            (b"<html>", 422, "这个文件不是照片。"),
        ):
            files = {"photo": ("a.jpg", data, "image/jpeg")}
            answer = await desk.web.submit("/desk/slips", files=files)
            assert (answer.status_code, words in answer.text) == (status, True)
        for path in (f"/desk/slips/{slip.code}", f"/S/{slip.code}"):
            assert (await desk.web.get(path)).status_code == 200
        await desk.enter(Role.ORDER_DESK, await make_station(sessions, "other"))
        answer = await desk.web.get(f"/S/{slip.code}")
        assert (answer.status_code, f"这里没有 {slip.code} 这张纸条" in answer.text) == (404, True)
        assert "王家木作" not in answer.text
        answer = await desk.web.submit("/desk/slips", files={"photo": ("a.jpg", photo, "x/y")})
        assert (answer.status_code, "这张纸条" in answer.text) == (404, True)
        assert (await desk.web.get(f"/desk/slips.pdf?code={slip.code}")).status_code == 404
        await desk.web.get("/desk/slips")
        answer = await desk.web.submit("/desk/slips/print", {"work_order": str(part.id)})
        assert answer.status_code == 404


async def test_the_photo_of_another_slip_says_whose_it_is(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part, other = await sell(desk), await sell(desk, name="李家木作")
        await desk.enter(Role.ORDER_DESK)
        slip, wrong = await slip_of(desk, part), await slip_of(desk, other)
        photo = await photo_of(desk, wrong, tmp_path)
        files = {"said_file": ("a.jpg", photo, "image/jpeg")}
        for path in (f"/desk/slips/{slip.code}", f"/desk/work-orders/{part.id}/answer"):
            answer = await desk.web.submit(path, {**BY_SLIP, "answer": "accept"}, files=files)
            assert answer.status_code == 422
            assert (
                f"照片里是李家木作的工单 {other.id} 的纸条（{wrong.code}），不是这一张。"
                in answer.text
            )
        assert (await part_of(desk, part)).state == "new"
        async with sessions() as session:
            assert await session.scalar(select(func.count(Evidence.id))) == 0


async def test_a_slip_that_was_answered_says_by_whom(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        part = await sell(desk)
        await desk.enter(Role.MANAGER)
        slip = await slip_of(desk, part)
        values = {"said_channel": "call", "answer": "decline", "reason": "手伤了"}
        await desk.web.submit(f"/desk/work-orders/{part.id}/answer", values)
        await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get(f"/desk/slips/{slip.code}")).text
        assert "已经记下“接不了”（电话）" in page
        assert 'name="answer"' not in page
        answer = await desk.web.submit(f"/desk/slips/{slip.code}", {**BY_SLIP, "answer": "accept"})
        assert (answer.status_code, "已经记下“接不了”（电话）" in answer.text) == (409, True)
        answer = await desk.web.submit("/desk/slips/print", {"work_order": str(part.id)})
        assert answer.headers["location"] == "/desk/slips"


async def test_all_families_on_paper_at_once(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.ORDER_DESK)
        await desk.web.get("/desk/slips")
        answer = await desk.web.submit("/desk/slips/print", {"who": "paper"})
        assert answer.headers["location"] == "/desk/slips"
        await sell(desk)
        await sell(desk, name="李家木作")
        await sell(desk, Reach.SCREEN, "张家木作")
        page = (await desk.web.get("/desk/slips")).text
        assert "印靠纸条的家，2 张" in page
        assert "印全部没答复的，3 张" in page
        for who, many in (("paper", 2), ("all", 3)):
            answer = await desk.web.submit("/desk/slips/print", {"who": who})
            assert answer.headers["location"].count("code=") == many
        pdf = await desk.web.get(answer.headers["location"])
        assert pdf.content.count(b"/Type /Page\n") == 3
