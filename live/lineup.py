"""A show's line-up: which products in which order, at what price, with how many pieces fenced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import stock
from catalog.access import Actor
from catalog.audit import record
from catalog.checks import MOST_PIECES, Check
from catalog.claims import proven_of, refuse_unproven
from catalog.errors import Invalid, OutOfStock
from catalog.models import Kind, Product, ProductState, Stock
from catalog.products import products_of
from catalog.words import yuan
from live import selling
from live.consents import Consent, consents_of, keep_consent, read_consent
from live.errors import LineUpChanged, WrongShowState
from live.fairness import airtimes, departures
from live.lineup_versions import version_of
from live.models import Airing, LineUpItem, PriceConsent, Show, ShowState
from live.shows import get_show, lock_show

MOST_ITEMS = 100
USUAL_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Slot:
    """One wanted row of a line-up, checked."""

    product: Product
    show_price_fen: int | None
    allotment: int
    minutes: int
    talking_points: str
    do_not_say: str
    speaker: str
    consent: Consent | None


async def put_line_up(
    session: AsyncSession,
    actor: Actor,
    show_id: int,
    rows: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    seen: str | None = None,
    order_reason: str | None = None,
) -> Show:
    """Make `rows` the whole line-up, in that order; a product keeps its item and its figures.

    A row: `product`, and `show_price_fen` (or `show_price`, yuan as typed), `allotment`,
    `minutes`, `talking_points`, `do_not_say`, `speaker` ("" is the host), and `consent` to a price below the maker's floor
    (`live.consents.read_consent`). Pieces newly allotted leave free stock, pieces no longer
    allotted return. Locks the show, then item and stock by product id.

    `seen` is the version (`live.lineup_versions`) that the rows were made from; LineUpChanged
    when it is no longer what stands. With `order_reason`, even an empty one, an order that is
    not fair (`live.fairness`) must have a reason; None asks nothing and leaves the old reason.
    Raises Invalid with the fault of each row (`items.3.allotment`), WrongShowState after the
    end; the caller's transaction then keeps nothing.
    """
    show = await lock_show(session, actor, show_id)
    if show.state in (ShowState.ENDED, ShowState.REPORTED):
        raise WrongShowState("这一场已经结束，讲解单不能再改。")
    if seen is not None and seen != version_of(show.items):
        raise LineUpChanged(f"show {show.id}")
    consents = await consents_of(session, show.id)
    slots = await _read(session, show, rows, consents)
    told = {"products": [item.product_id for item in show.items], "reason": show.order_reason}
    if order_reason is not None:
        show.order_reason = await _reason(session, show, slots, order_reason, now)
    before = {item.product_id: item for item in show.items}
    wanted = {slot.product.id: (position, slot) for position, slot in enumerate(slots)}
    faults: dict[str, str] = {}
    touched = sorted(before.keys() | wanted.keys())
    items = {product_id: item.id for product_id, item in before.items()}
    await selling.lock(session, [(product_id, items.get(product_id)) for product_id in touched])
    for product_id in touched:
        if product_id not in wanted:
            await _take_out(session, before[product_id])
            continue
        position, slot = wanted[product_id]
        fault = await _place(session, show, before.get(product_id), position, slot)
        if fault:
            faults[f"items.{position}.allotment"] = fault
    if faults:
        raise Invalid(faults)
    for slot in slots:
        if slot.consent is not None:
            last = consents.get(slot.product.id)
            await keep_consent(session, actor, show, slot.product, slot.consent, last, now)
    record(
        session,
        actor,
        "show.line_up",
        show,
        now,
        before=told,
        after={"products": [slot.product.id for slot in slots], "reason": show.order_reason},
    )
    await session.flush()
    return await get_show(session, show.id)


async def _place(
    session: AsyncSession, show: Show, item: LineUpItem | None, position: int, slot: Slot
) -> str:
    """Make one product's item as wanted; a sentence when its pieces are not to be had."""
    if item is not None:
        await session.refresh(item, with_for_update={"key_share": True})
    used = item.allotment - item.allotment_left if item else 0
    if slot.allotment < used:
        return f"已经卖出或预留了 {used} 件，留货不能比这更少。"
    product_id = slot.product.id
    more = slot.allotment - (item.allotment if item else 0)
    try:
        if more > 0:
            await stock.hold(session, product_id, more)
        elif more < 0:
            await stock.release(session, product_id, -more)
    except OutOfStock:
        return await _too_many(session, product_id, item.allotment if item else 0)
    if item is None:
        item = LineUpItem(station_id=show.station_id, show_id=show.id, product_id=product_id)
        session.add(item)
    item.position = position
    item.show_price_fen = slot.show_price_fen
    item.allotment, item.allotment_left = slot.allotment, slot.allotment - used
    item.minutes = slot.minutes
    item.talking_points, item.do_not_say = slot.talking_points, slot.do_not_say
    item.speaker = slot.speaker
    return ""


async def _too_many(session: AsyncSession, product_id: int, already: int) -> str:
    free = await session.scalar(
        select(Stock.on_hand - Stock.held).where(Stock.product_id == product_id)
    )
    most = already + (free or 0)
    if not most:
        return "没有空闲的件可以留给这一场。"
    return f"没有这么多空闲的件可以留给这一场，最多留 {most} 件。"


