"""A family's week in a letter, and who told it."""

import asyncio
from datetime import date, datetime, timedelta

from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.models import AuditEntry, Role, Station, Workshop
from media.paper import print_letters
from media.storage import Storage
from shop import letters, work_steps
from shop.acting import BLANK, act_for, read_said
from shop.models import Letter, WorkOrder
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.sales import order, pay, want

# The Sunday at whose noon tests happen ends the week of the 16th; letters are written the day after.
WEEK = date(2026, 11, 16)
MONDAY = NOON + timedelta(days=1)


async def a_week(sessions: Sessions) -> tuple[Station, Workshop, Actor, WorkOrder]:
    """Pieces sold, taken by telephone and sent within the week."""
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    product = await make_product(sessions, workshop)
    part = (await pay(sessions, await order(sessions, want(product, 2)))).work_orders[0]
    staff = act(await make_member(sessions, station, Role.ORDER_DESK))
    said = await read_said(
        Storage.open("memory:///"), staff, {**BLANK, "said_by": "老王"}, None, NOON
    )
    async with sessions.begin() as session:
        acting = await act_for(session, staff, workshop.id, said, NOON, part.id)
        await work_steps.accept(session, acting, part.id, NOON)
        await work_steps.ship(session, staff, part.id, "邮政快递", "980012340001", NOON)
    return station, workshop, staff, part


async def all_letters(sessions: Sessions) -> list[Letter]:
    async with sessions() as session:
        return list(await session.scalars(select(Letter).order_by(Letter.id)))


async def make(sessions: Sessions, week: date = WEEK, now: datetime = MONDAY) -> int:
    async with sessions.begin() as session:
        return await letters.make_letters(session, week, now)


def test_the_last_week_ended_on_sunday() -> None:
    for now, week in (
        ("2026-11-23T00:00", WEEK),
        ("2026-11-22T23:59", WEEK - timedelta(days=7)),
        ("2026-11-29T23:59", WEEK),
    ):
        assert letters.last_week(datetime.fromisoformat(f"{now}+08:00")) == week


async def test_a_letter_says_what_the_week_came_to(sessions: Sessions) -> None:
    await a_week(sessions)
    assert await make(sessions) == 1
    (letter,) = await all_letters(sessions)
    assert letter.facts == {
        "taken": [{"name": "福字圆挂", "quantity": 2, "on": "2026-11-22"}],
        "sent": [{"name": "福字圆挂", "quantity": 2, "on": "2026-11-22"}],
        "in_work": [],
        "sold_fen": 54400,
        "fee_fen": 0,
        "returned_fen": 0,
        "paid_fen": 0,
        "owed_fen": 54400,
        "changes": [
            {"on": "2026-11-22", "who": "manager", "what": "上了新作品", "channel": "网页", "said_by": ""},
            {"on": "2026-11-22", "who": "order_desk", "what": "接单", "channel": "电话", "said_by": "老王"},
            {"on": "2026-11-22", "who": "order_desk", "what": "寄出", "channel": "网页", "said_by": ""},
        ],
    }  # fmt: skip
    assert letters.sums(letter.facts) == [("卖了（连邮费）", "¥544"), ("还欠您", "¥544")]
    told = dict(letters.parts(letter.facts))
    assert told["这一周接的"] == ["福字圆挂 2 件，11月22日"]
    assert told["手上在做的"] == ["没有。"]
    assert "11月22日，order_desk替您记下“接单”（电话，老王说的）" in told["别人替您办的"]


async def test_it_is_made_once_and_kept_as_it_was(sessions: Sessions) -> None:
    await a_week(sessions)
    made = await asyncio.gather(make(sessions), make(sessions))
    assert sorted(made) == [0, 1]
    (before,) = await all_letters(sessions)
    async with sessions.begin() as session:
        (await session.get_one(Workshop, before.workshop_id)).name = "新名字"
    assert await make(sessions) == 0
    (after,) = await all_letters(sessions)
    assert after.facts == before.facts


async def test_a_quiet_week_has_no_letter(sessions: Sessions) -> None:
    await make_workshop(sessions, await make_station(sessions))
    assert await make(sessions) == 0


async def test_it_is_read_out_in_whole_words(sessions: Sessions) -> None:
    _, workshop, _, _ = await a_week(sessions)
    await make(sessions)
    async with sessions() as session:
        (letter,) = await letters.letters_of_week(session, workshop.station_id, WEEK)
        said = letters.aloud(letter)
    assert said[:5] == [
        "王家木作，您好。跟您说说十一月十六日，星期一到十一月二十二日，星期日这一周。",
        "接了福字圆挂两件。",
        "手上没有活。",
        "寄出了福字圆挂两件。",
        "卖了五百四十四元。",
    ]
    assert "十一月二十二日，order_desk替您记下：接单，是老王说的。对吗？" in said
    assert not any(sign.isdecimal() for sentence in said for sign in sentence)


async def test_who_printed_or_read_it_out_is_noted(sessions: Sessions) -> None:
    _, _, staff, _ = await a_week(sessions)
    await make(sessions)
    (letter,) = await all_letters(sessions)
    for way, kept in (("printed", "printed"), ("read", "read"), ("printed", "read")):
        async with sessions.begin() as session:
            found = await letters.letter_for(session, staff, letter.id)
            await letters.note_told(session, staff, found, way, MONDAY)
        (told,) = await all_letters(sessions)
        assert (told.told_way, told.told_by, told.told_at) == (kept, staff.member_id, MONDAY)
    async with sessions() as session:
        query = select(AuditEntry).where(AuditEntry.action == "letter.tell")
        entries = list(await session.scalars(query.order_by(AuditEntry.id)))
    assert [entry.after and entry.after["way"] for entry in entries] == ["printed", "read"]


async def test_a_full_week_goes_onto_one_page(sessions: Sessions) -> None:
    await a_week(sessions)
    await make(sessions)
    (letter,) = await all_letters(sessions)
    change = {**letter.facts["changes"][1], "said_by": "王家的二儿媳妇"}
    line = {"name": "喜上眉梢双面透雕大挂屏带框定做" * 3, "quantity": 99, "on": "2026-11-20"}
    full = {
        "taken": [line] * 40,
        "sent": [line] * 40,
        "in_work": [line] * 40,
        "changes": [change] * 40,
    }
    async with sessions() as session:
        found = await letters.letters_of_week(session, letter.station_id, WEEK)
        found[0].facts = {**letter.facts, **full}
        paper = await letters.on_paper(session, found)
    assert paper[0].parts[0][1][-1] == "还有 35 条，打电话来问。"
    assert (await print_letters(paper)).count(b"/Type /Page\n") == 1
