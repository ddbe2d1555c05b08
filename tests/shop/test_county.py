"""The county's sums: of whole stations, by Beijing's calendar, and of no household alone."""

from datetime import UTC, datetime

import pytest

from catalog.db import Sessions
from shop.county import StationSums, periods, read_period, stations, total
from tests.making import NOON, make_product, make_station, make_workshop
from tests.shop.pages.buyer import change
from tests.shop.sales import is_paid, order, settle_as, want


@pytest.mark.parametrize(
    ("typed", "name", "start", "end"),
    [
        ("2026-Q4", "2026-Q4", (2026, 9, 30), (2026, 12, 31)),
        ("2026-12", "2026-12", (2026, 11, 30), (2026, 12, 31)),
        ("2026-02", "2026-02", (2026, 1, 31), (2026, 2, 28)),
        ("", "2026-Q4", (2026, 9, 30), (2026, 12, 31)),
        ("2026-13", "2026-Q4", (2026, 9, 30), (2026, 12, 31)),
        ("1999-Q1", "2026-Q4", (2026, 9, 30), (2026, 12, 31)),
    ],
)
def test_a_period_begins_at_midnight_in_beijing(
    typed: str, name: str, start: tuple[int, int, int], end: tuple[int, int, int]
) -> None:
    period = read_period(typed, NOON)
    assert period.name == name
    assert (period.start, period.end) == tuple(
        datetime(*day, 16, 0, tzinfo=UTC) for day in (start, end)
    )


def test_four_quarters_and_twelve_months_can_be_chosen() -> None:
    names = [name for name, _ in periods(NOON)]
    assert names[:5] == ["2026-Q4", "2026-Q3", "2026-Q2", "2026-Q1", "2026-11"]
    assert (names[-1], len(names)) == ("2025-12", 16)
    assert all(read_period(name, NOON).name == name for name in names)


async def sell(sessions: Sessions, slug: str, families: int) -> None:
    """A station whose families each sell a piece of 100 yuan."""
    station = await make_station(sessions, slug)
    for number in range(families):
        family = await make_workshop(sessions, station, f"{number} 家")
        product = await make_product(sessions, family, price_fen=10_000)
        paid = await order(sessions, want(product))
        await settle_as(sessions, paid.payments[0], is_paid(paid.payments[0]))


async def test_where_too_few_sold_their_sum_is_told_nowhere(sessions: Sessions) -> None:
    await sell(sessions, "a", 3)
    await sell(sessions, "b", 2)
    await change(sessions, await make_station(sessions, "c"), is_open=False)
    async with sessions() as session:
        lines = await stations(session, read_period("2026-11", NOON))
        earlier = await stations(session, read_period("2026-10", NOON))
    assert lines == [
        StationSums("a社工站", 3, 3, 0, 3, 32_400, 0),
        StationSums("b社工站", 2, 2, 0, None, None, 0),
        StationSums("c社工站", 0, 0, 0, 0, 0, 0, is_open=False),
    ]
    sums = total(lines)
    assert (sums.families, sums.orders, sums.sold_fen, sums.paid_out_fen) == (5, 3, 32_400, 0)
    assert [(line.orders, line.sold_fen) for line in earlier] == [(0, 0)] * 3
