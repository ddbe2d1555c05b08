"""The audit chain of each station, and its head to be kept elsewhere. `docs/audit.md`."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import chain
from catalog.models import Station
from shop.examine.finding import Fault, Finding
from shop.troubles import TroubleKind

_HOW = {
    "changed": "被改过",
    "missing": "不见了",
    "unsealed": "是从外面塞进来的",
    "head": "以后的记录被砍掉了",
    "kept": "和留存的指纹不一样",
}

Heads = Mapping[str, tuple[int, str]]
"""The head of each station's chain by its slug: how many entries, and the digest of the last."""


async def heads(session: AsyncSession) -> Heads:
    """What to keep elsewhere."""
    stations = await session.execute(select(Station.slug, Station.id).order_by(Station.id))
    return {slug: await chain.head_of(session, id_) for slug, id_ in stations.all()}


async def audit(session: AsyncSession, kept: Heads) -> Finding:
    """Each chain is whole, and still leads over the heads that were `kept` of it."""
    stations = (await session.execute(select(Station.id, Station.slug).order_by(Station.id))).all()
    faults = []
    for station_id, slug in stations:
        found = await chain.verify(session, station_id) or await _unlike(
            session, station_id, kept.get(slug)
        )
        if found is not None:
            text = f"第 {found.seq} 条操作记录{_HOW[found.how]}。"
            faults.append(Fault(station_id, f"station:{station_id}", text))
    return Finding(
        "audit",
        "every chain is whole",
        "stations whose chain is broken",
        TroubleKind.AUDIT_BROKEN,
        faults,
    )


async def _unlike(
    session: AsyncSession, station_id: int, kept: tuple[int, str] | None
) -> chain.Break | None:
    if kept is None or await chain.digest_at(session, station_id, kept[0]) == kept[1]:
        return None
    return chain.Break(kept[0], "kept")
