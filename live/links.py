"""Links: short codes that open a product or a show and remember where they stand."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.interfaces import ORMOption

from catalog.access import Actor
from catalog.audit import record
from catalog.checks import clean
from catalog.db import MOST_ID
from catalog.errors import Invalid, NotFound
from catalog.models import Product
from catalog.products import product_for
from live.errors import LinkRetired
from live.models import Link, Placement, Show
from live.shows import lock_show, show_for
from media.codes import LENGTHS, new_code, normalise

PAGE = 100


def link_url(public_url: str, code: str) -> str:
    """What a QR says: all capitals, so that its alphanumeric mode applies and modules stay big."""
    return f"{public_url.rstrip('/').upper()}/Q/{code}"


async def add_link(
    session: AsyncSession,
    actor: Actor,
    *,
    product_id: int | None,
    show_id: int | None,
    placement: Placement,
    now: datetime,
) -> Link:
    """A new code for a product, a show, or a product in a show.

    Raises Invalid when it would open nothing, NotFound for another's product or show.
    """
    if product_id is None and show_id is None:
        raise Invalid({"product": "请选择这个码要打开的作品，或者场次。"})
    if product_id is not None:
        await product_for(session, actor, product_id)
    if show_id is not None:
        await show_for(session, actor, show_id)
    link = Link(
        station_id=actor.station_id,
        code=await _unused_code(session, LENGTHS[0 if placement == Placement.SPOKEN else -1]),
        product_id=product_id,
        show_id=show_id,
        placement=placement,
        created_at=now,
    )
    session.add(link)
    await session.flush()
    record(session, actor, "link.add", link, now, after={"code": link.code})
    return await link_for(session, actor, link.code)


async def link_for_product(
    session: AsyncSession,
    actor: Actor,
    product_id: int,
    show_id: int | None,
    placement: Placement,
    now: datetime,
) -> Link:
    """The product's link of that show and placement; made when there is none that is in use."""
    link = await _in_place(session, actor, product_id, show_id, placement)
    return link or await add_link(
        session, actor, product_id=product_id, show_id=show_id, placement=placement, now=now
    )


async def link_line_up(session: AsyncSession, actor: Actor, show_id: int, now: datetime) -> None:
    """Give the show a code of its own, and each product of its line-up one for the screen.

    Codes that are in use stay. Locks the show, so that two people who ask at once make one set.
    """
    show = await lock_show(session, actor, show_id)
    if await _in_place(session, actor, None, show.id, Placement.CARD) is None:
        await add_link(
            session,
            actor,
            product_id=None,
            show_id=show.id,
            placement=Placement.CARD,
            now=now,
        )
    for item in show.items:
        await link_for_product(session, actor, item.product_id, show.id, Placement.OVERLAY, now)


async def link_tags(
    session: AsyncSession,
    actor: Actor,
    product_ids: Sequence[int],
    show_id: int | None,
    now: datetime,
) -> None:
    """Give each product its code for the hang tag where it has none in use."""
    for product_id in product_ids:
        await link_for_product(session, actor, product_id, show_id, Placement.TAG, now)


async def tags_of(
    session: AsyncSession, actor: Actor, product_ids: Sequence[int], show_id: int | None
) -> list[Link]:
    """The tag links of these products that are in use, in their order, with their products."""
    found = [
        await _in_place(session, actor, product_id, show_id, Placement.TAG)
        for product_id in product_ids
        if product_id <= MOST_ID
    ]
    return [link for link in found if link is not None]


async def _in_place(
    session: AsyncSession,
    actor: Actor,
    product_id: int | None,
    show_id: int | None,
    placement: Placement,
) -> Link | None:
    code = await session.scalar(
        select(Link.code)
        .where(
            Link.station_id == actor.station_id,
            Link.product_id.is_(None) if product_id is None else Link.product_id == product_id,
            Link.show_id.is_(None) if show_id is None else Link.show_id == show_id,
            Link.placement == placement,
            Link.retired_at.is_(None),
        )
        .order_by(Link.id)
        .limit(1)
    )
    return None if code is None else await link_for(session, actor, code)


