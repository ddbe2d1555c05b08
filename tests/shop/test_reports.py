"""What shows came to in money: attributed by link, whenever paid, and what went back since."""

from datetime import datetime, timedelta

import pytest

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import NotAllowed, NotFound
from catalog.models import Kind, Product, Role
from live.models import Link, Show
from live.on_air import end_show
from live.report import Figures
from shop import requests, routing, work_steps
from shop.holding import Wanted
from shop.models import Order, RequestKind
from shop.reports import reported_shows, show_report
from tests.live.acting import host_of, sibling
from tests.live.test_windows import at, link_of_show, scan
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station
from tests.shop.sales import expire, hold, jobs, link_to, order, pay, staff, two_workshops, want

LATER = NOON + timedelta(days=40)


async def end(sessions: Sessions, show: Show) -> None:
    """The show ends after an hour."""
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        await end_show(session, host, show.id, at(60))


async def deliver(sessions: Sessions, placed: Order, desk: Actor, now: datetime) -> None:
    """Every part of a paid order goes all the way."""
    job = (await jobs(sessions, "shop.route_order"))[-1]
    async with sessions.begin() as session:
        await routing.route_orders(session, {job.id: placed.id}, now)
    for part in placed.work_orders:
        for step in (work_steps.accept, work_steps.ready):
            async with sessions.begin() as session:
                await step(session, desk, part.id, now)
        async with sessions.begin() as session:
            await work_steps.ship(session, desk, part.id, "顺丰", "SF123456789", now)
        async with sessions.begin() as session:
            await work_steps.deliver(session, desk, part.id, now)


async def send_back(
    sessions: Sessions, placed: Order, desk: Actor, now: datetime, *, our_fault: bool = False
) -> None:
    """The first part of a delivered order comes back."""
    part = placed.work_orders[0]
    async with sessions.begin() as session:
        asked = await requests.ask(session, placed.token, part.id, RequestKind.RETURN, "", now)
    async with sessions.begin() as session:
        await requests.agree(session, desk, asked.id, "请寄到社工站。", now)
    async with sessions.begin() as session:
        await requests.arrived(session, desk, asked.id, our_fault, now)


def by(link: Link, quantity: int = 1, product: Product | None = None) -> Wanted:
    return Wanted(quantity=quantity, link=link.code, product=product.id if product else None)


def money(found: Figures) -> tuple[int, ...]:
    """Holds, pieces sold and refunded, and fen paid, refunded and kept."""
    return (
        found.holds, found.sold, found.refunded,
        found.sold_fen, found.refunded_fen, found.kept_fen,
    )  # fmt: skip


async def test_a_sale_belongs_to_the_show_whose_link_the_buyer_came_by(sessions: Sessions) -> None:
    first, second = await two_workshops(sessions, on_hand=20)
    manager = await staff(sessions, first)
    show = await make_live_show(sessions, [first, second], price_fen=20000)
    on_first, on_second = [await link_to(sessions, p, show, by=manager) for p in (first, second)]
    tag = await link_to(sessions, first, by=manager)
    # One order from two families; one paid after the show; one never paid; one only held.
    await pay(sessions, await order(sessions, by(on_first, 2), by(on_second)))
    late = await order(sessions, by(on_first), now=at(5))
    await expire(sessions, await order(sessions, by(on_second), now=at(6)), now=at(40))
    await hold(sessions, by(on_second, 3))
    # What has nothing to do with the show: the shop's own page, and the code on a tag.
    await pay(sessions, await order(sessions, want(first), now=at(7)))
    await pay(sessions, await order(sessions, by(tag), now=at(8)))
    await end(sessions, show)
    await pay(sessions, late, now=at(70))
    # By the show's code when it is over, at the normal price.
    await pay(sessions, await order(sessions, by(on_first), now=at(90)), now=at(95))
    async with sessions() as session:
        found = await show_report(session, act(manager), show.id, LATER)
    assert [money(item) for item in found.items] == [
        (3, 4, 0, 60000 + 26800, 0, 86800),
        (3, 1, 0, 20000, 0, 20000),
    ]
    assert money(found.others) == (0, 0, 0, 0, 0, 0)
    assert money(found.totals) == (6, 5, 0, 106800, 0, 106800)
    assert [(w.workshop.name, w.sold, w.sold_fen) for w in found.workshops] == [
        ("李家木雕", 4, 86800),
        ("王家木作", 1, 20000),
    ]
    # By the moment of ordering: 90 minutes are not in the picture any more.
    assert {(one.at, one.sold) for one in found.timeline if one.sold} == {(at(0), 3), (at(4), 1)}


