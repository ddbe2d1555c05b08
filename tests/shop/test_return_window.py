"""Seven days, counted in Beijing from the day after signing."""

from datetime import UTC, date, datetime

import pytest

from shop.return_window import last_day, payable_on_for

LATE = datetime(2026, 11, 22, 15, 59, tzinfo=UTC)  # 23:59 in Beijing
MIDNIGHT = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)  # the next day in Beijing


def test_the_day_of_signing_is_beijings_and_does_not_count() -> None:
    assert last_day(LATE) == date(2026, 11, 29)
    assert last_day(MIDNIGHT) == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("custom_agreed", "has_stock_goods", "day"),
    [
        (False, True, date(2026, 11, 30)),
        (True, True, date(2026, 11, 30)),
        (False, False, date(2026, 11, 30)),
        (True, False, date(2026, 11, 22)),
    ],
)
def test_money_may_be_paid_when_nothing_can_come_back(
    custom_agreed: bool, has_stock_goods: bool, day: date
) -> None:
    assert payable_on_for(LATE, custom_agreed, has_stock_goods) == day
