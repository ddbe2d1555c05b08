"""Short videos: each is a placement of its own, with a code, scans and sales of its own.

Where one was cut from a show, it keeps the airing and the span: a line of who cut what is left
when the file is gone.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.access import Actor
from catalog.audit import record
from catalog.checks import BEIJING, Check
from catalog.db import MOST_ID
from catalog.errors import NotFound
from catalog.forms import read_number
from catalog.models import Product
from live.links import add_link
from live.models import Airing, Clip, LineUpItem, Link, Placement, Show
from live.shows import CHANNELS

PAGE = 50
MOST_AIRINGS = 50


@dataclass(frozen=True, slots=True)
class Cut:
    """An airing that is over, from which a short video may be cut."""

    airing: Airing
    show: Show
    product: Product

    @property
    def span(self) -> str:
        """From when to when, to the second: "19:42:10–19:47:03"."""
        ends_at = self.airing.ended_at or self.airing.started_at
        times = (at.astimezone(BEIJING) for at in (self.airing.started_at, ends_at))
        return "–".join(f"{at:%H:%M:%S}" for at in times)

    @property
    def text(self) -> str:
        """Which one it is, for people: the day, the span, the show."""
        day = self.airing.started_at.astimezone(BEIJING)
        return f"{day.month}月{day.day}日 {self.span} {self.show.title}"


async def cuts_of(session: AsyncSession, actor: Actor, product_id: int) -> list[Cut]:
    """The airings of a product that are over, the latest first."""
    query = _cuts(actor).where(LineUpItem.product_id == product_id)
    rows = await session.execute(query.order_by(Airing.started_at.desc()).limit(MOST_AIRINGS))
    return [Cut(*row) for row in rows]


async def cut_for(session: AsyncSession, actor: Actor, airing_id: int) -> Cut:
    """An airing of the actor's station that is over. Raises NotFound."""
    row = (
        await session.execute(_cuts(actor).where(Airing.id == min(airing_id, MOST_ID)))
    ).one_or_none()
    if row is None:
        raise NotFound(f"airing {airing_id}")
    return Cut(*row)


def _cuts(actor: Actor) -> Select[Airing, Show, Product]:
    return (
        select(Airing, Show, Product)
        .join(Show, Show.id == Airing.show_id)
        .join(LineUpItem, LineUpItem.id == Airing.line_up_item_id)
        .join(Product, Product.id == LineUpItem.product_id)
        .where(Airing.station_id == actor.station_id, Airing.ended_at.is_not(None))
    )


async def add_clip(
    session: AsyncSession, actor: Actor, values: Mapping[str, str], now: datetime
) -> Clip:
    """A short video of a product, from typed values, with a code that nobody else has.

    `airing` is what it was cut from; `cut_from` and `cut_to` are times of day in Beijing within
    it, and empty stands for its beginning and end. Raises Invalid with every fault, NotFound for
    another station's product or airing; nothing is kept then.
    """
    check = Check()
    product_id = _key(check, "product", values.get("product", ""), "请选择作品。")
    facts = _read(check, values)
    cut = None
    if values.get("airing"):
        airing_id = _key(check, "airing", values["airing"], "请选择是哪一段讲解。")
        cut = await cut_for(session, actor, airing_id) if airing_id else None
    span = _cut_span(check, cut, product_id, values)
    check.done()
    link = await add_link(
        session, actor, product_id=product_id, show_id=None, placement=Placement.VIDEO, now=now
    )
    clip = Clip(
        station_id=actor.station_id,
        link=link,
        airing_id=cut.airing.id if cut else None,
        cut_from=span[0],
        cut_to=span[1],
        created_at=now,
        **facts,
    )
    session.add(clip)
    await session.flush()
    record(session, actor, "clip.add", clip, now, after={"code": link.code, **_facts(clip)})
    return clip


async def change_clip(
    session: AsyncSession, actor: Actor, clip_id: int, values: Mapping[str, str], now: datetime
) -> Clip:
    """Another title, channel or file; its code, and what it was cut from, stay.

    Raises Invalid with every fault, NotFound for another station's.
    """
    clip = await clip_for(session, actor, clip_id)
    check = Check()
    facts = _read(check, values)
    check.done()
    before = _facts(clip)
    for field, value in facts.items():
        setattr(clip, field, value)
    record(session, actor, "clip.change", clip, now, before=before, after=_facts(clip))
    return clip


