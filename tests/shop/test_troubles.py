"""The exceptions inbox: a trouble is told once, taken by somebody, and closed with a sentence."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.errors import Invalid, NotAllowed, NotFound
from catalog.models import AuditEntry, Role, Station
from shop import troubles
from shop.models import Trouble
from shop.troubles import BY_ITSELF, TroubleKind, close_trouble, open_trouble
from tests.making import NOON, act, make_member, make_station

HOUR = timedelta(hours=1)


async def tell(
    sessions: Sessions,
    station: Station,
    kind: TroubleKind = TroubleKind.JOB_FAILING,
    subject: str = "job:1",
    text: str = "有一件事没做成。",
    now: datetime = NOON,
) -> None:
    async with sessions.begin() as session:
        await open_trouble(
            session, station_id=station.id, kind=kind, subject=subject, text=text, now=now
        )


async def every(sessions: Sessions) -> list[Trouble]:
    async with sessions() as session:
        return list(await session.scalars(select(Trouble).order_by(Trouble.id)))


def test_each_kind_has_words() -> None:
    assert set(troubles.ABOUT) == set(TroubleKind)
    assert all(len(kind) <= 30 for kind in TroubleKind)


async def test_a_trouble_told_again_while_it_is_open_stays_as_it_is(sessions: Sessions) -> None:
    station = await make_station(sessions)
    await tell(sessions, station)
    await tell(sessions, station, text="又说一遍。", now=NOON + HOUR)
    await tell(sessions, station, subject="job:2")
    await tell(sessions, station, TroubleKind.STOCK_MISMATCH)
    found = await every(sessions)
    assert [(t.kind, t.subject, t.text, t.opened_at) for t in found] == [
        ("job_failing", "job:1", "有一件事没做成。", NOON),
        ("job_failing", "job:2", "有一件事没做成。", NOON),
        ("stock_mismatch", "job:1", "有一件事没做成。", NOON),
    ]


async def test_a_closed_trouble_that_comes_back_is_open_again_and_nobodys(
    sessions: Sessions,
) -> None:
    station = await make_station(sessions)
    desk = act(await make_member(sessions, station, Role.ORDER_DESK))
    await tell(sessions, station)
    [trouble] = await every(sessions)
    async with sessions.begin() as session:
        await troubles.take(session, desk, trouble.id, desk.member_id, NOON)
        await troubles.close(session, desk, trouble.id, " 修好了 ", NOON + HOUR)
    [closed] = await every(sessions)
    assert (closed.owner_id, closed.closed_by, closed.closed_at, closed.closing) == (
        desk.member_id,
        desk.member_id,
        NOON + HOUR,
        "修好了",
    )
    await tell(sessions, station, text="又坏了。", now=NOON + 2 * HOUR)
    [again] = await every(sessions)
    assert (again.id, again.text, again.opened_at) == (trouble.id, "又坏了。", NOON + 2 * HOUR)
    assert (again.owner_id, again.closed_by, again.closed_at, again.closing) == (
        None,
        None,
        None,
        "",
    )


async def test_what_is_over_by_itself_is_closed_by_nobody(sessions: Sessions) -> None:
    station = await make_station(sessions)
    await tell(sessions, station)
    await tell(sessions, station, subject="job:2")
    for minutes in (0, 5):
        async with sessions.begin() as session:
            at = NOON + timedelta(minutes=minutes)
            await close_trouble(session, TroubleKind.JOB_FAILING, "job:1", at)
    first, second = await every(sessions)
    assert (first.closed_at, first.closed_by, first.closing) == (NOON, None, BY_ITSELF)
    assert second.closed_at is None


async def test_the_urgent_come_first_and_then_the_oldest(sessions: Sessions) -> None:
    station, other = await make_station(sessions), await make_station(sessions, "other")
    await tell(sessions, station, TroubleKind.PHOTO_FAILED, "photo:1")
    await tell(sessions, station, TroubleKind.REFUND_FAILED, "refund:2", now=NOON + HOUR)
    await tell(sessions, station, TroubleKind.ADDRESS_ODD, "order:1", now=NOON - HOUR)
    await tell(sessions, station, TroubleKind.NO_ANSWER, "work_order:1", now=NOON)
    await tell(sessions, other, TroubleKind.NO_ANSWER, "work_order:2", now=NOON)
    async with sessions.begin() as session:
        await close_trouble(session, TroubleKind.ADDRESS_ODD, "order:1", NOON)
    async with sessions() as session:
        found = await troubles.list_open(session, station.id)
        only = await troubles.list_open(session, station.id, TroubleKind.PHOTO_FAILED)
        done = await troubles.list_closed(session, station.id)
        assert await troubles.count_open(session, station.id) == 3
    assert [t.subject for t in found] == ["work_order:1", "refund:2", "photo:1"]
    assert [t.subject for t in only] == ["photo:1"]
    assert [t.subject for t in done] == ["order:1"]


async def test_a_trouble_is_given_to_somebody_of_the_desk(sessions: Sessions) -> None:
    station, other = await make_station(sessions), await make_station(sessions, "other")
    desk = act(await make_member(sessions, station, Role.ORDER_DESK))
    finance = await make_member(sessions, station, Role.FINANCE)
    host = await make_member(sessions, station, Role.HOST)
    stranger = await make_member(sessions, other, Role.MANAGER)
    await tell(sessions, station)
    [trouble] = await every(sessions)
    for nobody in (host.id, stranger.id, 999):
        with pytest.raises(NotFound):
            async with sessions.begin() as session:
                await troubles.take(session, desk, trouble.id, nobody, NOON)
    for actor, refusal in ((act(host), NotAllowed), (act(stranger), NotFound)):
        with pytest.raises(refusal):
            async with sessions.begin() as session:
                await troubles.take(session, actor, trouble.id, actor.member_id, NOON)
        with pytest.raises(refusal):
            async with sessions.begin() as session:
                await troubles.close(session, actor, trouble.id, "好了", NOON)
    with pytest.raises(Invalid):
        async with sessions.begin() as session:
            await troubles.close(session, desk, trouble.id, "  ", NOON)
    [untouched] = await every(sessions)
    assert (untouched.owner_id, untouched.closed_at) == (None, None)
    for _ in range(2):
        async with sessions.begin() as session:
            await troubles.take(session, desk, trouble.id, finance.id, NOON)
    for words in ("第一句", "第二句"):
        async with sessions.begin() as session:
            await troubles.close(session, act(finance), trouble.id, words, NOON)
    async with sessions() as session:
        told = await session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        about = {"kind": "job_failing", "subject": "job:1"}
        assert [(e.action, e.member_id, e.subject, e.before, e.after) for e in told] == [
            (
                "trouble.take",
                desk.member_id,
                "troubles",
                {"owner": None},
                {"owner": finance.id, **about},
            ),
            ("trouble.close", finance.id, "troubles", None, {"closing": "第一句", **about}),
        ]
