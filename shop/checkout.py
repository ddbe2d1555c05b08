"""From a hold to an order: the buyer's words checked, shares split, the payment opened."""

import hashlib
import hmac
import secrets
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload
from sqlalchemy.sql import Select

from catalog.checks import BEIJING, Check
from catalog.errors import Invalid, NotFound
from catalog.models import Kind, Product
from media.codes import new_code
from shop import shipping
from shop.errors import KeyReused
from shop.holds import Wanted, lock_hold, make_hold, must_be_open
from shop.models import (
    Hold,
    HoldLine,
    HoldState,
    Order,
    OrderLine,
    Payment,
    WorkOrder,
    WorkOrderState,
)

# As long as a session at Stripe lives at least, and a minute for the way there.
PAY_WITHIN = timedelta(minutes=31)
# After the session ends the pieces wait three minutes more for money already on its way.
KEPT_AFTER = timedelta(minutes=3)

# Stripe: an amount has at most eight digits.
MOST_TOTAL_FEN = 99_999_999

# Work in hand counts for a promised date from the moment it is ordered until it is done.
_IN_HAND = (
    WorkOrderState.WAITING,
    WorkOrderState.NEW,
    WorkOrderState.ACCEPTED,
    WorkOrderState.MAKING,
)


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys and where it goes, checked. `province` is in its short form."""

    name: str
    phone: str
    province: str
    city: str
    district: str
    detail: str


def read_buyer(values: Mapping[str, Any]) -> Buyer:
    """A buyer from what was typed. Raises Invalid with a sentence for each field."""
    check = Check()
    province = check.text("province", values.get("province"), "省份", most=20)
    province = shipping.short_province(province)
    if province not in shipping.PROVINCES and "province" not in check.errors:
        check.fault("province", "请从列表里选省份。")
    buyer = Buyer(
        name=check.text("name", values.get("name"), "收件人", most=40),
        phone=check.phone("phone", values.get("phone")),
        province=province,
        city=check.text("city", values.get("city"), "城市", most=30),
        district=check.text("district", values.get("district"), "区县", most=30, least=0),
        detail=check.text("detail", values.get("detail"), "详细地址", most=200, least=2),
    )
    check.done()
    return buyer


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order asked for: an existing hold, or things to hold in the same step.

    `key` is the asker's Idempotency-Key; the same key with the same request finds the same order.
    """

    buyer: Buyer
    gateway: str
    hold: str | None = None
    items: tuple[Wanted, ...] = ()
    key: str | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over everything asked for."""
        asked = [
            self.hold,
            [(str(i.quantity), i.link, str(i.product)) for i in self.items],
            [getattr(self.buyer, field) for field in self.buyer.__slots__],
            self.gateway,
        ]
        return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()


async def place_order(
    session: AsyncSession, request: OrderRequest, browser: str, now: datetime
) -> Order:
    """Turn a hold into an unpaid order with one work order per workshop and one open payment.

    Repeating a request finds the order that it made: by its key, or by its hold. Locks the
    hold. Raises HoldExpired, KeyReused, and all that `make_hold` raises; nothing is kept then.
    """
    if request.key is not None:
        earlier = await order_of_key(session, request)
        if earlier is not None:
            return earlier
    if request.hold is not None:
        hold = await lock_hold(session, request.hold)
    else:
        hold = await make_hold(session, request.items, browser, now)
    if hold.state == HoldState.ORDERED:
        return await order_of_hold(session, hold)
    must_be_open(hold, now)
    order = await _new_order(session, request, hold, now)
    hold.state = HoldState.ORDERED
    hold.expires_at = order.expires_at + KEPT_AFTER
    session.add(order)
    await session.flush()
    return order


async def order_of_key(session: AsyncSession, request: OrderRequest) -> Order | None:
    """The order that this request's key made before. Raises KeyReused for another request's key."""
    if request.key is None:
        return None
    found = await session.scalar(select(Order).where(Order.request_key == request.key))
    if found is None:
        return None
    if found.request_hash != request.digest:
        raise KeyReused(f"order {found.id}")
    return await get_order(session, found.token)


async def order_of_hold(session: AsyncSession, hold: Hold) -> Order:
    """The order that a hold became, as `get_order`. Raises NotFound."""
    token = await session.scalar(select(Order.token).where(Order.hold_id == hold.id))
    if token is None:
        raise NotFound("order")
    return await get_order(session, token)


async def _new_order(
    session: AsyncSession, request: OrderRequest, hold: Hold, now: datetime
) -> Order:
    buyer = request.buyer
    fee = await shipping.fee_fen(session, hold.station_id, buyer.province)
    shares = await _shares(session, hold, fee, now)
    goods = sum(share.goods_fen for share in shares)
    if goods + fee * len(shares) > MOST_TOTAL_FEN:
        raise Invalid({"items": "一笔订单最多 999,999 元，请分开买。"})
    order = Order(
        station_id=hold.station_id,
        hold=hold,
        code=new_code(8),
        token=secrets.token_urlsafe(24),
        request_key=request.key,
        request_hash=request.digest if request.key else "",
        buyer_name=buyer.name,
        buyer_phone=buyer.phone,
        province=buyer.province,
        city=buyer.city,
        district=buyer.district,
        detail=buyer.detail,
        goods_fen=goods,
        shipping_fen=fee * len(shares),
        total_fen=goods + fee * len(shares),
        placed_at=now,
        expires_at=now + PAY_WITHIN,
        work_orders=shares,
    )
    order.payments = [
        Payment(
            station_id=hold.station_id,
            gateway=request.gateway,
            amount_fen=order.total_fen,
            created_at=now,
            expires_at=order.expires_at,
            refunds=[],
        )
    ]
    return order


async def _shares(session: AsyncSession, hold: Hold, fee: int, now: datetime) -> list[WorkOrder]:
    by_workshop: defaultdict[int, list[HoldLine]] = defaultdict(list)
    for line in hold.lines:
        by_workshop[line.product.workshop_id].append(line)
    return [
        WorkOrder(
            station_id=hold.station_id,
            workshop=lines[0].product.workshop,
            goods_fen=sum(line.quantity * line.unit_fen for line in lines),
            shipping_fen=fee,
            promised_on=await promised_on(session, workshop_id, lines, now),
            lines=[
                OrderLine(
                    product=line.product,
                    line_up_item_id=line.line_up_item_id,
                    name=line.product.name,
                    quantity=line.quantity,
                    unit_fen=line.unit_fen,
                )
                for line in lines
            ],
        )
        for workshop_id, lines in sorted(by_workshop.items())
    ]


async def promised_on(
    session: AsyncSession, workshop_id: int, lines: Sequence[HoldLine], now: datetime
) -> date | None:
    """The day by which a workshop has carved `lines`, after what it has in hand already.

    None when nothing is made to order: finished pieces are sent, not made.
    """
    days = sum(
        line.quantity * line.product.work_days
        for line in lines
        if line.product.kind == Kind.MADE_TO_ORDER
    )
    if not days:
        return None
    return _carved_by(days + await days_in_hand(session, workshop_id), now)


async def promised_if_ordered(
    session: AsyncSession, workshop_id: int, work_days: int, now: datetime
) -> date:
    """The day to tell a buyer who would have one piece of `work_days` carved."""
    return _carved_by(work_days + await days_in_hand(session, workshop_id), now)


def _carved_by(days: int, now: datetime) -> date:
    return now.astimezone(BEIJING).date() + timedelta(days=days)


async def days_in_hand(session: AsyncSession, workshop_id: int) -> int:
    """How many days of carving a workshop has promised and not yet done."""
    in_hand = await session.scalar(
        select(func.sum(OrderLine.quantity * Product.work_days))
        .join(WorkOrder, WorkOrder.id == OrderLine.work_order_id)
        .join(Product, Product.id == OrderLine.product_id)
        .where(
            WorkOrder.workshop_id == workshop_id,
            WorkOrder.state.in_(_IN_HAND),
            Product.kind == Kind.MADE_TO_ORDER,
        )
    )
    return int(in_hand or 0)


def whole_order() -> Select[Order]:
    """Select orders with work orders, workshops, lines, products, payments and refunds.

    One query: an order has few of each. Its rows repeat the order, so ask for `unique()`.
    """
    parts = joinedload(Order.work_orders)
    return (
        select(Order)
        .options(
            joinedload(Order.payments).joinedload(Payment.refunds),
            parts.joinedload(WorkOrder.workshop),
            parts.joinedload(WorkOrder.lines).joinedload(OrderLine.product),
        )
        .execution_options(populate_existing=True)
    )


_BY_TOKEN = whole_order().where(Order.token == bindparam("token"))
_PICTURED = _BY_TOKEN.options(
    joinedload(Order.work_orders)
    .joinedload(WorkOrder.lines)
    .joinedload(OrderLine.product)
    .selectinload(Product.photos)
)


async def get_order(session: AsyncSession, token: str) -> Order:
    """The order of a token, as `whole_order`. Raises NotFound."""
    return await _find(session, _BY_TOKEN, token)


async def get_pictured_order(session: AsyncSession, token: str) -> Order:
    """As `get_order`, with the products' photos. Raises NotFound."""
    return await _find(session, _PICTURED, token)


async def _find(session: AsyncSession, query: Select[Order], token: str) -> Order:
    order = (await session.scalars(query, {"token": token})).unique().one_or_none()
    if order is None:
        raise NotFound("order")
    return order


def address_for(order: Order, last4: str) -> str:
    """Where an order goes, for who knows the last four digits of the buyer's phone.

    The token in the address is what keeps strangers out; this keeps the street from somebody to
    whom the buyer passed the page on. Raises Invalid for other digits.
    """
    typed = unicodedata.normalize("NFKC", last4).strip()
    if not hmac.compare_digest(typed.encode(), order.buyer_phone[-4:].encode()):
        raise Invalid({"last4": "和下单时的手机号对不上，请再看一遍。"})
    where = f"{order.province}{order.city}{order.district}{order.detail}"
    return f"{order.buyer_name}，{order.buyer_phone}，{where}"
