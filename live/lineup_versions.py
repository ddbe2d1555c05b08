"""Whether a line-up is still the one that an editor was opened on, and what became of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.models import AuditEntry, Member
from live.models import LineUpItem, Show


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to a line-up since a version of it, by product."""

    added: list[int]
    removed: list[int]
    changed: list[int]
    moved: bool


def version_of(items: Sequence[LineUpItem]) -> str:
    """A line-up in one word: each product with a digest of what its row says, in order."""
    return "-".join(f"{item.product_id}.{_digest(item)}" for item in items)


def changes_since(version: str, items: Sequence[LineUpItem]) -> Changes:
    """What stands otherwise now than in `version_of` some time ago.

    A version comes back from a browser: what can not be read in it is left out.
    """
    then = _read(version)
    here = {item.product_id: _digest(item) for item in items}
    stayed = [product_id for product_id in here if product_id in then]
    return Changes(
        added=[product_id for product_id in here if product_id not in then],
        removed=[product_id for product_id in then if product_id not in here],
        changed=[product_id for product_id in stayed if then[product_id] != here[product_id]],
        moved=stayed != [product_id for product_id in then if product_id in here],
    )


async def last_saved(session: AsyncSession, show: Show) -> tuple[str, datetime] | None:
    """Who last saved the show's line-up, and when."""
    query = (
        select(Member.name, AuditEntry.at)
        .join(Member, Member.id == AuditEntry.member_id)
        .where(
            AuditEntry.subject == Show.__tablename__,
            AuditEntry.subject_id == show.id,
            AuditEntry.action == "show.line_up",
        )
        .order_by(AuditEntry.id.desc())
        .limit(1)
    )
    row = (await session.execute(query)).first()
    return (row[0], row[1]) if row else None


def _read(version: str) -> dict[int, str]:
    found = {}
    for part in version.split("-"):
        product_id, _, digest = part.partition(".")
        if product_id.isascii() and product_id.isdigit() and len(product_id) < 20:
            found[int(product_id)] = digest
    return found


def _digest(item: LineUpItem) -> str:
    said = (
        item.show_price_fen,
        item.allotment,
        item.minutes,
        item.talking_points,
        item.do_not_say,
        item.speaker,
    )
    return hashlib.sha256(repr(said).encode()).hexdigest()[:8]
