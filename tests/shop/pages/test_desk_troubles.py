"""The exceptions inbox at the desk."""

from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select, update

from catalog.db import Sessions
from catalog.models import Kind, Product, Role
from shop.models import (
    Order,
    OrderState,
    Payment,
    Refund,
    RefundState,
    Trouble,
    WorkOrder,
)
from shop.troubles import TroubleKind, open_trouble
from tests.desk import Desk, only, open_desk
from tests.making import make_member, make_product, make_station, make_workshop, this_moment
from tests.shop.sales import figures, jobs, look, order, pay, want


async def sell(desk: Desk) -> tuple[Product, Order]:
    product = await make_product(desk.sessions, await make_workshop(desk.sessions, desk.station))
    placed = await order(desk.sessions, want(product), now=this_moment())
    return product, await look(desk.sessions, placed)


async def tell(
    desk: Desk,
    kind: TroubleKind = TroubleKind.JOB_FAILING,
    subject: str = "job:1",
    order_id: int | None = None,
    now: datetime | None = None,
) -> str:
    """The address of a new trouble."""
    async with desk.sessions.begin() as session:
        await open_trouble(
            session,
            station_id=desk.station.id,
            kind=kind,
            subject=subject,
            text=f"出了事：{subject}。",
            order_id=order_id,
            now=now or this_moment(),
        )
    async with desk.sessions() as session:
        query = select(Trouble.id).where(Trouble.kind == kind, Trouble.subject == subject)
        return f"/desk/troubles/{await session.scalar(query)}"


async def every(sessions: Sessions) -> list[Trouble]:
    async with sessions() as session:
        return list(await session.scalars(select(Trouble).order_by(Trouble.id)))