async def find_link(session: AsyncSession, typed: str) -> Link:
    """The link of a code as people type it: any case, with blanks or dashes. Raises NotFound.

    A retired link is returned too; its page says that it is retired.
    """
    code = normalise(typed)
    # Letters and digits only: anything else is no code, and PostgreSQL refuses some of it in text.
    known = code.isascii() and code.isalnum()
    link = await session.scalar(select(Link).where(Link.code == code)) if known else None
    if link is None:
        raise NotFound(f"link {code[:20]}")
    return link


async def usable_link(session: AsyncSession, typed: str) -> Link:
    """The link of a code as in `find_link`. Raises LinkRetired for one out of use."""
    link = await find_link(session, typed)
    if link.retired_at is not None:
        raise LinkRetired(f"link {link.code}")
    return link


async def link_for(session: AsyncSession, actor: Actor, code: str) -> Link:
    """A link of the actor's station, with product and show. Raises NotFound."""
    link = await session.scalar(
        select(Link)
        .where(Link.code == normalise(code), Link.station_id == actor.station_id)
        .options(*_opened())
    )
    if link is None:
        raise NotFound(f"link {code[:20]}")
    return link


async def link_to_print(session: AsyncSession, actor: Actor, code: str) -> Link:
    """As `link_for`. Raises LinkRetired for a code that must not be printed any more."""
    link = await link_for(session, actor, code)
    if link.retired_at is not None:
        raise LinkRetired(link.code)
    return link


async def list_links(
    session: AsyncSession,
    station_id: int,
    *,
    words: str = "",
    before: int | None = None,
    most: int = PAGE,
) -> list[Link]:
    """The station's links, newest first, with product and show; those that `words` name.

    `before` is the id that the last page ended with.
    """
    query = (
        select(Link)
        .where(Link.station_id == station_id, *_named(words))
        .options(*_opened())
        .order_by(Link.id.desc())
        .limit(most)
    )
    if before is not None:
        query = query.where(Link.id < min(before, MOST_ID))
    return list(await session.scalars(query))


async def links_of_show(session: AsyncSession, show_id: int) -> list[Link]:
    """The links in use that carry the show, oldest first, with their products."""
    query = (
        select(Link)
        .where(Link.show_id == show_id, Link.retired_at.is_(None))
        .options(*_opened())
        .order_by(Link.id)
    )
    return list(await session.scalars(query))


def _opened() -> tuple[ORMOption, ...]:
    products = joinedload(Link.product)
    return (
        products.joinedload(Product.workshop),
        products.selectinload(Product.photos),
        joinedload(Link.show),
    )


def _named(words: str) -> list[ColumnElement[bool]]:
    return [
        or_(
            Link.code == normalise(word),
            Link.product.has(Product.search_text.contains(word.lower(), autoescape=True)),
            Link.show.has(Show.title.contains(word, autoescape=True)),
        )
        for word in clean(words).split()[:6]
    ]


async def retire_link(session: AsyncSession, actor: Actor, code: str, now: datetime) -> Link:
    """Take a code out of use for ever. Repeating changes nothing."""
    link = await link_for(session, actor, code)
    if link.retired_at is None:
        link.retired_at = now
        record(session, actor, "link.retire", link, now, after={"code": link.code})
    return link


async def _unused_code(session: AsyncSession, length: int) -> str:
    # 30^5 is 24 million codes, 30^4 for those that are spoken 810,000: a second try is rare. Two
    # processes that draw the same code at the same moment meet the unique key, and one of them is
    # asked to try again.
    while True:
        code = new_code(length)
        if await session.scalar(select(Link.id).where(Link.code == code)) is None:
            return code
