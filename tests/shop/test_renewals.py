"""Reminders about families: told once, over by themselves, told again in other words only."""

from datetime import date, timedelta

from sqlalchemy import select, update

from catalog.db import Sessions
from catalog.models import CheckKind, Member, Registration, Role, Station, Workshop
from shop import troubles
from shop.models import Trouble
from shop.renewals import remind
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.onboarding import make_checks
from tests.shop.sales import is_paid, order, settle_as, want

DAY = timedelta(days=1)


async def told(sessions: Sessions, after: timedelta = timedelta()) -> list[tuple[str, str, bool]]:
    """What the desk knows after the nightly look: kind, text, and whether it is open."""
    async with sessions.begin() as session:
        await remind(session, NOON + after)
    async with sessions() as session:
        found = await session.scalars(select(Trouble).order_by(Trouble.kind, Trouble.id))
        return [(one.kind, one.text, one.closed_at is None) for one in found]


async def settle_it(sessions: Sessions, member: Member) -> None:
    async with sessions.begin() as session:
        (trouble,) = await troubles.list_open(session, member.station_id)
        await troubles.close(session, act(member), trouble.id, "说过了", NOON)


async def call(sessions: Sessions) -> tuple[Station, Workshop, Member]:
    station = await make_station(sessions)
    family = await make_workshop(sessions, station)
    return station, family, await make_member(sessions, station, Role.MANAGER)


async def test_a_check_that_ends_is_told_and_over_when_it_is_renewed(sessions: Sessions) -> None:
    _, family, manager = await call(sessions)
    assert await told(sessions) == []
    await make_checks(sessions, family, manager, [CheckKind.CONSENT], renew_on=date(2026, 12, 23))
    assert await told(sessions) == []
    soon = ("renewal_due", "王家木作要续：同意书签了（快到期）。", True)
    assert await told(sessions, DAY) == [soon]
    assert await told(sessions, DAY) == [soon]
    await make_checks(sessions, family, manager, [CheckKind.CONSENT], renew_on=date(2027, 12, 23))
    assert await told(sessions, DAY) == [(*soon[:2], False)]


async def test_what_a_person_closed_is_told_again_in_other_words_only(sessions: Sessions) -> None:
    _, family, manager = await call(sessions)
    await make_checks(sessions, family, manager, [CheckKind.CONSENT], renew_on=date(2026, 12, 1))
    await told(sessions)
    await settle_it(sessions, manager)
    soon = ("renewal_due", "王家木作要续：同意书签了（快到期）。", False)
    assert await told(sessions, DAY) == [soon]
    past = ("renewal_due", "王家木作要续：同意书签了（过期了）。", True)
    assert await told(sessions, 20 * DAY) == [past]


async def test_a_family_that_stopped_is_not_told_of(sessions: Sessions) -> None:
    _, family, manager = await call(sessions)
    await make_checks(sessions, family, manager, [CheckKind.CONSENT], renew_on=date(2026, 12, 1))
    await told(sessions)
    async with sessions.begin() as session:
        await session.execute(update(Workshop).values(active=False))
    assert [is_open for _, _, is_open in await told(sessions)] == [False]


async def test_a_year_that_came_to_a_lot_is_told_until_there_is_a_licence(
    sessions: Sessions,
) -> None:
    station, family, manager = await call(sessions)
    async with sessions.begin() as session:
        await session.execute(update(Station).values(alert_turnover_fen=27_600))
    product = await make_product(sessions, family, price_fen=26_800)
    assert await told(sessions) == []
    paid = await order(sessions, want(product))
    await settle_as(sessions, paid.payments[0], is_paid(paid.payments[0]))
    high = ("turnover_high", "王家木作 2026 年卖的过了 276 元。", True)
    assert await told(sessions) == [high]
    await settle_it(sessions, manager)
    assert await told(sessions, DAY) == [(*high[:2], False)]
    async with sessions.begin() as session:
        await session.execute(update(Trouble).values(closed_by=None))
        await session.execute(update(Workshop).values(registration=Registration.LICENCE))
    assert await told(sessions, DAY) == [(*high[:2], False)]
    assert station.id == family.station_id
