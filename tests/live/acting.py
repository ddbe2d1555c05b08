"""Who and what the tests of shows need beside `tests.making`."""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.db import Sessions
from catalog.models import Kind, Member, Photo, PhotoState, Product, Role, Station, Stock, Workshop
from live.checklist import BY_HAND, tick
from live.links import link_line_up
from live.models import LineUpItem, Link, Overlay, Placement, Show
from live.selling import Asked, Pieces, Share, offer
from live.shows import lock_show
from tests.making import NOON, act, make_member, make_product


async def host_of(sessions: Sessions, show: Show) -> Actor:
    """The show's host, signed in."""
    async with sessions() as session:
        return act(await session.get_one(Member, show.host_id))


async def member_of(sessions: Sessions, product: Product, role: Role) -> Member:
    """A member of the product's station."""
    async with sessions() as session:
        station = await session.get_one(Station, product.station_id)
    return await make_member(sessions, station, role)


async def sibling(sessions: Sessions, product: Product, **values: Any) -> Product:
    """One more product of the same workshop."""
    async with sessions() as session:
        workshop = await session.get_one(Workshop, product.workshop_id)
    return await make_product(sessions, workshop, **values)


async def pieces(sessions: Sessions, product: Product) -> tuple[int, int]:
    """How many are on hand, and how many of them are held."""
    async with sessions() as session:
        stock = await session.get_one(Stock, product.id)
    return stock.on_hand, stock.held


async def make_photo(
    sessions: Sessions, product: Product, state: PhotoState = PhotoState.READY
) -> Photo:
    """A photo of the product as its row tells of it; nothing lies in the file store."""
    async with sessions.begin() as session:
        folder = secrets.token_hex(8)
        photo = Photo(
            station_id=product.station_id,
            product_id=product.id,
            state=state,
            folder=folder,
            original_key=f"originals/{folder}",
            width=640,
            height=480,
            created_at=NOON,
        )
        session.add(photo)
    return photo


async def item_of(sessions: Sessions, show: Show, product: Product) -> LineUpItem:
    async with sessions() as session:
        item = await session.scalar(
            select(LineUpItem).where(
                LineUpItem.show_id == show.id, LineUpItem.product_id == product.id
            )
        )
    assert item is not None
    return item


async def make_link(
    sessions: Sessions, product: Product, show: Show | None = None, code: str = "7K3FD"
) -> Link:
    async with sessions.begin() as session:
        link = Link(
            station_id=product.station_id,
            code=code,
            product_id=product.id,
            show_id=show.id if show else None,
            placement=Placement.OVERLAY,
            created_at=NOON,
        )
        session.add(link)
    return link


async def take_pieces(session: AsyncSession, code: str, quantity: int) -> int:
    """Hold pieces of what a code offers; how many came out of the show's allotment."""
    offered = await offer(session, Asked(link=code), NOON.date())
    carved = offered.kind == Kind.MADE_TO_ORDER
    share = Share(offered.product_id, offered.item_id, quantity, carved)
    pieces = await Pieces.lock(session, [share])
    fenced = pieces.take(share)
    await pieces.write(session)
    return fenced


async def see_overlay(sessions: Sessions, station_id: int, at: datetime) -> Overlay:
    """An overlay of the station that a streaming program had open at that moment."""
    async with sessions.begin() as session:
        overlay = Overlay(
            station_id=station_id,
            channel="抖音",
            token_hash=f"seen {at.isoformat()}",
            created_at=at,
            seen_at=at,
        )
        session.add(overlay)
    return overlay


async def settle_points(sessions: Sessions, show_id: int, now: datetime) -> None:
    """Do what the checklist asks for beside a line-up: codes, an open overlay, all ticks."""
    async with sessions() as session:
        show = await session.get_one(Show, show_id)
    host = await host_of(sessions, show)
    await see_overlay(sessions, show.station_id, now)
    async with sessions.begin() as session:
        await link_line_up(session, host, show_id, now)
        locked = await lock_show(session, host, show_id)
        for key in BY_HAND:
            await tick(session, host, locked, key, now)