async def _take_out(session: AsyncSession, item: LineUpItem) -> None:
    """Remove an item that no buyer has met, its pieces free again; Invalid for any other."""
    refused = Invalid({"items": f"“{item.product.name}”已经讲过或卖过，不能从讲解单里拿掉。"})
    await session.refresh(item, with_for_update=True)
    aired = await session.scalar(
        select(Airing.id).where(Airing.line_up_item_id == item.id).limit(1)
    )
    if aired is not None or item.holding or item.sold:
        raise refused
    if item.allotment:
        await stock.release(session, item.product_id, item.allotment)
    try:
        # Holds that have lapsed and orders that were cancelled still name their item.
        async with session.begin_nested():
            await session.delete(item)
    except IntegrityError as error:
        raise refused from error


async def _read(
    session: AsyncSession,
    show: Show,
    rows: Sequence[Mapping[str, Any]],
    consents: Mapping[int, PriceConsent],
) -> list[Slot]:
    if len(rows) > MOST_ITEMS:
        raise Invalid({"items": f"一场最多 {MOST_ITEMS} 件作品。"})
    check = Check()
    ids = [
        check.integer(f"items.{n}.product", row.get("product"), "作品", least=1, most=2**62)
        for n, row in enumerate(rows)
    ]
    products = await products_of(session, show.station_id, set(ids))
    proven = await proven_of(session, products)
    slots: list[Slot] = []
    seen: set[int] = set()
    for n, row in enumerate(rows):
        field = f"items.{n}.product"
        product = None if field in check.errors else products.get(ids[n])
        if product is None:
            check.fault(field, "没有这件作品，或者它是别的站的。")
            continue
        if product.state != ProductState.ON_SALE:
            check.fault(field, f"“{product.name}”没有在售，先上架再排。")
        if product.id in seen:
            check.fault(field, f"“{product.name}”排了两次。")
        seen.add(product.id)
        slots.append(_slot(check, n, product, row, consents.get(product.id)))
        said = {f"items.{n}.talking_points": slots[-1].talking_points}
        refuse_unproven(check, said, proven[product.id])
    check.done()
    return slots


def _slot(
    check: Check, n: int, product: Product, row: Mapping[str, Any], word: PriceConsent | None
) -> Slot:
    allotment = check.integer(
        f"items.{n}.allotment", row.get("allotment") or 0, "留货", least=0, most=MOST_PIECES
    )
    if allotment and product.kind == Kind.MADE_TO_ORDER:
        check.fault(f"items.{n}.allotment", "定做的作品没有现货，不用留。")
    minutes = row.get("minutes")
    price, consent = _price(check, n, product, row, word)
    return Slot(
        product=product,
        show_price_fen=price,
        allotment=allotment,
        minutes=check.integer(
            f"items.{n}.minutes",
            USUAL_MINUTES if minutes in (None, "") else minutes,
            "分钟",
            least=1,
            most=240,
        ),
        talking_points=check.text(
            f"items.{n}.talking_points",
            row.get("talking_points"),
            "讲解词",
            most=2000,
            least=0,
            lines=True,
        ),
        do_not_say=check.text(
            f"items.{n}.do_not_say", row.get("do_not_say"), "不说的话", most=200, least=0
        ),
        speaker=check.text(f"items.{n}.speaker", row.get("speaker"), "谁讲", most=40, least=0),
        consent=consent,
    )


def _price(
    check: Check, n: int, product: Product, row: Mapping[str, Any], word: PriceConsent | None
) -> tuple[int | None, Consent | None]:
    """The show price, and the consent that came with it where the price needs one.

    `word` is what the maker agreed to before; a consent of the row takes its place.
    """
    typed = str(row.get("show_price") or "").strip()
    price: int | None = None
    if typed:
        field = f"items.{n}.show_price"
        price = check.yuan(field, typed, "直播价")
    else:
        field = f"items.{n}.show_price_fen"
        if row.get("show_price_fen") is not None:
            price = check.fen(field, row["show_price_fen"], "直播价")
    consent = read_consent(check, f"items.{n}.consent", row.get("consent"), price)
    if price is None or price >= product.floor_fen:
        return price, None
    agreed = consent.price_fen if consent else word.price_fen if word else product.floor_fen
    if agreed >= product.floor_fen:
        check.fault(field, f"不能低于作坊的底价 {yuan(product.floor_fen)} 元。")
    elif price < agreed:
        check.fault(field, f"作坊只同意到 {yuan(agreed)} 元，不能再低。")
    return price, consent


async def _reason(
    session: AsyncSession, show: Show, slots: Sequence[Slot], typed: str, now: datetime
) -> str:
    """Why the order is not the fair one; Invalid when it is not fair and nothing was typed."""
    check = Check()
    reason = check.text("order_reason", typed, "理由", most=200, least=0)
    # In the middle of a show, and in a rehearsal, nobody is asked.
    if not reason and not show.rehearsal and show.state != ShowState.LIVE:
        line_up = [(slot.product.workshop_id, slot.minutes) for slot in slots]
        times = await airtimes(session, show.station_id, now)
        for one in departures(times, line_up):
            check.fault(
                "order_reason",
                f"“{one.name}”近 90 天讲了 {one.minutes} 分钟，平均一家 {one.average} 分钟；"
                f"这一场又排了 {one.wanted} 分钟，平分是 {one.share} 分钟。请写一句为什么这样排。",
            )
    check.done()
    return reason