async def test_the_inbox_is_for_the_desk_and_the_finance(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        path = await tell(desk)
        allowed = only(Role.MANAGER, Role.ORDER_DESK, Role.FINANCE)
        for page in ("/desk/inbox", path):
            assert await desk.statuses(page) == allowed
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        assert (await desk.web.get(path)).status_code == 404
        assert "没有要处理的事" in (await desk.web.get("/desk/inbox")).text


async def test_the_list_says_what_it_is_how_old_and_what_to_do(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, placed = await sell(desk)
        old = this_moment() - timedelta(hours=5, minutes=1)
        await tell(desk, TroubleKind.NO_ANSWER, "work_order:1", placed.id, now=old)
        await tell(desk, TroubleKind.STOCK_MISMATCH, "product:7")
        await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get("/desk/inbox")).text
        for words in (
            "作坊没有应答",
            "5 小时",
            f'href="/desk/orders/{placed.code}"',
            "打电话给作坊：接，还是接不了。",
            'href="/desk/products/7"',
            "还没有人",
            'data-key="2"',
        ):
            assert words in page
        assert page.index("work_order:1") < page.index("product:7")
        assert '<span class="count">2</span>' in page
        narrow = (await desk.web.get("/desk/inbox?kind=stock_mismatch")).text
        assert "product:7" in narrow
        assert "work_order:1" not in narrow
        assert "没有这一类的事" in (await desk.web.get("/desk/money/differences")).text
        today = (await desk.web.get("/desk")).text
        assert "要处理的事" in today
        assert "work_order:1" in today
        await desk.enter(Role.HOST)
        today = (await desk.web.get("/desk")).text
        assert "work_order:1" not in today
        assert 'class="count"' not in today


async def test_a_trouble_is_taken_given_and_closed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        path = await tell(desk)
        finance = await make_member(sessions, desk.station, Role.FINANCE)
        me = await desk.enter(Role.ORDER_DESK)
        await desk.web.get("/desk/inbox")
        answer = await desk.web.submit(f"{path}/take", {"back": "1"})
        assert answer.headers["location"] == "/desk/inbox"
        assert [trouble.owner_id for trouble in await every(sessions)] == [me.id]
        await desk.web.get(path)
        answer = await desk.web.submit(f"{path}/take", {"owner": str(finance.id)})
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert [trouble.owner_id for trouble in await every(sessions)] == [finance.id]
        assert (await desk.web.submit(f"{path}/take", {"owner": "999"})).status_code == 404
        await desk.web.get(path)
        answer = await desk.web.submit(f"{path}/close", {"words": "查" * 201})
        assert answer.status_code == 422
        assert "怎么处理的最多 200 个字" in answer.text
        assert "查" * 201 in answer.text
        answer = await desk.web.submit(f"{path}/close", {"words": "重启以后好了"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/inbox")
        assert "没有要处理的事" in (await desk.web.get("/desk/inbox")).text
        closed = (await desk.web.get("/desk/inbox?show=closed")).text
        assert "重启以后好了" in closed
        assert "出了事" in closed
        page = (await desk.web.get(path)).text
        assert "处理完了：重启以后好了" in page
        assert f'action="{path}/close"' not in page


async def test_a_failed_refund_is_retried_from_the_inbox(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, placed = await sell(desk)
        placed = await pay(sessions, placed, this_moment())
        refund = Refund(
            station_id=desk.station.id,
            payment_id=placed.payments[0].id,
            cause="decline:1",
            state=RefundState.FAILED,
            amount_fen=100,
            created_at=this_moment(),
        )
        async with sessions.begin() as session:
            session.add(refund)
        path = await tell(desk, TroubleKind.REFUND_FAILED, f"refund:{refund.id}", placed.id)
        other = await tell(desk)
        await desk.enter(Role.FINANCE)
        await desk.web.get(path)
        # Only what failed can be retried.
        assert (await desk.web.submit(f"{other}/retry")).status_code == 404
        await desk.web.get(path)
        answer = await desk.web.submit(f"{path}/retry")
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/inbox")
        assert [job.args for job in await jobs(sessions, "shop.send_refund")] == [
            {"refund_id": refund.id}
        ]
        assert (await every(sessions))[0].closed_at is not None
        await desk.web.get(path)
        answer = await desk.web.submit(f"{path}/retry")
        assert answer.status_code == 409
        assert "这笔退款没有失败，不用再退一次。" in answer.text


async def test_a_payment_of_a_gateway_that_is_gone_is_asked_about_and_decided(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        product, placed = await sell(desk)
        payment = placed.payments[0]
        async with sessions.begin() as session:
            await session.execute(update(Payment).values(gateway="gone", session_id="cs_1"))
        path = await tell(desk, TroubleKind.PAYMENT_UNREACHABLE, f"payment:{payment.id}", placed.id)
        await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get(path)).text
        assert "再问一次付款服务" in page
        assert "no-money" not in page
        answer = await desk.web.submit(f"{path}/ask")
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert "问过了，还是查不到。" in (await desk.web.get(path)).text
        assert (await desk.web.submit(f"{path}/no-money")).status_code == 403
        assert (await look(sessions, placed)).state == OrderState.UNPAID
        manager = await desk.enter(Role.MANAGER)
        assert "确实没有收到钱？" in (await desk.web.get(path)).text
        answer = await desk.web.submit(f"{path}/no-money")
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/inbox")
        assert (await look(sessions, placed)).state == OrderState.EXPIRED
        assert await figures(sessions, product) == [(3, 0)]
        [trouble] = await every(sessions)
        assert (trouble.closed_by, trouble.closing) == (manager.id, "查过了，没有收到钱")
        await desk.web.get(path)
        assert (await desk.web.submit(f"{path}/no-money")).status_code == 409


async def test_a_promise_that_outlasts_the_wallet_is_shown_with_the_order(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, placed = await sell(desk)
        placed = await pay(sessions, placed, this_moment())
        await desk.enter(Role.ORDER_DESK)
        found = {}
        for promised_on in (date(2027, 1, 15), date(2027, 1, 30), date(2027, 3, 1)):
            async with sessions.begin() as session:
                (await session.get_one(Payment, placed.payments[0].id)).refund_until = date(
                    2027, 2, 20
                )
                part = await session.get_one(WorkOrder, placed.work_orders[0].id)
                part.promised_on = promised_on
            page = (await desk.web.get(f"/desk/orders/{placed.code}")).text
            found[promised_on.month, promised_on.day] = [
                words in page
                for words in ("快到退款期限", "过了退款期限", "要到 3月22日；这笔钱 2月20日 以后")
            ]
        assert found == {
            (1, 15): [False, False, False],
            (1, 30): [True, False, False],
            (3, 1): [False, True, True],
        }


async def test_a_product_that_takes_too_long_says_what_to_do(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        await desk.enter(Role.MANAGER)
        found = []
        for days in (30, 60, 80):
            product = await make_product(
                sessions, workshop, on_hand=0, kind=Kind.MADE_TO_ORDER, work_days=days
            )
            page = (await desk.web.get(f"/desk/products/{product.id}")).text
            found.append(["有点久" in page, "太久了" in page, "101 天" in page])
        assert found == [[False, False, False], [True, False, False], [False, True, True]]
