"""One payout at the desk: paid with proof, cancelled, and its receipt on paper."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from catalog.access import Actor
from catalog.checks import BEIJING
from catalog.db import Sessions
from catalog.models import Role
from shop import payouts
from shop.models import Payout, PayoutState
from tests.desk import Desk, open_desk
from tests.making import act, make_member, make_product, make_station, make_workshop
from tests.shop.money import rename, sell

PHOTO = Path(__file__).parents[2] / "media" / "carving.jpg"


async def one_payout(desk: Desk, way: str, *, approved: bool = True) -> Payout:
    """A payout of 262.60 to the family of the station, made and approved by others."""
    now = datetime.now(UTC)
    workshop = await make_workshop(desk.sessions, desk.station)
    await rename(desk.sessions, workshop, pay_way=way, pay_to="" if way == "cash" else "6222 王")
    product = await make_product(desk.sessions, workshop)
    await sell(desk.sessions, product, payable_on=now.astimezone(BEIJING).date(), fee_bp=500)
    maker, other = [await _somebody(desk) for _ in range(2)]
    async with desk.sessions.begin() as session:
        run = await payouts.draft_run(session, maker, now)
    if approved:
        async with desk.sessions.begin() as session:
            await payouts.approve_run(session, other, run.id, now)
    return run.payouts[0]


async def _somebody(desk: Desk) -> Actor:
    return act(await make_member(desk.sessions, desk.station, Role.MANAGER))


async def look(sessions: Sessions) -> Payout:
    async with sessions() as session:
        return (await session.scalars(select(Payout))).one()


async def test_a_transfer_needs_its_number(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        payout = await one_payout(desk, "bank")
        path = f"/desk/money/payouts/{payout.id}"
        await desk.enter(Role.FINANCE)
        page = (await desk.web.get(path)).text
        assert "6222 王" in page
        assert "记下：付了 ¥262.60" in page
        assert "打收据" not in page
        answer = await desk.web.submit(f"{path}/paid", {"reference": " "})
        assert answer.status_code == 422
        assert "请填写转账单号。" in answer.text
        assert (await look(sessions)).state == PayoutState.APPROVED
        answer = await desk.web.submit(f"{path}/paid", {"reference": "20261122001"})
        assert answer.headers["location"] == f"/desk/money/runs/{payout.run_id}"
        found = await look(sessions)
        assert (found.state, found.reference) == (PayoutState.PAID, "20261122001")
        answer = await desk.web.submit(f"{path}/cancel")
        assert answer.status_code == 409
        assert "已经付了，不能取消" in answer.text
        assert (await desk.web.get(f"{path}/receipt")).status_code == 404


async def test_cash_needs_a_witness_and_a_photo(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        payout = await one_payout(desk, "cash")
        path = f"/desk/money/payouts/{payout.id}"
        await desk.enter(Role.FINANCE)
        await desk.web.get(path)
        answer = await desk.web.submit(f"{path}/paid", {"witness": "赵 <b>主任"})
        assert answer.status_code == 422
        assert "请拍下签了字的收据。" in answer.text
        assert 'value="赵 &lt;b&gt;主任"' in answer.text
        files = {"photo": ("receipt.jpg", b"no picture", "image/jpeg")}
        answer = await desk.web.submit(f"{path}/paid", {"witness": "赵主任"}, files=files)
        assert answer.status_code == 422
        assert (await look(sessions)).state == PayoutState.APPROVED
        files = {"photo": ("receipt.jpg", PHOTO.read_bytes(), "image/jpeg")}
        answer = await desk.web.submit(f"{path}/paid", {"witness": "赵主任"}, files=files)
        assert answer.status_code == 303
        assert (await look(sessions)).witness == "赵主任"
        assert "赵主任" in (await desk.web.get(path)).text
        receipt = await desk.web.get(f"{path}/receipt")
        assert receipt.headers["content-type"] == "image/jpeg"
        assert receipt.content == PHOTO.read_bytes()
        await desk.enter(Role.ORDER_DESK)
        assert (await desk.web.get(f"{path}/receipt")).status_code == 403


async def test_what_is_not_approved_is_not_paid_but_may_be_cancelled(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        payout = await one_payout(desk, "wechat", approved=False)
        path = f"/desk/money/payouts/{payout.id}"
        await desk.enter(Role.FINANCE)
        assert "这批还没有批准，先不要付。" in (await desk.web.get(path)).text
        answer = await desk.web.submit(f"{path}/paid", {"reference": "1"})
        assert answer.status_code == 409
        assert "还没有批准" in answer.text
        assert (await desk.web.submit(f"{path}/cancel")).status_code == 303
        assert (await look(sessions)).state == PayoutState.CANCELLED
        assert (await desk.web.get(f"{path}/slip")).status_code == 404


async def test_the_receipt_says_the_amount_twice_and_what_it_is_for(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        payout = await one_payout(desk, "cash")
        slip = f"/desk/money/payouts/{payout.id}/slip"
        await desk.enter(Role.FINANCE)
        page = (await desk.web.get(slip)).text
        for text in (
            "今领到现金",
            "¥262.60",
            "贰佰陆拾贰元陆角整",
            "福字圆挂 ×1",
            "领款人签字或按手印",
            "见证人签字",
            "卖了（连邮费）¥276，社工站留的 ¥13.40，以前付过 ¥0，这次付 ¥262.60，付完还欠 ¥0。",
        ):
            assert text in page
        async with sessions.begin() as session:
            proof = payouts.Proof(witness="赵主任", receipt_key="receipts/1")
            await payouts.mark_paid(
                session, await _somebody(desk), payout.id, proof, datetime.now(UTC)
            )
        assert "以前付过 ¥0，这次付 ¥262.60，付完还欠 ¥0。" in (await desk.web.get(slip)).text


async def test_another_stations_payout_is_not_there(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        payout = await one_payout(desk, "bank")
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        await desk.web.get("/desk/money")
        path = f"/desk/money/payouts/{payout.id}"
        for page in ("", "/slip", "/receipt"):
            assert (await desk.web.get(path + page)).status_code == 404
        assert (await desk.web.get(f"/desk/money/runs/{payout.run_id}")).status_code == 404
        await desk.web.get("/desk/money")
        assert (await desk.web.submit(f"{path}/paid", {"reference": "1"})).status_code == 404
        await desk.web.get("/desk/money")
        assert (await desk.web.submit(f"{path}/cancel")).status_code == 404
        assert (await look(sessions)).state == PayoutState.APPROVED
