"""Money by hand at the desk."""

from datetime import UTC, datetime
from pathlib import Path

from httpx import Response

from catalog.db import Sessions
from catalog.models import Member, Role
from media.photos import MAX_BYTES
from shop.models import Order, OrderState, ReceiptState, RefundState
from tests.desk import Desk, only, open_desk
from tests.making import make_product, make_station, make_workshop
from tests.shop.cashing import deeds, picture, receipts
from tests.shop.pages.buyer import NASTY, minutes_ago, value_of, words
from tests.shop.sales import is_paid, look, order, refunds, settle_as, want

RECORDERS = only(Role.MANAGER, Role.HOST, Role.ORDER_DESK, Role.FINANCE)
LIST = "/desk/receipts"


async def place(desk: Desk) -> Order:
    workshop = await make_workshop(desk.sessions, desk.station)
    product = await make_product(desk.sessions, workshop, on_hand=9)
    return await order(desk.sessions, want(product), now=minutes_ago(2))


async def record(desk: Desk, placed: Order, photo: bytes | None = None, **typed: str) -> Response:
    path = f"/desk/orders/{placed.code}/receipt"
    await desk.web.get(path)
    files = {"photo": ("x.jpg", photo, "image/jpeg")} if photo else None
    values = {"way": "code", "reference": "4200002118", **typed}
    return await desk.web.submit(path, values, files=files)


async def recorded(desk: Desk, role: Role = Role.ORDER_DESK) -> tuple[Order, int, Member]:
    """An order with a receipt, its id, and who recorded it."""
    placed = await place(desk)
    who = await desk.enter(role)
    answer = await record(desk, placed, picture(), reference=placed.code)
    assert (answer.status_code, answer.headers["location"]) == (303, LIST)
    return placed, (await receipts(desk.sessions))[-1].id, who


