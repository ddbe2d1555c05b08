"""Lists to keep: orders, work orders, products, workshops and the inbox as tables for spreadsheets.

Rows are read page by page, so that a long list takes no more memory than its cells. Phone numbers
are masked, but for a member who sees them and asks for them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import products
from catalog.access import Actor
from catalog.audit import record
from catalog.errors import NotAllowed
from catalog.models import Kind, Product, ProductState, Station, Workshop
from catalog.words import covered_phone
from catalog.workshops import list_workshops
from shop.errors import TooManyRows
from shop.inbox import Line
from shop.models import Order, OrderLine, OrderState, WorkOrder, WorkOrderState
from shop.orders import OrdersWanted, find_orders
from shop.sheets import Cell, Sheet, yuan_cell
from shop.work_order_list import WorkOrdersWanted, find_work_orders

MOST_ROWS = 50_000
_AT_ONCE = 500

T = TypeVar("T")
W = TypeVar("W", bound=Any)

ORDER_STATES = {
    OrderState.UNPAID: "待付款",
    OrderState.PAID: "已付款",
    OrderState.COMPLETED: "已完成",
    OrderState.CANCELLED: "已取消",
    OrderState.EXPIRED: "已过期",
}
WORK_ORDER_STATES = {
    WorkOrderState.WAITING: "等付款",
    WorkOrderState.NEW: "新工单",
    WorkOrderState.ACCEPTED: "已接单",
    WorkOrderState.MAKING: "制作中",
    WorkOrderState.READY: "已做好",
    WorkOrderState.SHIPPED: "已寄出",
    WorkOrderState.DELIVERED: "已签收",
    WorkOrderState.DECLINED: "接不了",
    WorkOrderState.CANCELLED: "已取消",
}
_PRODUCT_STATES = {
    ProductState.DRAFT: "草稿",
    ProductState.REVIEW: "等人看",
    ProductState.ON_SALE: "在售",
    ProductState.OFF: "已下架",
}
_KINDS = {Kind.ONE_OF_A_KIND: "孤品", Kind.BATCH: "现货", Kind.MADE_TO_ORDER: "定做"}


async def whole_numbers(
    session: AsyncSession, actor: Actor, what: str, rows: int, filters: str, now: datetime
) -> None:
    """Write down that a list left with whole phone numbers. Raises NotAllowed, writing nothing."""
    if not actor.sees_phones:
        raise NotAllowed(f"member {actor.member_id} does not see buyers' numbers")
    station = await session.get_one(Station, actor.station_id)
    told = {"what": what, "rows": rows, "filters": filters[:200]}
    record(session, actor, "export.phones", station, now, after=told)


async def orders_sheet(
    session: AsyncSession, wanted: OrdersWanted, *, whole: bool, most: int = MOST_ROWS
) -> Sheet:
    """A row for each order. Raises TooManyRows."""
    headers = (
        "订单", "状态", "下单（北京时间）", "付款（北京时间）", "买家", "电话", "省", "市", "区县",
        "作品", "作坊", "作品金额（元）", "邮费（元）", "合计（元）",
    )  # fmt: skip
    rows = await _all(session, wanted, find_orders, lambda order: _order(order, whole), most)
    return Sheet("订单", headers, rows)


def _order(order: Order, whole: bool) -> tuple[Cell, ...]:
    lines = [line for part in order.work_orders for line in part.lines]
    return (
        order.code,
        ORDER_STATES[order.state],
        order.placed_at,
        order.paid_at,
        order.buyer_name,
        _phone(order, whole),
        order.province,
        order.city,
        order.district,
        _what(lines),
        "、".join(part.workshop.name for part in order.work_orders),
        yuan_cell(order.goods_fen),
        yuan_cell(order.shipping_fen),
        yuan_cell(order.total_fen),
    )


async def work_orders_sheet(
    session: AsyncSession, wanted: WorkOrdersWanted, *, whole: bool
) -> Sheet:
    """A row for each work order, with its parcel. Raises TooManyRows."""
    headers = (
        "工单", "订单", "作坊", "状态", "作品", "件数", "付款（北京时间）", "答应的日子", "在站里",
        "快递公司", "快递单号", "寄出（北京时间）", "签收（北京时间）", "买家", "电话", "省", "市",
        "作品金额（元）", "邮费（元）",
    )  # fmt: skip
    rows = await _all(session, wanted, find_work_orders, lambda row: _work_order(row, whole))
    return Sheet("工单", headers, rows)


def _work_order(row: WorkOrder, whole: bool) -> tuple[Cell, ...]:
    order = row.order
    return (
        row.id,
        order.code,
        row.workshop.name,
        WORK_ORDER_STATES[row.state],
        _what(row.lines),
        sum(line.quantity for line in row.lines),
        order.paid_at,
        row.promised_on,
        "是" if row.handover_id is not None else "",
        row.carrier,
        row.tracking,
        row.shipped_at,
        row.delivered_at,
        order.buyer_name,
        _phone(order, whole),
        order.province,
        order.city,
        yuan_cell(row.goods_fen),
        yuan_cell(row.shipping_fen),
    )


def _what(lines: Sequence[OrderLine]) -> str:
    return "、".join(f"{line.name} ×{line.quantity}" for line in lines)


def _phone(order: Order, whole: bool) -> str:
    return order.buyer_phone if whole else covered_phone(order.buyer_phone)


async def products_sheet(session: AsyncSession, wanted: products.Wanted) -> Sheet:
    """A row for each product, with its pieces. Raises TooManyRows."""
    headers = (
        "编号", "作品", "作坊", "种类", "状态", "价格（元）", "现有", "已答应", "可卖", "木料", "尺寸",
    )  # fmt: skip
    return Sheet("作品", headers, await _all(session, wanted, products.find_products, _product))


def _product(product: Product) -> tuple[Cell, ...]:
    stock = product.stock
    return (
        product.id,
        product.name,
        product.workshop.name,
        _KINDS[product.kind],
        _PRODUCT_STATES[product.state],
        yuan_cell(product.price_fen),
        stock.on_hand,
        stock.held,
        stock.free,
        product.wood,
        product.size,
    )


async def workshops_sheet(session: AsyncSession, actor: Actor) -> Sheet:
    """A row for each family of the station, those that have stopped too."""
    found = await list_workshops(session, actor.station_id, active_only=False)
    count = select(Product.workshop_id, func.count()).where(
        Product.station_id == actor.station_id, Product.state == ProductState.ON_SALE
    )
    rows = await session.execute(count.group_by(Product.workshop_id))
    on_sale = dict(iter(rows))
    headers = ("编号", "作坊", "村", "手艺", "电话", "在用", "在售的作品")
    return Sheet("作坊", headers, [_workshop(row, on_sale.get(row.id, 0)) for row in found])


def _workshop(row: Workshop, on_sale: int) -> tuple[Cell, ...]:
    active = "是" if row.active else ""
    return (row.id, row.name, row.village, row.craft, row.phone, active, on_sale)


def inbox_sheet(lines: Sequence[Line]) -> Sheet:
    """A row for each thing to see to."""
    headers = ("类别", "什么事", "关于", "从什么时候（北京时间）", "谁在管", "下一步", "急")
    return Sheet("要处理的事", headers, [_line(line) for line in lines])


def _line(line: Line) -> tuple[Cell, ...]:
    about = line.about[0] if line.about else ""
    urgent = "急" if line.urgent else ""
    return (line.title, line.text, about, line.since, line.owner, line.next_step, urgent)


async def _all(
    session: AsyncSession,
    wanted: W,
    find: Callable[[AsyncSession, W], Awaitable[tuple[list[T], int | None]]],
    row_of: Callable[[T], tuple[Cell, ...]],
    most: int = MOST_ROWS,
) -> list[tuple[Cell, ...]]:
    """The rows of all pages. Raises TooManyRows."""
    rows: list[tuple[Cell, ...]] = []
    before: int | None = None
    while True:
        found, before = await find(session, replace(wanted, before=before, most=_AT_ONCE))
        rows += [row_of(one) for one in found]
        session.expunge_all()
        if len(rows) > most:
            raise TooManyRows(most)
        if before is None:
            return rows
