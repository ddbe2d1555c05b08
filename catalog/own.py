"""Rows of the asker's own station: another station's is not there."""

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.interfaces import ORMOption

from catalog.access import Actor
from catalog.db import MOST_ID, Base, table
from catalog.errors import NotFound

Row = TypeVar("Row", bound=Base)


async def own(
    session: AsyncSession,
    actor: Actor,
    model: type[Row],
    row_id: int,
    *options: ORMOption,
    lock: bool = False,
) -> Row:
    """The row of a table, freshly read, when it is of the actor's station; with `lock`, locked.

    Raises NotFound. One question finds out, and nothing more is read of another station's: neither
    the answer nor its time tells whether there is such a row.
    """
    columns = table(model).c
    its_own = (columns.id == min(row_id, MOST_ID)) & (columns.station_id == actor.station_id)
    query = select(model).where(its_own).options(*options)
    if lock:
        query = query.with_for_update(of=model)
    row = await session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise NotFound(f"{model.__tablename__} {row_id}")
    return row
