"""The seven days in which a buyer may send goods back, counted in Beijing days.

Consumer Rights Protection Law, article 25, and the State Administration for Market Regulation's
measures on seven-day returns: the first day is the one after the buyer signed for the parcel.
What was made to order, and agreed to as such, is excepted. `docs/money.md`.
"""

from datetime import date, datetime, timedelta

from catalog.checks import BEIJING

RETURN_DAYS = 7


def last_day(delivered_at: datetime) -> date:
    """The last day on which the buyer may ask to send back what came at `delivered_at`."""
    return delivered_at.astimezone(BEIJING).date() + timedelta(days=RETURN_DAYS)


def payable_on_for(delivered_at: datetime, custom_agreed: bool, has_stock_goods: bool) -> date:
    """The first day on which the money of a delivered work order may be paid out.

    The day after the last day of return; the day of delivery where nothing in it can be
    returned: all made to order, and the buyer ticked so.
    """
    if custom_agreed and not has_stock_goods:
        return delivered_at.astimezone(BEIJING).date()
    return last_day(delivered_at) + timedelta(days=1)
