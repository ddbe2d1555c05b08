"""Pieces: what is counted agrees with its movements, what is promised with who was promised it."""

from sqlalchemy import Select, case, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.models import Kind, Product, Stock, StockMovement
from live.models import LineUpItem, Show, ShowState
from shop.examine.finding import Fault, Finding
from shop.models import (
    Hold,
    HoldLine,
    HoldState,
    Order,
    OrderLine,
    OrderState,
    WorkOrder,
    WorkOrderState,
)
from shop.troubles import TroubleKind

_KEEPS_NONE = (
    WorkOrderState.SHIPPED,
    WorkOrderState.DELIVERED,
    WorkOrderState.DECLINED,
    WorkOrderState.CANCELLED,
)


async def movements(session: AsyncSession) -> Finding:
    """`on_hand` is the sum of what moved."""
    moved = (
        select(StockMovement.product_id, func.sum(StockMovement.change).label("pieces"))
        .group_by(StockMovement.product_id)
        .subquery()
    )
    pieces = func.coalesce(moved.c.pieces, 0)
    odd = (
        select(Product.station_id, Product.id, Product.name, Stock.on_hand, pieces)
        .join(Stock, Stock.product_id == Product.id)
        .outerjoin(moved, moved.c.product_id == Product.id)
        .where(Stock.on_hand != pieces)
        .order_by(Product.id)
    )
    return Finding(
        "stock",
        "agrees with its movements",
        "products that do not agree",
        TroubleKind.STOCK_MISMATCH,
        [
            Fault(station, f"product:{id_}", f"{name}记着现有 {there} 件，进出加起来是 {sum_} 件。")
            for station, id_, name, there, sum_ in await session.execute(odd)
        ],
    )


async def held(session: AsyncSession) -> Finding:
    """`held` is the sum of what buyers and shows were promised."""
    promised = union_all(_on_hold(), _ordered(), _fenced()).subquery()
    sums = (
        select(promised.c.product_id, func.sum(promised.c.pieces).label("pieces"))
        .group_by(promised.c.product_id)
        .subquery()
    )
    pieces = func.coalesce(sums.c.pieces, 0)
    odd = (
        select(Product.station_id, Product.id, Product.name, Stock.held, pieces)
        .join(Stock, Stock.product_id == Product.id)
        .outerjoin(sums, sums.c.product_id == Product.id)
        .where(Stock.held != pieces)
        .order_by(Product.id)
    )
    return Finding(
        "held",
        "agrees with holds, orders and shows",
        "products that do not",
        TroubleKind.STOCK_MISMATCH,
        [
            Fault(
                station, f"product:{id_}", f"{name}记着答应了 {there} 件，实际答应的是 {sum_} 件。"
            )
            for station, id_, name, there, sum_ in await session.execute(odd)
        ],
    )


def _on_hold() -> Select[int, int]:
    """Pieces of buyers who have not ordered yet."""
    return (
        select(HoldLine.product_id, HoldLine.quantity.label("pieces"))
        .join(Hold, Hold.id == HoldLine.hold_id)
        .join(Product, Product.id == HoldLine.product_id)
        .where(Hold.state == HoldState.ACTIVE, Product.kind != Kind.MADE_TO_ORDER)
    )


def _ordered() -> Select[int, int]:
    """Pieces of orders that are alive and not yet sent; who pays first has none until then."""
    alive = Order.state.in_((OrderState.UNPAID, OrderState.PAID, OrderState.COMPLETED))
    pays_first = (Order.state == OrderState.UNPAID) & (Hold.state == HoldState.PAY_FIRST)
    return (
        select(OrderLine.product_id, OrderLine.quantity)
        .join(WorkOrder, WorkOrder.id == OrderLine.work_order_id)
        .join(Order, Order.id == WorkOrder.order_id)
        .join(Hold, Hold.id == Order.hold_id)
        .join(Product, Product.id == OrderLine.product_id)
        .where(
            alive,
            ~pays_first,
            WorkOrder.state.not_in(_KEEPS_NONE),
            Product.kind != Kind.MADE_TO_ORDER,
        )
    )


def _fenced() -> Select[int, int]:
    """Pieces that a show keeps for its own buyers."""
    open_show = Show.state.in_((ShowState.DRAFT, ShowState.READY, ShowState.LIVE))
    left = case((open_show, LineUpItem.allotment_left), else_=0)
    return select(LineUpItem.product_id, left).join(Show, Show.id == LineUpItem.show_id)
