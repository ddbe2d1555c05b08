"""From a hold to an order: the buyer's words checked, shares split, the payment opened."""

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload
from sqlalchemy.sql import Select

from catalog.checks import Check
from catalog.db import table
from catalog.errors import Invalid, NotFound, Refusal
from catalog.models import Product
from catalog.one_of import one_of
from catalog.words import covered_phone
from shop import rehearsal_rule, shipping
from shop.drafts import Draft, fill_in, write_orders
from shop.errors import HoldExpired, KeyReused
from shop.holding import LAPSED_WITHIN, MOST_LAPSED, HoldRequest, Wanted, make_holds
from shop.holds import Held, give_back, is_open, lock_holds
from shop.languages import CHINESE
from shop.models import HoldState, Order, OrderLine, OrderState, Payment, WorkOrder
from shop.sheet import OrderSheet, read_sheets
from shop.together import apart

# Stripe: an amount has at most eight digits.
MOST_TOTAL_FEN = 99_999_999

_orders = table(Order)
_BY_KEY = select(
    _orders.c.id, _orders.c.token, _orders.c.request_key, _orders.c.request_hash
).where(one_of(_orders.c.request_key, "keys"))
_BY_HOLD = select(_orders.c.token, _orders.c.hold_id).where(one_of(_orders.c.hold_id, "ids"))
_OWING = (
    select(_orders.c.buyer_phone)
    .where(
        one_of(_orders.c.buyer_phone, "phones"),
        _orders.c.state == OrderState.EXPIRED,
        _orders.c.placed_at > bindparam("since"),
    )
    .group_by(_orders.c.buyer_phone)
    .having(func.count() >= MOST_LAPSED)
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
    `methods` are the ways of paying to offer, none named for all there are. `custom_agreed` and
    `likeness_agreed` are the buyer's ticks about what is carved to order. `language` is what the
    buyer is told in later; the same request in another one is still the same.
    """

    buyer: Buyer
    gateway: str
    hold: str | None = None
    items: tuple[Wanted, ...] = ()
    key: str | None = None
    methods: tuple[str, ...] = ()
    custom_agreed: bool = False
    likeness_agreed: bool = False
    language: str = CHINESE

    @property
    def digest(self) -> str:
        """SHA-256 over everything asked for; a browser's language is not."""
        asked = [
            self.hold,
            [(str(i.quantity), i.link, str(i.product)) for i in self.items],
            [getattr(self.buyer, field) for field in self.buyer.__slots__],
            self.gateway,
            self.methods,
            self.custom_agreed,
            self.likeness_agreed,
        ]
        return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Placing:
    """An order that one browser asks for; `browser` is "" for a program."""

    request: OrderRequest
    browser: str
    now: datetime

    @property
    def concerns(self) -> list[tuple[str, str]]:
        """What no other order may be made of at the same time."""
        named = (("key", self.request.key), ("hold", self.request.hold), ("at", self.browser))
        return [(what, name) for what, name in named if name]


async def place_order(
    session: AsyncSession, request: OrderRequest, browser: str, now: datetime
) -> OrderSheet:
    """`place_orders` for one buyer; raises what that answers."""
    (placed,) = await place_orders(session, [Placing(request, browser, now)])
    if isinstance(placed, Refusal):
        raise placed
    return placed


async def place_orders(
    session: AsyncSession, asked: Sequence[Placing]
) -> list[OrderSheet | Refusal]:
    """Turn holds into unpaid orders, each with a work order per workshop and one open payment.

    Repeating a request finds the order that it made: by its key, or by its hold. For a phone by
    which `MOST_LAPSED` orders were left unpaid within a day nothing is kept: it pays first.
    Locks the holds by id, all that `make_holds` locks, and for what is carved to order the
    workshops by id. Answers HoldExpired, KeyReused, Invalid, WorkshopFull and all that `make_holds` answers; no pieces are kept for that request then. RehearsalShow
    leaves a hold that was named as it was.
    """
    answers: dict[int, OrderSheet | Refusal] = {}
    for positions in apart(one.concerns for one in asked):
        placed = await _place(session, [asked[position] for position in positions])
        answers.update(zip(positions, placed, strict=True))
    return [answers[position] for position in range(len(asked))]


async def _place(session: AsyncSession, asked: Sequence[Placing]) -> list[OrderSheet | Refusal]:
    answers = await _orders_of_keys(session, asked)
    holds = await _holds_for(session, {n: a for n, a in enumerate(asked) if n not in answers})
    earlier = await _orders_of_holds(session, holds.values())
    drafts: dict[int, Draft] = {}
    for n, hold in holds.items():
        if isinstance(hold, Refusal):
            answers[n] = hold
        elif hold.id in earlier:
            answers[n] = earlier[hold.id]
        elif not is_open(hold, asked[n].now):
            answers[n] = HoldExpired(f"hold {hold.id} is {hold.state}")
        else:
            drafts[n] = Draft(asked[n].request, hold, asked[n].now)
    answers.update(await rehearsal_rule.turn_away(session, drafts))
    await fill_in(session, list(drafts.values()))
    answers.update(await _turn_away(session, drafts))
    await _keep_nothing_for_owing(session, list(drafts.values()))
    written = await write_orders(session, list(drafts.values()))
    answers.update(zip(drafts, written, strict=True))
    return [answers[n] for n in range(len(asked))]


async def _orders_of_keys(
    session: AsyncSession, asked: Sequence[Placing]
) -> dict[int, OrderSheet | Refusal]:
    """What was made before by the same keys: the order, or KeyReused for another request's."""
    keys = [one.request.key for one in asked if one.request.key is not None]
    if not keys:
        return {}
    found = (await session.execute(_BY_KEY, {"keys": keys})).all()
    sheets = await read_sheets(session, [row.token for row in found])
    by_key = {row.request_key: row for row in found}
    answers: dict[int, OrderSheet | Refusal] = {}
    for n, one in enumerate(asked):
        row = by_key.get(one.request.key)
        if row is not None and row.request_hash != one.request.digest:
            answers[n] = KeyReused(f"order {row.id}")
        elif row is not None:
            answers[n] = sheets[row.token]
    return answers


async def _holds_for(
    session: AsyncSession, asked: Mapping[int, Placing]
) -> dict[int, Held | Refusal]:
    """The holds that orders are made of: those named, locked, and new ones for what is asked."""
    named = {n: one.request.hold for n, one in asked.items() if one.request.hold is not None}
    locked = await lock_holds(session, named.values()) if named else {}
    answers: dict[int, Held | Refusal] = {
        n: locked.get(token) or NotFound("hold") for n, token in named.items()
    }
    new = {n: one for n, one in asked.items() if n not in named}
    wanted = [HoldRequest(one.request.items, one.browser, one.now) for one in new.values()]
    answers.update(zip(new, await make_holds(session, wanted), strict=True))
    return answers


async def _orders_of_holds(
    session: AsyncSession, holds: Iterable[Held | Refusal]
) -> dict[int, OrderSheet]:
    """The orders that holds have become, by the hold's id."""
    may_have = (HoldState.ORDERED, HoldState.PAY_FIRST)
    ids = [hold.id for hold in holds if isinstance(hold, Held) and hold.state in may_have]
    if not ids:
        return {}
    found = (await session.execute(_BY_HOLD, {"ids": ids})).all()
    sheets = await read_sheets(session, [row.token for row in found])
    return {row.hold_id: sheets[row.token] for row in found}


async def _turn_away(session: AsyncSession, drafts: dict[int, Draft]) -> dict[int, Refusal]:
    """Take out of `drafts` what no gateway or no workshop would take, its pieces free again."""
    away = {n: refusal for n, draft in drafts.items() if (refusal := _refusal(draft))}
    holds = [drafts.pop(n).hold for n in away]
    if holds:
        await give_back(session, holds, HoldState.RELEASED)
    return away


def _refusal(draft: Draft) -> Refusal | None:
    if draft.total_fen > MOST_TOTAL_FEN:
        return Invalid({"items": "一笔订单最多 999,999 元，请分开买。"})
    return draft.refused


async def _keep_nothing_for_owing(session: AsyncSession, drafts: Sequence[Draft]) -> None:
    """Give back what was held for phones that left too many orders unpaid; they pay first."""
    if not drafts:
        return
    phones = {draft.request.buyer.phone for draft in drafts}
    since = min(draft.now for draft in drafts) - LAPSED_WITHIN
    owing = set(await session.scalars(_OWING, {"phones": [*phones], "since": since}))
    holds = [
        draft.hold
        for draft in drafts
        if draft.request.buyer.phone in owing and draft.hold.state == HoldState.ACTIVE
    ]
    if holds:
        await give_back(session, holds, HoldState.PAY_FIRST)


async def token_of_hold(session: AsyncSession, hold_id: int) -> str | None:
    """The token of the order that a hold became, if it did."""
    return await session.scalar(select(Order.token).where(Order.hold_id == hold_id))


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
    """Where an order goes, for who knows the last four digits of the buyer's phone, which stays covered.

    The token in the address is what keeps strangers out; this keeps the street from somebody to
    whom the buyer passed the page on. Raises Invalid for other digits.
    """
    typed = unicodedata.normalize("NFKC", last4).strip()
    if not hmac.compare_digest(typed.encode(), order.buyer_phone[-4:].encode()):
        raise Invalid({"last4": "和下单时的手机号对不上，请再看一遍。"})
    where = f"{order.province}{order.city}{order.district}{order.detail}"
    return f"{order.buyer_name}，{covered_phone(order.buyer_phone)}，{where}"
