"""What happened at the demo station before it was opened: shows, and orders in every state.

Everything goes through the functions that real buyers and families use, with the clock of that
day. Payments of the past stand in the rehearsal's own store, so they can be refunded.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.models import Product
from live.lineup import put_line_up
from live.links import add_link, link_for_product
from live.models import LineUpItem, Link, Placement, Scan, Show
from live.on_air import end_show, show_now, start_show
from live.scheduling import schedule_show
from shop import work_steps
from shop.checkout import Buyer, OrderRequest, get_order, place_order
from shop.demo.people import TALKING_POINTS
from shop.gateways import REHEARSAL
from shop.holding import Wanted
from shop.models import Order
from shop.payments.gateway import GatewaySession, SessionState
from shop.payments.rehearsal.store import Session as RehearsalSession
from shop.payments.rehearsal.store import Store, values
from shop.settle import settle

BUYERS = (
    Buyer("李晓", "13800000001", "甘肃", "兰州", "城关", "演示路 1 号"),
    Buyer("陈远", "13800000002", "浙江", "杭州", "西湖", "演示路 22 号 3 幢"),
    Buyer("王宁", "13800000003", "陕西", "西安", "雁塔", "演示路 5 号"),
    Buyer("Ana Duarte", "13800000004", "上海", "上海", "徐汇", "演示路 8 弄 6 号"),
    Buyer("阿依古丽", "13800000005", "新疆", "乌鲁木齐", "天山", "演示路 9 号"),
)

# How far each order of the past went, step by step, with what was bought.
STORIES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("fu-round", "lotus-plum"), ("accept", "ready", "ship", "deliver")),
    (("tea-square",), ("accept", "ready", "ship", "deliver")),
    (("moon-round", "ru-gourd"), ("accept", "ready", "ship")),
    (("peace-tall",), ("accept", "start")),
    (("fish-round",), ("accept", "ready")),
    (("sand-gourd", "home-oct"), ("accept",)),
    (("joy-square",), ("decline",)),
    (("lu-gourd", "horse-oct"), ()),
    (("spring-tall",), ()),
)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who does what in the past: staff as actors, and the store that remembers payments."""

    manager: Actor
    host: Actor
    order_desk: Actor
    store: Store


async def hold_past_show(
    session: AsyncSession, cast: Cast, title: str, products: list[Product], start: datetime
) -> Show:
    """A show that was on air for two hours, every item shown in turn."""
    show = await _go_on_air(session, cast, title, products, start)
    each = timedelta(hours=2) / len(products)
    for n, item in enumerate(show.items):
        at = start + each * n
        link = await _show_piece(session, cast, show, item, at)
        for m, buyer in enumerate(BUYERS[: 1 + n % 3]):
            bought_at = at + timedelta(minutes=3 + 4 * m)
            order = await _order(session, buyer, [Wanted(1, link=link.code)], bought_at)
            order = await _pay(session, cast, order, bought_at + timedelta(minutes=2))
            await _walk(session, cast, order, ("accept", "ready", "ship", "deliver"), bought_at)
    return await end_show(session, cast.host, show.id, start + timedelta(hours=2))


async def hold_rehearsal(
    session: AsyncSession, cast: Cast, title: str, products: list[Product], start: datetime
) -> Show:
    """A rehearsal of half an hour: everybody tries everything, and what was bought is given back."""
    show = await _go_on_air(session, cast, title, products, start, rehearsal=True)
    for n, item in enumerate(show.items):
        at = start + timedelta(minutes=10 * n)
        link = await _show_piece(session, cast, show, item, at)
        order = await _order(session, BUYERS[n], [Wanted(1, link=link.code)], at)
        order = await _pay(session, cast, order, at + timedelta(minutes=2))
        await _walk(session, cast, order, ("decline",), at + timedelta(minutes=5))
    return await end_show(session, cast.host, show.id, start + timedelta(minutes=30))


async def _go_on_air(
    session: AsyncSession,
    cast: Cast,
    title: str,
    products: list[Product],
    start: datetime,
    *,
    rehearsal: bool = False,
) -> Show:
    show = await _schedule(session, cast, title, start, rehearsal=rehearsal)
    rows = [{"product": product.id, "minutes": 15} for product in products]
    show = await put_line_up(session, cast.host, show.id, rows, start)
    return await start_show(session, cast.host, show.id, start)


async def _show_piece(
    session: AsyncSession, cast: Cast, show: Show, item: LineUpItem, at: datetime
) -> Link:
    """A piece is shown, and scanned: many times in its first minutes, a few long after it."""
    await show_now(session, cast.host, show.id, item.id, at)
    link = await link_for_product(
        session, cast.host, item.product_id, show.id, Placement.OVERLAY, at
    )
    times = 14 + 11 * item.position % 23
    for n in range(times):
        last = n >= times - 3
        scan = Scan(
            station_id=show.station_id,
            link_id=link.id,
            show_id=show.id,
            product_id=item.product_id,
            at=at + timedelta(seconds=25 + 900 * (n / times) ** 2 + (1500 if last else 0)),
            sold_out=last and item.position % 2 == 0,
        )
        session.add(scan)
    return link


