"""From held pieces to the gateway: who gets them, where they go, what it costs."""

from datetime import datetime, timedelta
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid
from catalog.forms import read_form
from catalog.stations import must_be_open
from catalog.words import yuan
from catalog.workshops import station_by_id
from shop import shipping
from shop.buying import let_go, order_pieces
from shop.cart import way_back
from shop.carving import carved_lines, ticks_missing
from shop.checkout import OrderRequest, read_buyer, token_of_hold
from shop.context import Shop
from shop.errors import HoldExpired, RehearsalShow, WorkshopFull
from shop.holds import get_hold, is_open, pays_first
from shop.languages import language_of
from shop.models import Hold, HoldState
from shop.pages.order import to_payment
from shop.pages.ways import choice_for, way_of
from shop.pausing import left_standing
from shop.wallets import Way
from shop.web.problems import STATUSES
from shop.web.visit import asker_of, browser_of, station_of

type_request = Request[Any, Any, Any]

BLANK = dict.fromkeys(("name", "phone", "province", "city", "district", "detail"), "")


@get("/checkout/{token:str}", opt=allow(EVERYONE), include_in_schema=False)
async def checkout(
    request: type_request,
    token: FromPath[str],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The form for what is held; the order, when there is one already."""
    return await _answer(request, session, token, now, {}, {})


@post("/checkout/{token:str}", opt=allow(EVERYONE), include_in_schema=False)
async def place(
    request: type_request,
    token: FromPath[str],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """On to where the order is paid. A form that is sent twice finds the same order."""
    typed = await read_form(request)
    way = way_of(request, typed.get("way", ""))
    try:
        language = language_of(request.headers.get("Accept-Language", ""))
        order_request = await _read(shop, token, typed, way, language)
        order = await order_pieces(
            shop, order_request, browser_of(request), now, station_of(request)
        )
    except (Invalid, HoldExpired) as refusal:
        errors = refusal.errors if isinstance(refusal, Invalid) else {}
        async with shop.database.reading() as session:
            return await _answer(request, session, token, now, typed, errors)
    except RehearsalShow as refusal:
        async with shop.database.reading() as session:
            return await _rehearsal(session, token, refusal)
    except WorkshopFull as refusal:
        async with shop.database.reading() as session:
            return await _gone(session, await get_hold(session, token), refusal.text)
    async with shop.database.reading() as session:
        if await pays_first(session, order.id):
            # Nothing is kept, which the page before may not have known: told before money goes.
            return see_other(f"/o/{order.token}")
    if way is not None and way.other_screen:
        return see_other(f"/o/{order.token}/screen")
    return await to_payment(shop, order)


@post("/checkout/{token:str}/release", opt=allow(EVERYONE), include_in_schema=False)
async def release(
    token: FromPath[str], shop: NamedDependency[Shop], now: NamedDependency[datetime]
) -> Redirect:
    """The pieces are free again, at once, for the first in line or for everybody."""
    await let_go(shop, token, now)
    async with shop.database.reading() as session:
        hold = await get_hold(session, token)
        ordered = await token_of_hold(session, hold.id)
        if ordered is not None:
            return see_other(f"/o/{ordered}")
        return see_other(await way_back(session, hold), "已经放回去了，没有收您的钱。")


async def _read(
    shop: Shop, token: str, typed: dict[str, str], way: Way | None, language: str
) -> OrderRequest:
    """What the form asks for; raises Invalid with all its faults, the empty boxes' among them."""
    async with shop.database.reading() as session:
        errors = ticks_missing(await get_hold(session, token), typed)
    if way is None:
        errors["way"] = "请选一种付款方式。"
    try:
        buyer = read_buyer(typed)
    except Invalid as error:
        raise Invalid({**error.errors, **errors}) from error
    if errors or way is None:
        raise Invalid(errors)
    return OrderRequest(
        buyer,
        way.gateway,
        hold=token,
        methods=way.methods,
        custom_agreed="custom_agreed" in typed,
        likeness_agreed="likeness_agreed" in typed,
        language=language,
    )


async def _answer(
    request: type_request,
    session: AsyncSession,
    token: str,
    now: datetime,
    typed: dict[str, str],
    errors: dict[str, str],
) -> Template | Redirect:
    hold = await get_hold(session, token)
    ordered = await token_of_hold(session, hold.id)
    if ordered is not None:
        return see_other(f"/o/{ordered}")
    if not is_open(hold, now):
        return await _gone(session, hold)
    return await _form(request, session, hold, now, typed, errors)


async def _form(
    request: type_request,
    session: AsyncSession,
    hold: Hold,
    now: datetime,
    typed: dict[str, str],
    errors: dict[str, str],
) -> Template:
    goods = sum(line.quantity * line.unit_fen for line in hold.lines)
    parcels = len({line.product.workshop_id for line in hold.lines})
    fees = await shipping.fees(session, hold.station_id)
    postage = {province: fee * parcels for province, fee in fees.items()}
    station = await station_by_id(session, hold.station_id)
    must_be_open(station, asker_of(request))
    return page(
        "shop/checkout.html",
        status=422 if errors else 200,
        station=station,
        choice=choice_for(request, station, typed.get("way", "")),
        hold=hold,
        pay_first=hold.state == HoldState.PAY_FIRST,
        back=await way_back(session, hold) if hold.state == HoldState.PAY_FIRST else "",
        in_time=now < hold.shown_until,
        stands=await left_standing(session, hold),
        minutes=(hold.shown_until - hold.created_at) // timedelta(minutes=1),
        carved=await carved_lines(session, hold, now),
        goods_fen=goods,
        rule=shipping.fee_rule(fees),
        postage=postage,
        totals={where: [yuan(fen), yuan(goods + fen)] for where, fen in postage.items()},
        form={**BLANK, **typed, "province": shipping.short_province(typed.get("province", ""))},
        errors=errors,
    )


async def _rehearsal(session: AsyncSession, token: str, refusal: RehearsalShow) -> Template:
    hold = await get_hold(session, token)
    return page(
        "shop/rehearsal.html",
        status=STATUSES[RehearsalShow],
        station=await station_by_id(session, hold.station_id),
        hold=hold,
        text=refusal.text,
    )


async def _gone(session: AsyncSession, hold: Hold, why: str = "") -> Template:
    """Nothing is held any more; `why` where it is not for the time that has passed."""
    return page(
        "shop/hold_expired.html",
        status=STATUSES[WorkshopFull if why else HoldExpired],
        station=await station_by_id(session, hold.station_id),
        hold=hold,
        why=why,
        back=await way_back(session, hold),
    )


ROUTES: list[ControllerRouterHandler] = [checkout, place, release]
