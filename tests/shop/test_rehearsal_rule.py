"""A rehearsal takes no real money, whichever way somebody tries to pay; and counts nowhere."""

from datetime import date

import pytest
from sqlalchemy import func, select

from catalog.db import Database, Sessions
from catalog.models import Product, Role
from live.models import Link, Show
from media.storage import Storage
from shop import today
from shop.checkout import OrderRequest, Placing, place_order, place_orders, read_buyer
from shop.errors import RehearsalShow
from shop.gateways import REHEARSAL, STRIPE
from shop.holding import Wanted
from shop.holds import Held
from shop.models import Hold, HoldState, OfflineReceipt, Order, Payment
from shop.offline import record_receipt
from shop.payments.offline_gateway import OFFLINE
from shop.sheet import OrderSheet
from shop.switching import pay_by
from shop.wallets import Way
from tests.live.acting import make_link, sibling
from tests.live.test_windows import link_of_show
from tests.making import BUYER, NOON, act, make_live_show, make_product
from tests.shop.cashing import STORE
from tests.shop.sales import figures, hold, order, pay, shop_of, staff, want

REAL = (STRIPE, OFFLINE)


async def rehearse(sessions: Sessions, *products: Product) -> Show:
    """A rehearsal on air with these products."""
    show = await make_live_show(sessions, list(products))
    async with sessions.begin() as session:
        row = await session.get_one(Show, show.id)
        row.rehearsal = True
    return row


def by(link: Link, quantity: int = 1, product: Product | None = None) -> Wanted:
    return Wanted(quantity=quantity, link=link.code, product=product.id if product else None)


def request(gateway: str, *wanted: Wanted, of: Held | None = None) -> OrderRequest:
    token = of.token if of else None
    return OrderRequest(read_buyer(BUYER), gateway, hold=token, items=wanted)


async def rows(sessions: Sessions) -> tuple[int, int]:
    """How many orders and payments there are."""
    async with sessions() as session:
        orders = await session.scalar(select(func.count()).select_from(Order))
        payments = await session.scalar(select(func.count()).select_from(Payment))
    return orders or 0, payments or 0


async def hold_now(sessions: Sessions, held: Held) -> tuple[HoldState, object]:
    async with sessions() as session:
        row = await session.get_one(Hold, held.id)
    return row.state, row.expires_at


@pytest.mark.parametrize("gateway", REAL)
async def test_real_money_is_refused_and_the_hold_stays(sessions: Sessions, gateway: str) -> None:
    product = await make_product(sessions)
    link = await make_link(sessions, product, await rehearse(sessions, product))
    held = await hold(sessions, by(link, 2))
    with pytest.raises(RehearsalShow):
        async with sessions.begin() as session:
            await place_order(session, request(gateway, of=held), "", NOON)
    assert await rows(sessions) == (0, 0)
    assert await hold_now(sessions, held) == (HoldState.ACTIVE, held.expires_at)
    assert await figures(sessions, product) == [(3, 2)]
    # In rehearsal the very same hold is ordered.
    async with sessions.begin() as session:
        placed = await place_order(session, request(REHEARSAL, of=held), "", NOON)
    assert placed.total_fen == 2 * 26800 + 800


@pytest.mark.parametrize("gateway", REAL)
async def test_what_was_not_held_before_is_not_kept(sessions: Sessions, gateway: str) -> None:
    product = await make_product(sessions)
    link = await make_link(sessions, product, await rehearse(sessions, product))
    async with sessions.begin() as session:
        [answer] = await place_orders(session, [Placing(request(gateway, by(link, 2)), "", NOON)])
    assert isinstance(answer, RehearsalShow)
    assert await rows(sessions) == (0, 0)
    assert await figures(sessions, product) == [(3, 0)]


async def test_one_line_of_a_rehearsal_is_enough(sessions: Sessions) -> None:
    product = await make_product(sessions)
    other = await sibling(sessions, product)
    show = await rehearse(sessions, product)
    whole = await link_of_show(sessions, show)
    asked = request(STRIPE, want(other), by(whole, 1, product))
    with pytest.raises(RehearsalShow):
        async with sessions.begin() as session:
            await place_order(session, asked, "", NOON)
    assert await figures(sessions, product, other) == [(3, 0), (3, 0)]


async def test_among_others_that_order_at_once_only_the_rehearsal_is_refused(
    sessions: Sessions,
) -> None:
    product = await make_product(sessions, on_hand=9)
    tried = await make_link(sessions, product, await rehearse(sessions, product), "22222")
    real = await make_link(sessions, product, await make_live_show(sessions, [product]), "33333")
    asked = [
        Placing(request(gateway, by(link)), "", NOON)
        for gateway, link in ((STRIPE, real), (STRIPE, tried), (REHEARSAL, tried), (OFFLINE, real))
    ]
    async with sessions.begin() as session:
        answers = await place_orders(session, asked)
    kinds = [type(answer) for answer in answers]
    assert kinds == [OrderSheet, RehearsalShow, OrderSheet, OrderSheet]
    assert await figures(sessions, product) == [(9, 3)]


async def test_an_order_of_a_rehearsal_is_not_switched_to_real_money(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    link = await make_link(sessions, product, await rehearse(sessions, product))
    placed = await order(sessions, by(link))
    by_code = Way("offline", OFFLINE, (), "扫社工站的收款码", "")
    with pytest.raises(RehearsalShow):
        await pay_by(shop_of(database), placed.token, by_code, NOON)
    assert await rows(sessions) == (1, 1)


async def test_nobody_takes_cash_for_a_rehearsal(sessions: Sessions) -> None:
    product = await make_product(sessions)
    link = await make_link(sessions, product, await rehearse(sessions, product))
    placed = await order(sessions, by(link))
    desk = act(await staff(sessions, product, Role.ORDER_DESK))
    storage = Storage.open(STORE)
    with pytest.raises(RehearsalShow):
        async with sessions.begin() as session:
            await record_receipt(session, storage, desk, placed, "cash", "001", None, NOON)
    async with sessions() as session:
        assert await session.scalar(select(OfflineReceipt.id)) is None
    assert await rows(sessions) == (1, 1)


async def test_the_days_takings_leave_rehearsals_out(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    tried = await make_link(sessions, product, await rehearse(sessions, product), "22222")
    real = await make_link(sessions, product, await make_live_show(sessions, [product]), "33333")
    for link, pieces in ((tried, 1), (real, 2)):
        await pay(sessions, await order(sessions, by(link, pieces)))
    async with sessions() as session:
        sold = await today.takings(session, product.station_id, date(2026, 11, 22))
    assert sold == today.Takings(orders=1, total_fen=2 * 26800 + 800, pieces=2)
