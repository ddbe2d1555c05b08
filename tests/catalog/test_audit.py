"""The audit trail: who, for whom, by which channel."""

from catalog.audit import list_entries, record
from catalog.db import Sessions
from catalog.models import Role
from tests.making import NOON, act, make_member, make_station, make_workshop


async def test_an_entry_says_for_whom_it_was_done_unless_it_is_ones_own(sessions: Sessions) -> None:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    staff = act(await make_member(sessions, station, Role.ORDER_DESK), channel="api")
    artisan = act(await make_member(sessions, station, Role.ARTISAN, workshop))
    async with sessions.begin() as session:
        for actor in (staff, artisan):
            after = {"by": actor.role}
            record(session, actor, "x.done", workshop, NOON, after=after, workshop_id=workshop.id)
        record(session, staff, "x.looked", workshop, NOON)
    async with sessions() as session:
        told = await list_entries(session, station.id, {"workshops": [workshop.id]})
    assert [(t.entry.action, t.who, t.for_whom, t.entry.channel) for t in told] == [
        ("x.done", "order_desk", "王家木作", "api"),
        ("x.done", "artisan", "", "web"),
        ("x.looked", "order_desk", "", "api"),
    ]
    assert [t.entry.after for t in told] == [{"by": "order_desk"}, {"by": "artisan"}, None]


async def test_entries_are_of_the_things_and_the_station_asked_for(sessions: Sessions) -> None:
    station, other = await make_station(sessions), await make_station(sessions, "other")
    workshop = await make_workshop(sessions, station)
    staff = act(await make_member(sessions, station, Role.MANAGER))
    async with sessions.begin() as session:
        record(session, staff, "x.done", workshop, NOON)
    async with sessions() as session:
        assert len(await list_entries(session, station.id, {"workshops": [workshop.id]})) == 1
        assert await list_entries(session, station.id, {"workshops": [workshop.id + 1]}) == []
        assert await list_entries(session, station.id, {"products": [workshop.id]}) == []
        assert await list_entries(session, other.id, {"workshops": [workshop.id]}) == []