async def test_what_was_chosen_on_the_shows_page_is_the_shows(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    stray = await sibling(sessions, product, on_hand=9)
    manager = await staff(sessions, product)
    show = await make_live_show(sessions, [product])
    link = await link_of_show(sessions, show)
    await pay(sessions, await order(sessions, by(link, 1, product), by(link, 2, stray)))
    async with sessions() as session:
        found = await show_report(session, act(manager), show.id, at(30))
    assert money(found.items[0]) == (1, 1, 0, 26800, 0, 26800)
    assert money(found.others) == (1, 2, 0, 53600, 0, 53600)


async def test_what_went_back_stands_beside_what_was_paid(sessions: Sessions) -> None:
    first, second = await two_workshops(sessions, on_hand=9)
    manager = await staff(sessions, first)
    desk = act(manager)
    show = await make_live_show(sessions, [first, second])
    on_first, on_second = [await link_to(sessions, p, show, by=manager) for p in (first, second)]
    declined = await pay(sessions, await order(sessions, by(on_first, 2), by(on_second)))
    returned = await pay(sessions, await order(sessions, by(on_second), now=at(1)), now=at(1))
    await end(sessions, show)
    part = next(p for p in declined.work_orders if p.workshop_id == first.workshop_id)
    job = (await jobs(sessions, "shop.route_order"))[0]
    async with sessions.begin() as session:
        await routing.route_orders(session, {job.id: declined.id}, at(61))
    async with sessions.begin() as session:
        await work_steps.decline(session, desk, part.id, "木头裂了", at(62))
    await deliver(sessions, returned, desk, at(63))
    # The buyer's postage comes back too: it is nobody's sale.
    await send_back(sessions, returned, desk, at(64), our_fault=True)
    async with sessions() as session:
        found = await show_report(session, desk, show.id, LATER)
        [sums] = await reported_shows(session, desk, rehearsal=False)
    assert [money(item) for item in found.items] == [
        (1, 2, 2, 53600, 53600, 0),
        (2, 2, 1, 53600, 26800, 26800),
    ]
    assert (sums.holds, sums.sold, sums.sold_fen) == (3, 4, 107200)
    assert (sums.refunded_fen, sums.kept_fen) == (80400, 26800)


@pytest.mark.parametrize(("agreed", "back"), [(True, 1), (False, 2)])
async def test_of_a_return_what_was_carved_by_agreement_stays_sold(
    sessions: Sessions, agreed: bool, back: int
) -> None:
    finished = await make_product(sessions, on_hand=9)
    carved = await sibling(sessions, finished, kind=Kind.MADE_TO_ORDER, on_hand=0)
    manager = await staff(sessions, finished)
    desk = act(manager)
    show = await make_live_show(sessions, [finished, carved])
    links = [await link_to(sessions, p, show, by=manager) for p in (finished, carved)]
    placed = await order(sessions, *[by(link) for link in links])
    async with sessions.begin() as session:
        row = await session.get_one(Order, placed.id)
        row.custom_agreed_at = NOON if agreed else None
    placed = await pay(sessions, placed)
    await end(sessions, show)
    await deliver(sessions, placed, desk, at(63))
    await send_back(sessions, placed, desk, at(64))
    async with sessions() as session:
        found = await show_report(session, desk, show.id, LATER)
    assert (found.totals.sold, found.totals.refunded) == (2, back)
    assert [item.refunded for item in found.items] == [1, back - 1]


async def test_the_list_keeps_rehearsals_apart(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    manager = await staff(sessions, product)
    desk = act(manager)
    shows = [await make_live_show(sessions, [product]) for _ in range(3)]
    async with sessions.begin() as session:
        (await session.get_one(Show, shows[1].id)).rehearsal = True
    for n, show in enumerate(shows):
        link = await link_to(sessions, product, show, by=manager)
        await scan(sessions, link, *[at(1)] * (n + 1))
        await pay(sessions, await order(sessions, by(link)))
    for show in shows[:2]:
        await end(sessions, show)
    async with sessions() as session:
        real = await reported_shows(session, desk, rehearsal=False)
        tried = await reported_shows(session, desk, rehearsal=True)
        earlier = await reported_shows(session, desk, rehearsal=False, before=shows[0].id)
        report = await show_report(session, desk, shows[1].id, LATER)
    assert [(r.show.id, r.scans, r.holds, r.sold, r.sold_fen) for r in real] == [
        (shows[0].id, 1, 1, 1, 26800)
    ]
    assert [(r.show.id, r.scans, r.sold) for r in tried] == [(shows[1].id, 2, 1)]
    assert earlier == []
    assert (report.rehearsal, report.totals.sold) == (True, 1)


async def test_a_report_is_for_its_station_and_for_who_sees_orders(sessions: Sessions) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    other = await make_station(sessions, "other")
    stranger = act(await make_member(sessions, other, Role.MANAGER))
    helpers = [act(await staff(sessions, product, r)) for r in (Role.ASSISTANT, Role.VOLUNTEER)]
    async with sessions() as session:
        with pytest.raises(NotFound):
            await show_report(session, stranger, show.id, LATER)
        assert await reported_shows(session, stranger, rehearsal=False) == []
        for actor in helpers:
            with pytest.raises(NotAllowed):
                await show_report(session, actor, show.id, LATER)
            with pytest.raises(NotAllowed):
                await reported_shows(session, actor, rehearsal=False)
