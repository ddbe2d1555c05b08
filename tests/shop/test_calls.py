"""Whom to telephone, when, and with what words."""

from datetime import timedelta

from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.models import Kind, Reach, Role, Station, Workshop
from shop import calls, routing, work_steps
from shop.models import Order
from shop.notices import Event, tell_buyer
from shop.reminding import see_to_unanswered
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.sales import jobs, order, pay, want

HOUR = timedelta(hours=1)


async def desk_of(sessions: Sessions) -> tuple[Station, Actor]:
    station = await make_station(sessions)
    return station, act(await make_member(sessions, station, Role.ORDER_DESK))


async def routed(
    sessions: Sessions, station: Station, reach: Reach, name: str = "王家木作"
) -> Order:
    workshop = await make_workshop(sessions, station, name)
    async with sessions.begin() as session:
        (await session.get_one(Workshop, workshop.id)).reached_by = reach
    product = await make_product(
        sessions, workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3
    )
    placed = await pay(sessions, await order(sessions, want(product, 2), now=NOON), NOON)
    job = (await jobs(sessions, "shop.route_order"))[-1]
    async with sessions.begin() as session:
        await routing.route_orders(session, {job.id: placed.id}, NOON)
    return placed


async def whom(sessions: Sessions, actor: Actor, hours: float) -> list[tuple[str, bool]]:
    async with sessions() as session:
        found = await calls.open_calls(session, actor, NOON + HOUR * hours)
    return [
        (call.workshop.name if call.workshop else call.notice.kind, call.urgent) for call in found
    ]


async def test_who_has_no_screen_is_called_at_once_and_others_when_reminded(
    database: Database, sessions: Sessions
) -> None:
    station, actor = await desk_of(sessions)
    for reach in Reach:
        await routed(sessions, station, reach, reach.value)
    assert await whom(sessions, actor, 0) == [("call", False), ("paper", False)]
    assert await whom(sessions, actor, 5.9) == [("call", False), ("paper", False)]
    await see_to_unanswered(database, NOON + 6 * HOUR)
    everyone = ["screen", "call", "paper"]
    assert await whom(sessions, actor, 6) == [(name, False) for name in everyone]
    await see_to_unanswered(database, NOON + 48 * HOUR)
    assert await whom(sessions, actor, 48) == [(name, True) for name in everyone]
    other = act(await make_member(sessions, await make_station(sessions, "b"), Role.ORDER_DESK))
    assert await whom(sessions, other, 48) == []


async def test_a_call_that_nobody_took_comes_again(sessions: Sessions) -> None:
    station, actor = await desk_of(sessions)
    await routed(sessions, station, Reach.CALL)
    async with sessions() as session:
        (call,) = await calls.open_calls(session, actor, NOON)
    async with sessions.begin() as session:
        tried = await calls.nobody_answered(session, actor, call.notice.id, NOON)
    assert (tried.tries, tried.try_after) == (1, NOON + 2 * HOUR)
    assert await whom(sessions, actor, 1.9) == []
    assert await whom(sessions, actor, 2) == [("王家木作", False)]
    # In the evening it is the next morning.
    async with sessions.begin() as session:
        tried = await calls.nobody_answered(session, actor, call.notice.id, NOON + 7 * HOUR)
    assert (tried.tries, tried.try_after) == (2, NOON + 21 * HOUR)


async def test_a_family_that_thinks_about_it_is_called_later(sessions: Sessions) -> None:
    station, actor = await desk_of(sessions)
    placed = await routed(sessions, station, Reach.PAPER)
    async with sessions() as session:
        (call,) = await calls.open_calls(session, actor, NOON)
    async with sessions.begin() as session:
        told = await calls.told(session, actor, call.notice.id, NOON)
    assert (told.done_by, told.try_after) == (actor.member_id, NOON + 6 * HOUR)
    assert await whom(sessions, actor, 5) == []
    assert await whom(sessions, actor, 6) == [("王家木作", False)]
    async with sessions.begin() as session:
        await work_steps.accept(session, actor, placed.work_orders[0].id, NOON)
    assert await whom(sessions, actor, 6) == []


async def test_what_no_channel_told_is_a_call_until_it_is_told(sessions: Sessions) -> None:
    station, actor = await desk_of(sessions)
    placed = await routed(sessions, station, Reach.SCREEN)
    async with sessions.begin() as session:
        tell_buyer(session, Event.CANCELLED, placed, NOON, cause="x", piece="福字", amount="¥8")
    async with sessions() as session:
        (call,) = await calls.open_calls(session, actor, NOON)
    assert (call.order_code, call.script[1:]) == (
        placed.code,
        ["您订的福字已经取消，¥8 正在退给您，几天内到账。", "钱按原路退回，您不用做什么。"],
    )
    async with sessions.begin() as session:
        await calls.told(session, actor, call.notice.id, NOON)
    assert await whom(sessions, actor, 1) == []


async def test_the_words_for_a_family_say_what_how_many_until_when_and_for_how_much(
    sessions: Sessions,
) -> None:
    station, actor = await desk_of(sessions)
    placed = await routed(sessions, station, Reach.CALL)
    async with sessions() as session:
        (early,) = await calls.open_calls(session, actor, NOON)
        (late,) = await calls.open_calls(session, actor, NOON + 48 * HOUR)
    day = placed.work_orders[0].promised_on
    assert day is not None
    assert early.script == [
        "您好，是王家木作吗？我是的order_desk。",
        "有人买了您家的福字圆挂两件。",
        early.script[2],
        "您家得五百三十六元。",
        "能接吗？来不及的话，要几天？",
    ]
    assert early.script[2].startswith("答应买家")
    assert late.script[-1] == "买家一直在等。十一月二十八日，星期六还没有答复，钱就要退给买家了。"
