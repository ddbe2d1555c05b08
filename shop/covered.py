"""The covered address on a buyer's order page: shown for the end of the phone number, few tries.

Four digits are ten thousand guesses, so wrong ones are counted with the order in the database:
five within an hour, then none is looked at any more, not even the right one.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.errors import Invalid
from shop.checkout import address_for
from shop.errors import AddressLocked
from shop.models import Order, SignInTry

WINDOW = timedelta(hours=1)
MOST_TRIES = 5

# In the place of a network address, so that nobody's sign-in counts here.
_HERE = "order page"


async def uncover(session: AsyncSession, order: Order, typed: str, now: datetime) -> str:
    """Name, phone and address for who knows the number's end; the try is in the transaction.

    Locks the order's row, so that tries at the same time are counted one after the other.
    Raises Invalid for other digits, which the caller must commit, and AddressLocked.
    """
    await session.execute(select(Order.id).where(Order.id == order.id).with_for_update())
    here = (SignInTry.login == f"order:{order.id}", SignInTry.address == _HERE)
    tries = await session.scalar(select(func.count()).where(*here, SignInTry.at > now - WINDOW))
    if (tries or 0) >= MOST_TRIES:
        raise AddressLocked(f"order {order.id}")
    try:
        address = address_for(order, typed)
    except Invalid:
        session.add(SignInTry(login=f"order:{order.id}", address=_HERE, at=now))
        await session.flush()
        raise
    await session.execute(delete(SignInTry).where(*here))
    return address
