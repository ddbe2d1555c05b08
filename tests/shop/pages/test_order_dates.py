"""A new day on the buyer's order page, with scripts off: kept, cancelled, or answered too late."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from catalog.access import Actor
from catalog.db import Sessions
from catalog.models import Kind
from shop import work_steps
from shop.dates import change_date
from shop.models import DateChange, Order
from shop.promise import beijing_day
from tests.making import act, make_product, make_station, make_workshop, this_moment
from tests.shop.pages.buyer import NASTY, minutes_ago, phone, words
from tests.shop.sales import look, order, pay, refunds, staff, want


def later() -> date:
    return beijing_day(this_moment()) + timedelta(days=20)


async def asked(sessions: Sessions, *steps: str) -> tuple[Order, DateChange, Actor]:
    """A paid order whose day was changed to `later`, with its question, and a manager."""
    workshop = await make_workshop(sessions, await make_station(sessions))
    board = await make_product(
        sessions, workshop, name="竖匾", kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7
    )
    placed = await pay(sessions, await order(sessions, want(board), now=minutes_ago(1)))
    manager, part = act(await staff(sessions, board)), placed.work_orders[0].id
    async with sessions.begin() as session:
        for step in steps:
            await getattr(work_steps, step)(session, manager, part, this_moment())
        change = await change_date(session, manager, part, later(), NASTY[:100], this_moment())
    return placed, change, manager


def answering(change: DateChange, answer: str) -> dict[str, str]:
    return {"change": str(change.id), "answer": answer}


async def test_the_buyer_reads_both_days_and_waits(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    placed, change, _ = await asked(sessions, "accept", "start")
    path = f"/o/{placed.token}"
    async with phone(database_url, tmp_path) as web:
        page = (await web.get(path)).text
        said = words(page)
        assert f"要等到 {later().month}月{later().day}日" in said
        assert "确定取消，退 ¥276" in said
        assert "要取消得先问社工站" not in said
        answer = await web.submit(f"{path}/date", answering(change, "keep"))
        assert answer.headers["location"] == path
        kept = words((await web.get(path)).text)
    assert "要等到" not in kept
    assert f"{later().month}月{later().day}日 前做好" in kept
    assert "要取消得先问社工站" in kept
    assert await refunds(sessions) == []


async def test_the_buyer_does_not_wait_and_has_it_all_back(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    placed, change, _ = await asked(sessions, "accept", "start")
    path = f"/o/{placed.token}"
    async with phone(database_url, tmp_path) as web:
        await web.get(path)
        for _ in range(2):
            answer = await web.submit(f"{path}/date", answering(change, "cancel"))
            assert answer.status_code == 303
        said = words((await web.get(path)).text)
        late = await web.submit(f"{path}/date", answering(change, "keep"))
        after = words((await web.get(path)).text)
    assert "退款 ¥276" in said
    assert late.status_code == 303
    assert "您已经取消了，钱在退给您。" in after
    assert [refund.amount_fen for refund in await refunds(sessions)] == [27600]


async def test_who_answers_after_the_parcel_left_is_told_so(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    placed, change, manager = await asked(sessions, "accept")
    path = f"/o/{placed.token}"
    async with phone(database_url, tmp_path) as web:
        await web.get(path)
        async with sessions.begin() as session:
            part = placed.work_orders[0].id
            await work_steps.ship(session, manager, part, "顺丰", "SF1234567890", this_moment())
        await web.submit(f"{path}/date", answering(change, "cancel"))
        said = words((await web.get(path)).text)
    assert "这部分已经寄出了。" in said
    assert "要等到" not in said
    assert (await look(sessions, placed)).work_orders[0].state == "shipped"
    assert await refunds(sessions) == []


@pytest.mark.parametrize("typed", [{"answer": "keep"}, {"answer": "maybe", "change": "1"}, {}])
async def test_an_answer_to_nothing_is_not_found(
    sessions: Sessions, database_url: str, tmp_path: Path, typed: dict[str, str]
) -> None:
    placed, _, _ = await asked(sessions)
    async with phone(database_url, tmp_path) as web:
        await web.get(f"/o/{placed.token}")
        assert (await web.submit(f"/o/{placed.token}/date", typed)).status_code == 404
    assert (await look(sessions, placed)).work_orders[0].promised_on == later()
