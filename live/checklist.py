"""What must be settled before a show goes on air: points the program sees, points people tick."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.access import Actor
from catalog.audit import record
from catalog.errors import NotFound
from catalog.models import AuditEntry, Kind
from catalog.products import visible_to_buyers
from live.consents import consents_of
from live.errors import WrongShowState
from live.models import CheckMark, LineUpItem, Link, Overlay, Show, ShowState

OVERLAY_SEEN_WITHIN = timedelta(hours=24)

# What a person has to look at; the program can not.
BY_HAND = {
    "stock_counted": ("清点过实物", "实物还没有清点"),
    "prices_agreed": ("价格和作坊说好了", "价格还没有和作坊说好"),
    "on_camera": ("作坊同意上镜", "还没有问过作坊愿不愿意上镜"),
    "compliance": ("合规材料齐了", "合规材料还没有查"),
}


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the list. `fault` says what is missing; empty when it is settled.

    `mark` is who ticked it and when, `stale` that the line-up was changed since.
    """

    key: str
    text: str
    fault: str
    mark: CheckMark | None = None
    stale: bool = False

    @property
    def by_hand(self) -> bool:
        return self.key in BY_HAND


async def points(session: AsyncSession, show: Show, now: datetime) -> list[Point]:
    """All points of a show, which is loaded with its line-up, products, stock and workshops."""
    return [
        *_of_line_up(show),
        Point("prices", "没有低于底价的，或者作坊同意了", await _below_floor(session, show)),
        Point("codes", "每件都有商品码", await _without_code(session, show)),
        Point("overlay", "画面 24 小时内打开过", await _unseen(session, show.station_id, now)),
        *await _ticked(session, show),
    ]


def faults(found: Sequence[Point]) -> dict[str, str]:
    """What is missing, by the key of its point."""
    return {point.key: point.fault for point in found if point.fault}


async def tick(session: AsyncSession, actor: Actor, show: Show, key: str, now: datetime) -> None:
    """Say that a point was looked at; the one who ticked first stands.

    `show` is locked by the caller. Raises NotFound for a point that is not ticked by hand,
    WrongShowState once the show has ended.
    """
    if await _mark(session, show, key) is None:
        mark = CheckMark(
            station_id=show.station_id,
            show_id=show.id,
            point=key,
            member_id=actor.member_id,
            at=now,
        )
        session.add(mark)
        record(session, actor, "show.tick", show, now, after={"point": key})
        await session.flush()


async def untick(session: AsyncSession, actor: Actor, show: Show, key: str, now: datetime) -> None:
    """Take a tick back; errors as in `tick`."""
    mark = await _mark(session, show, key)
    if mark is not None:
        await session.delete(mark)
        before = {"point": key, "member": mark.member_id, "at": mark.at.isoformat()}
        record(session, actor, "show.untick", show, now, before=before)
        await session.flush()


async def _mark(session: AsyncSession, show: Show, key: str) -> CheckMark | None:
    if key not in BY_HAND:
        raise NotFound(f"point {key}")
    if show.state in (ShowState.ENDED, ShowState.REPORTED):
        raise WrongShowState("这一场已经结束，清单不能再改。")
    query = select(CheckMark).where(CheckMark.show_id == show.id, CheckMark.point == key)
    return (await session.scalars(query)).one_or_none()


def _of_line_up(show: Show) -> list[Point]:
    minutes = sum(item.minutes for item in show.items)
    over = minutes - int((show.ends_at - show.starts_at).total_seconds() // 60)
    off = [item for item in show.items if not visible_to_buyers(item.product)]
    none_left = [item for item in show.items if _nothing_left(item)]
    return [
        Point("line_up", "排了讲解单", "" if show.items else "讲解单还是空的"),
        Point("minutes", "时间排得下", f"讲解单比这一场长 {over} 分钟" if over > 0 else ""),
        Point("on_sale", "每件都在售", f"{named(off)}没有在售" if off else ""),
        Point("pieces", "每件都有货，或者是定做", f"{named(none_left)}没有货" if none_left else ""),
    ]


def _nothing_left(item: LineUpItem) -> bool:
    product = item.product
    return product.kind != Kind.MADE_TO_ORDER and item.allotment_left + product.stock.free == 0


async def _below_floor(session: AsyncSession, show: Show) -> str:
    consents = await consents_of(session, show.id)
    low = [
        item
        for item in show.items
        if (price := item.show_price_fen) is not None
        and price < item.product.floor_fen
        and (item.product_id not in consents or price < consents[item.product_id].price_fen)
    ]
    return f"{named(low)}低于作坊的底价，作坊还没有同意" if low else ""


async def _without_code(session: AsyncSession, show: Show) -> str:
    query = select(Link.product_id).where(Link.show_id == show.id, Link.retired_at.is_(None))
    linked = set(await session.scalars(query))
    bare = [item for item in show.items if item.product_id not in linked]
    return f"{named(bare)}还没有商品码" if bare else ""


async def _unseen(session: AsyncSession, station_id: int, now: datetime) -> str:
    query = select(func.count(Overlay.id), func.max(Overlay.seen_at)).where(
        Overlay.station_id == station_id, Overlay.revoked_at.is_(None)
    )
    count, seen_at = (await session.execute(query)).one()
    if not count:
        return "还没有画面地址"
    if seen_at is None:
        return "画面还没有打开过"
    return "" if now - seen_at <= OVERLAY_SEEN_WITHIN else "画面超过 24 小时没有打开过"


async def _ticked(session: AsyncSession, show: Show) -> list[Point]:
    query = select(CheckMark).where(CheckMark.show_id == show.id)
    marks = {
        mark.point: mark
        for mark in await session.scalars(query.options(joinedload(CheckMark.member)))
    }
    changed_at = await session.scalar(
        select(func.max(AuditEntry.at)).where(
            AuditEntry.subject == Show.__tablename__,
            AuditEntry.subject_id == show.id,
            AuditEntry.action == "show.line_up",
        )
    )
    found = []
    for key, (text, fault) in BY_HAND.items():
        mark = marks.get(key)
        stale = mark is not None and changed_at is not None and changed_at > mark.at
        found.append(Point(key, text, "" if mark else fault, mark, stale))
    return found


def named(items: Sequence[LineUpItem]) -> str:
    """The first few by name: “福字圆挂”“平安竖匾”等 5 件."""
    names = "".join(f"“{item.product.name}”" for item in items[:3])
    return names + (f"等 {len(items)} 件" if len(items) > 3 else "")
