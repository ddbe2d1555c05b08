"""What the shop knows of a show: how often its products were held."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from live.models import LineUpItem
from shop.models import HoldLine


async def count_holds(session: AsyncSession, show_id: int) -> dict[int, int]:
    """How many times buyers held each line-up item of a show, paid for or not, by item id."""
    query = (
        select(LineUpItem.id, func.count())
        .join(HoldLine, HoldLine.line_up_item_id == LineUpItem.id)
        .where(LineUpItem.show_id == show_id)
        .group_by(LineUpItem.id)
    )
    return dict((await session.execute(query)).all())
