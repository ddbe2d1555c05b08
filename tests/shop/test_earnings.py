"""A family's money told: the worked example of docs/money.md, to the fen."""

from datetime import date, timedelta

from catalog.db import Sessions
from catalog.models import Role, Workshop
from catalog.spans import Span, month_of, read_span
from shop import payouts
from shop.accounts import account_of
from shop.earnings import Totals, list_earnings, totals
from shop.payable import account_fen, standings
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.money import give_back, pay_out, rename, sell

TODAY = date(2026, 11, 22)


async def sums(sessions: Sessions, workshop: Workshop) -> Totals:
    async with sessions() as session:
        return await totals(session, workshop.id)


async def test_the_worked_example_to_the_fen(sessions: Sessions) -> None:
    station = await make_station(sessions)
    wang = await make_workshop(sessions, station)
    li = await make_workshop(sessions, station, "李家木雕")
    await rename(sessions, wang, pay_way="bank", pay_to="6222")
    plaque, tray = await make_product(sessions, wang), await make_product(sessions, li)
    maker, other = [act(await make_member(sessions, station, Role.MANAGER)) for _ in range(2)]
    sold = await sell(sessions, plaque, payable_on=TODAY, fee_bp=500)
    declined = await sell(sessions, tray, goods_fen=9990, fee_bp=250)
    assert await sums(sessions, li) == Totals(sold_fen=10790, fee_fen=-250)
    await give_back(sessions, declined.work_orders[0])
    assert await sums(sessions, li) == Totals(sold_fen=10790, returned_fen=-10790)
    assert await pay_out(sessions, maker, other) == [26260]
    assert await sums(sessions, wang) == Totals(sold_fen=27600, fee_fen=-1340, paid_fen=-26260)
    await give_back(sessions, sold.work_orders[0])
    async with sessions.begin() as session:
        seen = await payouts.newest_entry(session, wang.id)
        await payouts.lift_debt(session, maker, wang.id, ("100", "难处"), seen, NOON)
    found = await sums(sessions, wang)
    assert found == Totals(
        sold_fen=27600, returned_fen=-27600, fee_fen=0, paid_fen=-26260, other_fen=10000
    )
    assert found.balance_fen == -16260
    await sell(sessions, plaque, goods_fen=50000, fee_bp=500, payable_on=TODAY)
    assert await pay_out(sessions, maker, other) == [32040]
    async with sessions() as session:
        told = await list_earnings(session, station.id, wang.id)
        standing = (await standings(session, station.id, TODAY))[wang.id]
        own = [await account_fen(session, station.id, name) for name in ("station", "fund", "bank")]
    assert (standing.balance_fen, own) == (0, [2500, -10000, 58300])
    assert [(one.kind, one.what, one.amount_fen) for one in told] == [
        ("payout", "银行转账，单号 88", -32040),
        ("fee", "福字圆挂 ×1", -2500),
        ("postage", "福字圆挂 ×1", 800),
        ("sale", "福字圆挂 ×1", 50000),
        ("correction", "", 10000),
        ("refund", "福字圆挂 ×1", -26260),
        ("payout", "银行转账，单号 88", -26260),
        ("fee", "福字圆挂 ×1", -1340),
        ("postage", "福字圆挂 ×1", 800),
        ("sale", "福字圆挂 ×1", 26800),
    ]


async def test_a_statement_begins_and_ends_with_what_was_owed(sessions: Sessions) -> None:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    product = await make_product(sessions, workshop)
    # The last minute of October in Beijing, the first of November, and the first of December.
    october = NOON.replace(month=10, day=31, hour=15, minute=59)
    for at in (october, october + timedelta(minutes=1), NOON.replace(day=30, hour=16)):
        await sell(sessions, product, now=at)
    artisan = act(await make_member(sessions, station, Role.ARTISAN, workshop))
    async with sessions() as session:
        account = await account_of(session, artisan, workshop.id, month_of(TODAY))
    assert (account.opening_fen, account.closing_fen) == (27600, 55200)
    assert account.totals == Totals(sold_fen=27600)
    assert [(one.amount_fen, balance) for one, balance in account.lines] == [
        (26800, 54400),
        (800, 55200),
    ]


def test_a_span_is_read_or_is_this_month() -> None:
    november = Span(date(2026, 11, 1), date(2026, 11, 30))
    assert month_of(TODAY) == november
    assert (november.words, november.is_month) == ("2026年11月", True)
    assert november.month_before == Span(date(2026, 10, 1), date(2026, 10, 31))
    assert november.month_after.month_after == Span(date(2027, 1, 1), date(2027, 1, 31))
    assert month_of(date(2028, 2, 9)).until == date(2028, 2, 29)
    span = read_span("2026-11-03", "2026-11-20", TODAY)
    assert span.words == "2026-11-03 至 2026-11-20"
    for since, until in (
        ("", ""),
        ("2026-11-03", "x"),
        ("2026-11-03", "2026-11-02"),
        ("1999-12-31", "2026-11-02"),
        ("2026-11-03", "9999-12-31"),
    ):
        assert read_span(since, until, TODAY) == november
