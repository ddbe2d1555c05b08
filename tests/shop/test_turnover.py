"""A family's year: what was paid for, less what went back, in Beijing's calendar."""

from datetime import UTC, datetime

from catalog.db import Sessions
from catalog.models import Kind, Role
from shop.turnover import Turnover, of_year, year_of
from shop.work_steps import decline
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.sales import is_paid, order, settle_as, want


def test_a_year_begins_at_midnight_in_beijing() -> None:
    start, end = year_of(datetime(2026, 12, 31, 16, 0, tzinfo=UTC))
    assert start == datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
    assert end == datetime(2027, 12, 31, 16, 0, tzinfo=UTC)


def test_how_near_it_is() -> None:
    assert [Turnover(fen).part_of(8_000_000) for fen in (0, 7_999_999, 8_000_000)] == [0, 99, 100]
    assert Turnover(-5).part_of(100) == 0


async def test_what_was_paid_less_what_went_back(sessions: Sessions) -> None:
    station = await make_station(sessions)
    wang, li = [await make_workshop(sessions, station, name) for name in ("王家", "李家")]
    desk = act(await make_member(sessions, station, Role.ORDER_DESK))
    pieces = [
        await make_product(sessions, family, kind=Kind.BATCH, price_fen=fen, on_hand=9)
        for family, fen in ((wang, 10_000), (li, 5_000))
    ]
    paid = await order(sessions, want(pieces[0], 2), want(pieces[1]))
    paid = await settle_as(sessions, paid.payments[0], is_paid(paid.payments[0]))
    unpaid = await order(sessions, want(pieces[0]))
    assert unpaid.paid_at is None
    async with sessions() as session:
        sums = await of_year(session, station.id, NOON)
        assert sums == {wang.id: Turnover(20_800), li.id: Turnover(5_800)}
        assert await of_year(session, None, NOON) == sums
        assert await of_year(session, station.id, NOON.replace(year=2027)) == {}
    part = next(w for w in paid.work_orders if w.workshop_id == li.id)
    async with sessions.begin() as session:
        await decline(session, desk, part.id, "病了", NOON)
    async with sessions() as session:
        sums = await of_year(session, station.id, NOON)
    assert sums == {wang.id: Turnover(20_800), li.id: Turnover(0)}
