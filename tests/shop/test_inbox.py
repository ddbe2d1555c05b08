"""The inbox: all that waits in one list, each member's own, urgent first."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import NotAllowed, NotFound
from catalog.models import AuditEntry, Reach, Role, Station, Workshop
from shop import requests, routing, troubles
from shop.inbox import CALL, REQUEST, Line, count_inbox, list_inbox, take
from shop.models import BuyerRequest, Order
from shop.troubles import TroubleKind, open_trouble
from tests.making import NOON, act, make_member, make_station
from tests.shop.parcel_desk import finished, one_workshop, sold
from tests.shop.sales import jobs


async def look(sessions: Sessions, actor: Actor) -> list[Line]:
    async with sessions() as session:
        found = await list_inbox(session, actor, NOON)
        assert await count_inbox(session, actor, NOON) == len(found)
        return found


async def tell(sessions: Sessions, station_id: int, kind: TroubleKind, hours: int) -> None:
    async with sessions.begin() as session:
        await open_trouble(
            session,
            station_id=station_id,
            kind=kind,
            subject="product:7",
            text=kind.value,
            now=NOON - timedelta(hours=hours),
        )


async def member(sessions: Sessions, station_id: int, role: Role) -> Actor:
    async with sessions() as session:
        station = await session.get_one(Station, station_id)
    return act(await make_member(sessions, station, role))


async def filled(sessions: Sessions) -> tuple[Actor, int]:
    """A manager with a call, a request and two troubles; and their station."""
    workshop, manager = await one_workshop(sessions)
    async with sessions.begin() as session:
        await session.execute(update(Workshop).values(reached_by=Reach.CALL))
    new = await sold(sessions, workshop, now=NOON - timedelta(hours=3))
    [job] = await jobs(sessions, "shop.route_order")
    async with sessions.begin() as session:
        await routing.route_orders(session, {job.id: new.order_id}, NOON - timedelta(hours=3))
    made = await finished(sessions, workshop, now=NOON - timedelta(hours=2))
    async with sessions() as session:
        token = (await session.get_one(Order, made.order_id)).token
    async with sessions.begin() as session:
        await requests.ask(session, token, made.id, "cancel", "买重了", NOON - timedelta(hours=1))
    await tell(sessions, manager.station_id, TroubleKind.STOCK_MISMATCH, 9)
    await tell(sessions, manager.station_id, TroubleKind.REFUND_FAILED, 5)
    return manager, manager.station_id


async def test_what_costs_something_comes_first_then_the_oldest(sessions: Sessions) -> None:
    manager, _ = await filled(sessions)
    found = await look(sessions, manager)
    assert [(line.kind, line.urgent) for line in found] == [
        ("refund_failed", True), (REQUEST, True), ("stock_mismatch", False), (CALL, False),
    ]  # fmt: skip
    assert all(line.next_step and line.link.startswith("/desk/") for line in found)
    call = found[3]
    assert call.text == "王家木作没有答复：福字圆挂 ×1"
    assert found[1].text == "王芳想取消：福字圆挂 ×1（买重了）"
    assert all(line.take for line in found)


async def test_each_sees_what_they_may_act_upon(sessions: Sessions) -> None:
    _, station_id = await filled(sessions)
    finance = await look(sessions, await member(sessions, station_id, Role.FINANCE))
    assert [line.kind for line in finance] == ["refund_failed", "stock_mismatch"]
    other = await make_station(sessions, "other")
    assert await look(sessions, await member(sessions, other.id, Role.MANAGER)) == []
    with pytest.raises(NotAllowed):
        await look(sessions, await member(sessions, station_id, Role.HOST))


async def test_who_takes_a_line_is_named_on_it(sessions: Sessions) -> None:
    manager, _ = await filled(sessions)
    first = (await look(sessions, manager))[0]
    trouble_id = int(first.link.rpartition("/")[2])
    async with sessions.begin() as session:
        await troubles.take(session, manager, trouble_id, manager.member_id, NOON)
    first = (await look(sessions, manager))[0]
    assert (first.owner_id, first.owner, first.take) == (manager.member_id, "manager", "")


async def test_whoever_takes_a_request_is_its_owner_and_another_may_take_it_over(
    sessions: Sessions,
) -> None:
    manager, station_id = await filled(sessions)
    [line] = [line for line in await look(sessions, manager) if line.kind == REQUEST]
    assert (line.owner, line.take) == ("", f"{line.link}/take")
    request_id = int(line.link.rpartition("/")[2])
    second = await member(sessions, station_id, Role.ORDER_DESK)
    stranger = act(
        await make_member(sessions, await make_station(sessions, "dongba"), Role.MANAGER)
    )
    for actor in (manager, manager, second):
        async with sessions.begin() as session:
            await take(session, actor, BuyerRequest, request_id, NOON)
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await take(session, stranger, BuyerRequest, request_id, NOON)
    [line] = [line for line in await look(sessions, manager) if line.kind == REQUEST]
    assert (line.owner_id, line.owner, line.take) == (second.member_id, second.name, "")
    async with sessions() as session:
        taken = await session.scalars(
            select(AuditEntry.after).where(AuditEntry.action == "inbox.take")
        )
        assert list(taken) == [{"owner": manager.member_id}, {"owner": second.member_id}]
