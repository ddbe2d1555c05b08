"""What `xiangbo doctor` looks at: that the sums of stock and money say what they must."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, case, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import Database
from catalog.models import Job, Kind, Product, Stock, StockMovement
from live.models import LineUpItem, Show, ShowState
from media.storage import Storage, StorageUnavailable
from shop.models import (
    Hold,
    HoldLine,
    HoldState,
    LedgerEntry,
    Order,
    OrderLine,
    OrderState,
    WorkOrder,
    WorkOrderState,
)
from shop.settings import Settings

# The relay hands a job over every second; one that waits this long has failed again and again.
LATE = timedelta(minutes=10)

_SENT = (WorkOrderState.SHIPPED, WorkOrderState.DELIVERED, WorkOrderState.DECLINED)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    ok: bool
    text: str


async def examine(settings: Settings, now: datetime) -> list[Finding]:
    """All findings. Reads only, but for one small file written and deleted in the file store."""
    database = Database.connect(settings.database_url)
    try:
        async with database.reading() as session:
            return [
                await _files(settings),
                await _ledger(session),
                await _movements(session),
                await _held(session),
                await _jobs(session, now),
            ]
    finally:
        await database.close()


async def _files(settings: Settings) -> Finding:
    key = "originals/doctor"
    try:
        storage = Storage.open(settings.storage_url)
        await storage.put(key, b"ok", "text/plain")
        await storage.delete(key)
    except (StorageUnavailable, ValueError) as error:
        return Finding("files", False, f"cannot be written: {error}")
    return Finding("files", True, "can be written")


async def _ledger(session: AsyncSession) -> Finding:
    total = func.sum(LedgerEntry.amount_fen)
    odd = list(
        await session.scalars(
            select(LedgerEntry.posting_id).group_by(LedgerEntry.posting_id).having(total != 0)
        )
    )
    return _finding("ledger", odd, "every posting sums to zero", "postings that do not balance")


async def _movements(session: AsyncSession) -> Finding:
    moved = (
        select(StockMovement.product_id, func.sum(StockMovement.change).label("pieces"))
        .group_by(StockMovement.product_id)
        .subquery()
    )
    odd = list(
        await session.scalars(
            select(Stock.product_id)
            .outerjoin(moved, moved.c.product_id == Stock.product_id)
            .where(Stock.on_hand != func.coalesce(moved.c.pieces, 0))
        )
    )
    return _finding("stock", odd, "agrees with its movements", "products that do not agree")


async def _held(session: AsyncSession) -> Finding:
    promised = union_all(_on_hold(), _ordered(), _fenced()).subquery()
    sums = (
        select(promised.c.product_id, func.sum(promised.c.pieces).label("pieces"))
        .group_by(promised.c.product_id)
        .subquery()
    )
    odd = list(
        await session.scalars(
            select(Stock.product_id)
            .outerjoin(sums, sums.c.product_id == Stock.product_id)
            .where(Stock.held != func.coalesce(sums.c.pieces, 0))
        )
    )
    return _finding("held", odd, "agrees with holds, orders and shows", "products that do not")


def _on_hold() -> Select[int, int]:
    """Pieces of buyers who have not ordered yet."""
    return (
        select(HoldLine.product_id, HoldLine.quantity.label("pieces"))
        .join(Hold, Hold.id == HoldLine.hold_id)
        .join(Product, Product.id == HoldLine.product_id)
        .where(Hold.state == HoldState.ACTIVE, Product.kind != Kind.MADE_TO_ORDER)
    )


def _ordered() -> Select[int, int]:
    """Pieces of orders that are alive and not yet sent."""
    alive = Order.state.in_((OrderState.UNPAID, OrderState.PAID, OrderState.COMPLETED))
    return (
        select(OrderLine.product_id, OrderLine.quantity)
        .join(WorkOrder, WorkOrder.id == OrderLine.work_order_id)
        .join(Order, Order.id == WorkOrder.order_id)
        .join(Product, Product.id == OrderLine.product_id)
        .where(alive, WorkOrder.state.not_in(_SENT), Product.kind != Kind.MADE_TO_ORDER)
    )


def _fenced() -> Select[int, int]:
    """Pieces that a show keeps for its own buyers."""
    open_show = Show.state.in_((ShowState.DRAFT, ShowState.READY, ShowState.LIVE))
    left = case((open_show, LineUpItem.allotment_left), else_=0)
    return select(LineUpItem.product_id, left).join(Show, Show.id == LineUpItem.show_id)


async def _jobs(session: AsyncSession, now: datetime) -> Finding:
    late = list(await session.scalars(select(Job.id).where(Job.created_at < now - LATE).limit(20)))
    return _finding("jobs", late, "none is late", "jobs that keep failing")


def _finding(what: str, odd: list[int], well: str, badly: str) -> Finding:
    if not odd:
        return Finding(what, True, well)
    return Finding(what, False, f"{badly}: {', '.join(map(str, odd[:20]))}")