async def open_todays_show(
    session: AsyncSession, cast: Cast, products: dict[str, Product], now: datetime
) -> Show:
    """The show that is on air when the demo opens, with pieces fenced and codes for everything."""
    start = now - timedelta(minutes=40)
    show = await _schedule(session, cast, "周末木雕专场", start)
    rows = [
        {
            "product": products[name].id,
            "minutes": 8,
            "talking_points": say,
            "do_not_say": do_not_say,
            "allotment": min(3, products[name].stock.on_hand // 2),
            "show_price_fen": products[name].price_fen - 3000 if name == "harvest-tall" else None,
        }
        for name, (say, do_not_say) in TALKING_POINTS.items()
    ]
    show = await put_line_up(session, cast.host, show.id, rows, start)
    show = await start_show(session, cast.host, show.id, start)
    await show_now(session, cast.host, show.id, show.items[1].id, now - timedelta(minutes=3))
    for item in show.items:
        await link_for_product(
            session, cast.host, item.product_id, show.id, Placement.OVERLAY, start
        )
    await add_link(
        session,
        cast.host,
        product_id=None,
        show_id=show.id,
        placement=Placement.OVERLAY,
        now=start,
    )
    return show


async def tell_stories(
    session: AsyncSession, cast: Cast, products: dict[str, Product], now: datetime
) -> None:
    """Orders in every state: unpaid and expired ones, and each of `STORIES`."""
    for n, (names, steps) in enumerate(STORIES):
        at = now - timedelta(hours=5 * (len(STORIES) - n))
        wanted = [Wanted(1, product=products[name].id) for name in names]
        order = await _order(session, BUYERS[n % len(BUYERS)], wanted, at)
        order = await _pay(session, cast, order, at + timedelta(minutes=3))
        await _walk(session, cast, order, steps, at + timedelta(hours=1))
    lapsed = await _order(
        session,
        BUYERS[1],
        [Wanted(1, product=products["chrys-round"].id)],
        now - timedelta(hours=3),
    )
    await settle(session, lapsed.payments[0].id, _told(lapsed, SessionState.EXPIRED), now)
    await _order(session, BUYERS[2], [Wanted(1, product=products["shou-round"].id)], now)


async def _schedule(
    session: AsyncSession, cast: Cast, title: str, start: datetime, *, rehearsal: bool = False
) -> Show:
    facts = {
        "rehearsal": rehearsal,
        "title": title,
        "place": "社工站直播间",
        "channels": ["抖音", "视频号"],
        "starts_at": start,
        "ends_at": start + timedelta(hours=2, minutes=30),
    }
    return await schedule_show(session, cast.host, facts, start)


async def _order(session: AsyncSession, buyer: Buyer, wanted: list[Wanted], at: datetime) -> Order:
    request = OrderRequest(buyer=buyer, gateway=REHEARSAL, items=tuple(wanted))
    return await get_order(session, (await place_order(session, request, "", at)).token)


async def _pay(session: AsyncSession, cast: Cast, order: Order, at: datetime) -> Order:
    told = _told(order, SessionState.COMPLETE)
    _remember(cast.store, order, told, at)
    await settle(session, order.payments[0].id, told, at)
    return await get_order(session, order.token)


def _told(order: Order, state: SessionState) -> GatewaySession:
    payment = order.payments[0]
    paid = state == SessionState.COMPLETE
    return GatewaySession(
        id=f"cs_test_demo{payment.id}",
        url=None,
        state=state,
        paid=paid,
        amount_fen=payment.amount_fen,
        intent_id=f"pi_demo{payment.id}" if paid else None,
        payment_id=payment.id,
    )


def _remember(store: Store, order: Order, told: GatewaySession, at: datetime) -> None:
    """The payment as the rehearsal service would have kept it."""
    second = int(at.timestamp())
    row = RehearsalSession(
        id=told.id,
        created=second,
        expires_at=second + 31 * 60,
        status="complete",
        amount_fen=told.amount_fen,
        description=f"乡播订单 {order.code}",
        success_url="",
        cancel_url=None,
        reference=str(told.payment_id),
        locale="zh",
        methods='["card","alipay","wechat_pay"]',
        metadata="{}",
        behaviour="succeed",
        method="alipay",
        intent_id=told.intent_id,
        charge_id=f"ch_demo{told.payment_id}",
        paid_at=second,
    )
    with store.writing() as db:
        marks = ",".join("?" * len(values(row)))
        db.execute(f"INSERT INTO sessions VALUES ({marks})", values(row))  # noqa: S608


async def _walk(
    session: AsyncSession, cast: Cast, order: Order, steps: tuple[str, ...], at: datetime
) -> None:
    for work_order in order.work_orders:
        for n, step in enumerate(steps):
            when = at + timedelta(minutes=30 * n)
            desk, number = cast.order_desk, work_order.id
            if step == "ship":
                await work_steps.ship(session, desk, number, "邮政快递", f"98{number:011}", when)
            elif step == "decline":
                await work_steps.decline(session, desk, number, "手伤了，这个月做不了", when)
            else:
                take = {
                    "accept": work_steps.accept,
                    "start": work_steps.start,
                    "ready": work_steps.ready,
                    "deliver": work_steps.deliver,
                }[step]
                await take(session, desk, number, when)
