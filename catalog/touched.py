"""What a transaction changed that somebody may be watching, noted for the moment of its commit.

Only a hint: `live.nudges` tells those who watch to look again. What is rolled back may stay noted,
and costs one look.
"""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

PRODUCT = "product"

Touched = dict[str, set[int]]
"""Ids by the kind of thing: "product" here; `live.nudges` has the others."""

_KEY = "touched"


def touch(session: AsyncSession | Session, kind: str, ids: Iterable[int]) -> None:
    """Note that things of a kind are changed."""
    touched: Touched = session.info.setdefault(_KEY, {})
    touched.setdefault(kind, set()).update(ids)


def take_touched(session: Session) -> Touched:
    """All that was noted, and forget it."""
    touched: Touched = session.info.pop(_KEY, {})
    return touched