async def test_pages_are_for_those_who_take_money(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        placed = await place(desk)
        assert await desk.statuses(LIST) == RECORDERS
        assert await desk.statuses(f"/desk/orders/{placed.code}/receipt") == RECORDERS
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        assert placed.code not in (await desk.web.get(LIST)).text
        assert (await desk.web.get(f"/desk/orders/{placed.code}/receipt")).status_code == 404
        for path in (
            f"/desk/orders/{placed.code}/receipt",
            "/desk/receipts/99/confirm",
            "/desk/refunds/99/confirm",
        ):
            await desk.web.get(LIST)
            assert (await desk.web.submit(path)).status_code == 404
    assert await receipts(sessions) == []


async def test_one_records_and_another_confirms_with_the_photo_beside_it(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.ORDER_DESK)
        assert "没有在等的" in words((await desk.web.get(LIST)).text)
        placed, number, _ = await recorded(desk)
        own = (await desk.web.get(LIST)).text
        assert "登记好了，请另一个人来确认。" in own
        assert "您登记的，要别人来确认。" in words(own)
        assert f"{LIST}/{number}/confirm" not in own
        assert (await desk.web.submit(f"{LIST}/{number}/confirm")).status_code == 403

        await desk.enter(Role.FINANCE)
        page = (await desk.web.get(LIST)).text
        assert f'src="{LIST}/{number}/photo"' in page
        assert f"收款码 · {placed.code}" in words(page)
        shown = await desk.web.client.get(f"{LIST}/{number}/photo")
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
        assert shown.headers["cache-control"] == "no-store"
        assert shown.content == picture()
        answer = await desk.web.submit(f"{LIST}/{number}/confirm")
        assert (answer.status_code, answer.headers["location"]) == (303, LIST)
        after = words((await desk.web.get(LIST)).text)
        assert f"订单 {placed.code}：确认了，作坊马上知道。" in after
        assert "已确认" in after
        told = words((await desk.web.get(f"/desk/orders/{placed.code}")).text)
        assert "站里收款 ¥276 已收到" in told
        assert "登记收款" in told
        assert "确认收款" in told
        again = await desk.web.submit(f"{LIST}/{number}/confirm")
        assert again.status_code == 409
        assert "这笔收款已经有人确认了。" in words(again.text)
    assert (await look(sessions, placed)).state == OrderState.PAID


async def test_photos_are_private(sessions: Sessions, database_url: str, tmp_path: Path) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, number, _ = await recorded(desk)
        path = f"{LIST}/{number}/photo"
        assert await desk.statuses(path) == only(Role.MANAGER, Role.ORDER_DESK, Role.FINANCE)
        (receipt,) = await receipts(sessions)
        await desk.enter(Role.HOST)
        assert path not in (await desk.web.get(LIST)).text
        await desk.enter(Role.FINANCE, await make_station(sessions, "other"))
        assert (await desk.web.get(path)).status_code == 404
        assert (await desk.web.get(f"{LIST}/99/photo")).status_code == 404
        desk.web.client.cookies.clear()
        stranger = await desk.web.client.get(path, follow_redirects=False)
        assert stranger.status_code == 303
        for guess in (f"/{receipt.photo_key}", f"/photos/{receipt.photo_key}"):
            assert (await desk.web.get(guess)).status_code == 404


async def test_what_is_wrong_is_said_in_place_and_what_was_typed_is_kept(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        placed = await place(desk)
        await desk.enter(Role.HOST)
        for typed, photo, said in (
            ({"reference": ""}, None, "请填写单号或收据号。"),
            ({"way": ""}, None, "请选择钱是怎么来的。"),
            ({}, b"no photo", "这个文件不是照片。"),
            ({}, b"\xff\xd8\xff" + bytes(MAX_BYTES), "照片太大了，最大 50 MB。"),
        ):
            answer = await record(desk, placed, photo, **typed)
            assert answer.status_code == 422
            assert said in words(answer.text)
            assert value_of(answer.text, "reference") == typed.get("reference", "4200002118")
        nasty = await record(desk, placed, b"no photo", reference=NASTY)
        assert value_of(nasty.text, "reference") == NASTY
        assert "<script>alert" not in nasty.text
        assert await receipts(sessions) == []
        assert (await record(desk, placed)).status_code == 303
        twice = await record(desk, placed, reference="2")
        assert twice.status_code == 409
        assert "登记过一次收款" in words(twice.text)


async def test_one_sends_back_what_did_not_come(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        placed, number, _ = await recorded(desk)
        await desk.enter(Role.MANAGER)
        await desk.web.get(LIST)
        empty = await desk.web.submit(f"{LIST}/{number}/reject", {"reason": ""})
        assert empty.status_code == 422
        assert f'id="f-reason-{number}-error"' in empty.text
        assert [r.state for r in await receipts(sessions)] == [ReceiptState.RECORDED]
        answer = await desk.web.submit(f"{LIST}/{number}/reject", {"reason": "账上没有"})
        assert answer.status_code == 303
        assert "退回了。订单回到原来的付款时间。" in (await desk.web.get(LIST)).text
        form = words((await desk.web.get(f"/desk/orders/{placed.code}/receipt")).text)
    assert "退回的原因：账上没有" in form
    assert "登记，等别人确认" in form
    assert (await look(sessions, placed)).state == OrderState.UNPAID


async def test_nobody_confirms_their_own(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, number, who = await recorded(desk, Role.MANAGER)
        await desk.web.get(LIST)
        for path in (f"{LIST}/{number}/confirm", f"{LIST}/{number}/reject"):
            answer = await desk.web.submit(path, {"reason": "我"})
            assert answer.status_code == 403
            assert "登记的人不能自己确认，请另一个人来看。" in words(answer.text)
        assert await deeds(sessions) == [("receipt.record", who.id)]


async def test_buyers_who_mean_to_pay_by_code_are_listed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        placed = await place(desk)
        other = await place(desk)
        async with sessions.begin() as session:
            row = await session.get_one(type(placed.payments[0]), placed.payments[0].id)
            row.gateway = "offline"
        await desk.enter(Role.HOST)
        said = words((await desk.web.get(LIST)).text)
        assert placed.code in said
        assert other.code not in said
        assert (await record(desk, placed)).status_code == 303
        page = words((await desk.web.get(LIST)).text)
        assert "说好扫码付、还没登记的订单" not in page


async def test_money_is_handed_back_by_two(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        placed, number, _ = await recorded(desk)
        now = datetime.now(UTC)
        await settle_as(sessions, placed.payments[0], is_paid(placed.payments[0]), now)
        await desk.enter(Role.FINANCE)
        await desk.web.get(LIST)
        await desk.web.submit(f"{LIST}/{number}/confirm")
        (refund,) = await refunds(sessions)
        path = f"/desk/refunds/{refund.id}"
        page = words((await desk.web.get(LIST)).text)
        assert "退 ¥276" in page
        assert "同一笔订单付了两次" in page
        early = await desk.web.submit(f"{path}/confirm")
        assert (early.status_code, "请先登记" in words(early.text)) == (409, True)
        empty = await desk.web.submit(f"{path}/record", {"reference": ""})
        assert empty.status_code == 422
        assert f'id="f-reference-{refund.id}-error"' in empty.text
        assert (await desk.web.submit(f"{path}/record", {"reference": "77"})).status_code == 303
        await desk.web.get(LIST)
        assert (await desk.web.submit(f"{path}/confirm")).status_code == 403
        await desk.enter(Role.MANAGER)
        assert "退到了，确认 ¥276" in words((await desk.web.get(LIST)).text)
        assert (await desk.web.submit(f"{path}/confirm")).status_code == 303
        assert "没有要亲手退的钱。" in words((await desk.web.get(LIST)).text)
    assert [row.state for row in await refunds(sessions)] == [RefundState.SUCCEEDED]