async def clip_for(session: AsyncSession, actor: Actor, clip_id: int) -> Clip:
    """A short video of the actor's station, with link and product. Raises NotFound."""
    clip = await session.scalar(
        _listing().where(Clip.id == min(clip_id, MOST_ID), Clip.station_id == actor.station_id)
    )
    if clip is None:
        raise NotFound(f"clip {clip_id}")
    return clip


async def list_clips(
    session: AsyncSession, station_id: int, *, before: int | None = None, most: int = PAGE
) -> list[Clip]:
    """The station's short videos, the newest first, each with link and product.

    `before` is the id that the last page ended with.
    """
    query = _listing().where(Clip.station_id == station_id)
    if before is not None:
        query = query.where(Clip.id < min(before, MOST_ID))
    return list(await session.scalars(query.order_by(Clip.id.desc()).limit(most)))


def _listing() -> Select[Clip]:
    product = joinedload(Clip.link).joinedload(Link.product)
    return select(Clip).options(
        product.joinedload(Product.workshop), product.selectinload(Product.photos)
    )


def _read(check: Check, values: Mapping[str, str]) -> dict[str, str]:
    channel = values.get("channel", "")
    if channel not in ("", *CHANNELS):
        check.fault("channel", f"平台请从这些里选：{'、'.join(CHANNELS)}。")
    return {
        "title": check.text("title", values.get("title"), "标题", most=60),
        "channel": channel,
        "file_url": _address(check, values.get("file_url", "")),
    }


def _address(check: Check, typed: str) -> str:
    """A web address of the file, or nothing: nobody may be sent anywhere else from the list."""
    address = check.text("file_url", typed, "文件地址", most=300, least=0)
    if not address:
        return ""
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or " " in address:
        check.fault("file_url", "文件地址要以 http:// 或 https:// 开头，中间没有空格。")
    return address


def _key(check: Check, field: str, typed: str, sentence: str) -> int:
    number = read_number(typed)
    if not number:
        check.fault(field, sentence)
    return number or 0


def _cut_span(
    check: Check, cut: Cut | None, product_id: int, values: Mapping[str, str]
) -> tuple[datetime | None, datetime | None]:
    """From when to when it was cut; the whole airing where nothing was typed."""
    if cut is None:
        return None, None
    start, end = cut.airing.started_at, cut.airing.ended_at
    assert end is not None
    if product_id and cut.product.id != product_id:
        check.fault("airing", f"这一段讲的是“{cut.product.name}”，不是选的这件作品。")
    cut_from = _moment(check, "cut_from", values.get("cut_from", ""), cut) or start
    cut_to = _moment(check, "cut_to", values.get("cut_to", ""), cut) or end
    if cut_from >= cut_to:
        check.fault("cut_to", "结束要在开始之后。")
    return cut_from, cut_to


def _moment(check: Check, field: str, typed: str, cut: Cut) -> datetime | None:
    """A time of day, "19:42" or "19:42:10", as the moment within the airing that it names."""
    if not typed.strip():
        return None
    try:
        of_day = time.fromisoformat(unicodedata.normalize("NFKC", typed).strip())
    except ValueError:
        check.fault(field, "时间要写成 19:42 或 19:42:10。")
        return None
    start, end = cut.airing.started_at.astimezone(BEIJING), cut.airing.ended_at
    assert end is not None
    # A show may go on past midnight.
    for day in (start.date(), start.date() + timedelta(days=1)):
        at = datetime.combine(day, of_day.replace(tzinfo=None), BEIJING)
        # Only whole seconds can be typed, and the ends of an airing have parts of one.
        if start.replace(microsecond=0) <= at <= end:
            return max(at, start)
    check.fault(field, f"这一段讲解是北京时间 {cut.span}，时间要在这里面。")
    return None


def _facts(clip: Clip) -> dict[str, Any]:
    return {
        "title": clip.title,
        "channel": clip.channel,
        "file_url": clip.file_url,
        "airing_id": clip.airing_id,
        "cut_from": clip.cut_from.isoformat() if clip.cut_from else None,
        "cut_to": clip.cut_to.isoformat() if clip.cut_to else None,
    }
