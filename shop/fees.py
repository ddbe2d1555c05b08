"""The station's share of what families sell: rules that are only ever added to.

A share is a number of basis points (`fee_bp`, hundredths of a percent) of the goods, never of
the postage. It is looked up when a buyer orders and copied into the order line; what was sold
keeps the share it was sold with. With no rule at all the station takes nothing.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.access import MANAGERS, Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.db import MOST_ID, table
from catalog.models import Kind, Member
from catalog.one_of import one_of
from catalog.workshops import workshop_for
from shop.models import FeeRule

STATION = "station"
"""The ledger account that the station's share goes to."""

WHOLE_BP = 10_000

_rules = table(FeeRule)
_RULES = (
    select(_rules.c.workshop_id, _rules.c.kind, _rules.c.fee_bp)
    .where(
        _rules.c.station_id == bindparam("station"),
        _rules.c.since <= bindparam("now"),
        or_(
            _rules.c.workshop_id.is_(None),
            one_of(_rules.c.workshop_id, "workshops"),
        ),
    )
    .order_by(_rules.c.since, _rules.c.id)
)
Pair = tuple[int, Kind]


def line_fee_fen(goods_fen: int, fee_bp: int) -> int:
    """The station's share of one line's goods, in fen, rounded half up.

    Reckoned once for a whole line (price times quantity), so that it can be checked by hand.
    """
    return (goods_fen * fee_bp + WHOLE_BP // 2) // WHOLE_BP


async def rates(
    session: AsyncSession, station_id: int, pairs: Collection[Pair], now: datetime
) -> dict[Pair, int]:
    """The share in basis points of each (workshop id, kind of product), 0 where no rule fits.

    The most specific rule wins (workshop and kind, workshop, kind, station), among those the
    newest that has begun.
    """
    workshops = {workshop_id for workshop_id, _ in pairs}
    asked = {"station": station_id, "now": now, "workshops": [*workshops]}
    # Oldest first: a newer rule for the same thing takes the older one's place.
    rules = {
        (workshop_id, kind): fee_bp
        for workshop_id, kind, fee_bp in await session.execute(_RULES, asked)
    }
    return {pair: _rate(rules, *pair) for pair in pairs}


def _rate(rules: Mapping[tuple[int | None, Kind | None], int], workshop_id: int, kind: Kind) -> int:
    keys = ((workshop_id, kind), (workshop_id, None), (None, kind), (None, None))
    return next((rules[key] for key in keys if key in rules), 0)


async def list_rules(session: AsyncSession, station_id: int) -> list[tuple[FeeRule, str]]:
    """Every rule there ever was, the newest first, each with who made it."""
    query = (
        select(FeeRule, Member.name)
        .join(Member, Member.id == FeeRule.made_by)
        .where(FeeRule.station_id == station_id)
        .options(joinedload(FeeRule.workshop))
        .order_by(FeeRule.since.desc(), FeeRule.id.desc())
    )
    return [(rule, name) for rule, name in await session.execute(query)]


async def add_rule(
    session: AsyncSession, actor: Actor, values: Mapping[str, Any], now: datetime
) -> FeeRule:
    """Add a rule that holds from now on. Managers only.

    `values` are `workshop` (id or "" for all), `kind` ("" for all) and `percent` ("5", "2.5").
    Raises Invalid, NotFound for another station's workshop.
    """
    actor.must_be(MANAGERS)
    check = Check()
    kind = check.choice("kind", values["kind"], "哪种作品", Kind) if values.get("kind") else None
    workshop_id = values.get("workshop") or None
    if workshop_id is not None:
        workshop_id = check.integer("workshop", workshop_id, "作坊", least=1, most=MOST_ID)
    fee_bp = _read_percent(check, values.get("percent"))
    check.done()
    if workshop_id is not None:
        await workshop_for(session, actor, workshop_id)
    rule = FeeRule(
        station_id=actor.station_id,
        workshop_id=workshop_id,
        kind=kind,
        fee_bp=fee_bp,
        since=now,
        made_by=actor.member_id,
    )
    session.add(rule)
    await session.flush()
    after = {"workshop_id": workshop_id, "kind": kind, "fee_bp": fee_bp}
    record(session, actor, "fee.add", rule, now, after=after)
    return rule


def _read_percent(check: Check, typed: object) -> int:
    """Basis points, from a percentage with two decimals at most."""
    text = unicodedata.normalize("NFKC", str(typed or "")).strip().removesuffix("%").strip()
    match = re.fullmatch(r"(\d{1,3})(?:\.(\d{1,2}))?", text, re.ASCII)
    if match is None:
        check.fault("percent", "百分比要填数字，比如 5 或 2.5，最多两位小数。")
        return 0
    fee_bp = int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0"))
    if fee_bp > WHOLE_BP:
        check.fault("percent", "百分比最多 100。")
    return fee_bp
