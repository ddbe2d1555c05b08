"""The people who take money by hand, for the shop's tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

from PIL import Image
from pillow_heif import register_heif_opener
from sqlalchemy import select, update

from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.models import AuditEntry, Product, Role
from media.storage import Storage
from shop.context import Shop
from shop.models import Hold, OfflineReceipt, Order, Trouble
from shop.offline import confirm_receipt, record_receipt, reject_receipt
from shop.payments.gateway import Gateway
from shop.payments.offline_gateway import OFFLINE, OfflineGateway
from shop.payments.rehearsal.config import RehearsalConfig
from shop.payments.stripe_gateway import StripeGateway
from tests.making import NOON, act
from tests.serving import free_port
from tests.shop.payments.conftest import API_KEY, SECRET, mounted, serving
from tests.shop.sales import GATEWAY, staff

SOON = NOON + timedelta(minutes=5)
DEAD = NOON + timedelta(minutes=34)
"""When the pieces of an order of noon have waited long enough for their money."""

STORE = "memory:///"


def cash_shop(database: Database, gateway: Gateway | None = None) -> Shop:
    """A shop whose people take cash, beside a gateway where one is given."""
    own: dict[str, Gateway] = {OFFLINE: OfflineGateway(database, "http://shop.example")}
    gateways = own if gateway is None else {GATEWAY: gateway, **own}
    return Shop(database, gateways, GATEWAY, "http://shop.example")


@asynccontextmanager
async def open_till(folder: Path) -> AsyncIterator[StripeGateway]:
    """A rehearsal service that answers over HTTP, at noon for ever."""
    port = free_port()
    config = RehearsalConfig(
        store_path=folder / "rehearsal.sqlite3",
        api_key=API_KEY,
        webhook_url=f"http://127.0.0.1:{free_port()}/webhooks/stripe",
        webhook_secret=SECRET,
        base_url=f"http://127.0.0.1:{port}/rehearsal",
        clock=lambda: NOON,
    )
    gateway = StripeGateway(API_KEY, SECRET, base_url=config.base_url, name=GATEWAY)
    async with serving(mounted(config), port):
        yield gateway
    await gateway.aclose()


async def clerk(sessions: Sessions, product: Product, role: Role = Role.ORDER_DESK) -> Actor:
    return act(await staff(sessions, product, role))


async def take(
    sessions: Sessions,
    actor: Actor,
    placed: Order,
    *,
    way: str = "cash",
    reference: str = "收据 001",
    photo: bytes | None = None,
    storage: Storage | None = None,
    now: datetime = SOON,
) -> OfflineReceipt:
    """The order's total, written down by one person."""
    storage = storage or Storage.open(STORE)
    async with sessions.begin() as session:
        return await record_receipt(session, storage, actor, placed, way, reference, photo, now)


async def confirm(shop: Shop, actor: Actor, receipt: OfflineReceipt, now: datetime = SOON) -> Order:
    return await confirm_receipt(shop, actor, receipt.id, now)


async def reject(
    sessions: Sessions,
    actor: Actor,
    receipt: OfflineReceipt,
    now: datetime = SOON,
    *,
    reason: str = "账上没有",
) -> None:
    async with sessions.begin() as session:
        await reject_receipt(session, actor, receipt.id, reason, now)


async def receipts(sessions: Sessions) -> list[OfflineReceipt]:
    async with sessions() as session:
        return list(await session.scalars(select(OfflineReceipt).order_by(OfflineReceipt.id)))


async def deeds(sessions: Sessions) -> list[tuple[str, int | None]]:
    """What was done to money by hand, and by whom."""
    async with sessions() as session:
        rows = await session.scalars(
            select(AuditEntry)
            .where(AuditEntry.subject.in_(("offline_receipts", "refunds")))
            .order_by(AuditEntry.id)
        )
        return [(row.action, row.member_id) for row in rows]


async def open_troubles(sessions: Sessions) -> list[tuple[str, str]]:
    async with sessions() as session:
        rows = await session.scalars(
            select(Trouble).where(Trouble.closed_at.is_(None)).order_by(Trouble.id)
        )
        return [(row.kind, row.subject) for row in rows]


async def hold_ends(sessions: Sessions, placed: Order, at: datetime) -> None:
    async with sessions.begin() as session:
        await session.execute(update(Hold).where(Hold.id == placed.hold_id).values(expires_at=at))


def picture(kind: str = "JPEG") -> bytes:
    """A small photo of something red."""
    register_heif_opener()
    buffer = BytesIO()
    Image.new("RGB", (90, 120), "#a8321f").save(buffer, kind)
    return buffer.getvalue()
