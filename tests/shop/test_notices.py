"""Who is told of what, in which words, and what is written down for it."""

import subprocess
import sys
from string import Formatter

import pytest
from sqlalchemy import select, update

from catalog.db import Database, Sessions
from catalog.models import Role
from shop import notices, requests, work_steps
from shop.cancelling import cancel
from shop.channels import Audience
from shop.models import Notice, Order, RequestKind
from shop.notices import NAMES, NEVER_A_CALL, SEND_JOB, TEMPLATES, Event, offer_channels, text_for
from shop.routing import route_orders
from shop.settle import ROUTE_JOB
from shop.troubles import TroubleKind, close_trouble, open_trouble
from tests.making import NOON, act
from tests.shop.sales import jobs, order, pay, shop_of, staff, two_workshops, want

EVERYBODY = frozenset(Audience)
FOR_BUYERS = (
    Event.PAID,
    Event.SHIPPED,
    Event.DATE_CHANGED,
    Event.DATE_SOONER,
    Event.DATE_BACK,
    Event.DECLINED,
    Event.CANCELLED,
    Event.REFUNDING,
    Event.ANSWERED,
    Event.SOLD_ELSEWHERE,
)
LONGEST = {
    "pieces": "福字圆挂 ×1、" * 30,
    "piece": "长" * 60,
    "amount": "¥1,000,000.00",
    "code": "ABCD2345",
    "carrier": "邮政快递",
    "tracking": "9" * 40,
    "date": "12月31日",
    "before": "12月31日",
    "until": "12:30",
    "answer": "长" * 200,
    "way": "银行转账",
    "title": "作坊没有应答",
    "text": "长" * 300,
}


async def told(sessions: Sessions) -> list[tuple[str, str]]:
    async with sessions() as session:
        rows = await session.scalars(select(Notice).order_by(Notice.id))
        return [(row.kind, row.text) for row in rows]


async def sold(sessions: Sessions, database: Database, *channels: Audience) -> Order:
    """A paid order of two families, routed, where these can be told by a channel."""
    offer_channels(database, channels)
    first, second = await two_workshops(sessions)
    placed = await pay(sessions, await order(sessions, want(first), want(second, 2)))
    (job,) = await jobs(sessions, ROUTE_JOB)
    async with sessions.begin() as session:
        await route_orders(session, {job.id: placed.id}, NOON)
    return placed


@pytest.mark.parametrize("event", Event)
def test_each_event_has_its_words_and_a_name(event: Event) -> None:
    assert NAMES[event]
    languages = {"zh", "en"} if event in FOR_BUYERS else {"zh"}
    assert set(TEMPLATES[event]) == languages
    asked = {
        language: {name for _, name, _, _ in Formatter().parse(template) if name}
        for language, template in TEMPLATES[event].items()
    }
    for language, template in TEMPLATES[event].items():
        assert asked[language] == asked["zh"]
        assert asked[language] <= LONGEST.keys()
        short = template.format(**dict.fromkeys(asked[language], ""))
        assert len(short) < 100, "there must be room for names and the address"
        assert len(text_for(event, language, **LONGEST)) <= 200


async def test_with_no_channel_settling_and_sending_bring_only_calls(database: Database) -> None:
    sessions = database.writing
    placed = await sold(sessions, database)
    manager = act(await staff(sessions, placed.work_orders[0].lines[0].product))
    part, other = placed.work_orders
    async with sessions.begin() as session:
        await work_steps.accept(session, manager, part.id, NOON)
        await work_steps.ship(session, manager, part.id, "顺丰", "SF1234567", NOON)
        await work_steps.decline(session, manager, other.id, "木头裂了", NOON)
        await open_urgent(session, manager.station_id)
    assert [kind for kind, _ in await told(sessions)] == ["new_work", "new_work", "declined"]
    assert await jobs(sessions, SEND_JOB) == []


async def open_urgent(session: notices.AsyncSession, station_id: int) -> None:
    await open_trouble(
        session,
        station_id=station_id,
        kind=TroubleKind.NO_ANSWER,
        subject="work_order:8",
        text="王家木作两天没有答复接不接。",
        now=NOON,
    )


@pytest.mark.parametrize(
    ("channels", "text"),
    [
        ((), "您订的福字圆挂这家做不了，¥544 正在退给您，几天内到账。"),
        ((Audience.BUYER,), "福字圆挂 can not be made; ¥544 is on its way back to you."),
    ],
)
async def test_who_reads_english_is_told_so_by_a_channel_and_the_desk_telephones_in_chinese(
    database: Database, channels: tuple[Audience, ...], text: str
) -> None:
    sessions = database.writing
    placed = await sold(sessions, database, *channels)
    part = placed.work_orders[0]
    manager = act(await staff(sessions, part.lines[0].product))
    async with sessions.begin() as session:
        await session.execute(update(Order).values(language="en"))
        await work_steps.decline(session, manager, part.id, "木头裂了", NOON)
    assert (await told(sessions))[-1] == ("declined", text)


async def test_with_channels_each_notice_brings_its_job(database: Database) -> None:
    sessions = database.writing
    placed = await sold(sessions, database, *EVERYBODY)
    part = placed.work_orders[0]
    manager = act(await staff(sessions, part.lines[0].product))
    async with sessions.begin() as session:
        await work_steps.accept(session, manager, part.id, NOON)
        await work_steps.ship(session, manager, part.id, "顺丰", "SF1234567", NOON)
        await open_urgent(session, manager.station_id)
    # Told again while it is open, and closed: nobody is told of that.
    async with sessions.begin() as session:
        await open_urgent(session, manager.station_id)
        await close_trouble(session, TroubleKind.NO_ANSWER, "work_order:8", NOON)
    first = await told(sessions)
    assert first[:2] == [
        ("new_work", "有新工单：福字圆挂 ×2"),
        ("new_work", "有新工单：福字圆挂 ×1"),
    ]
    assert first[2][0] == "paid"
    assert first[2][1].startswith(f"收到您付的 ¥820，订单 {placed.code} 已经")
    assert first[3:] == [
        ("shipped", "您订的福字圆挂寄出了：顺丰 SF1234567。"),
        ("trouble", "作坊没有应答：王家木作两天没有答复接不接。"),
    ]
    async with sessions() as session:
        ids = list(await session.scalars(select(Notice.id).order_by(Notice.id)))
        kept = list(await session.scalars(select(Notice).where(Notice.done_at.is_not(None))))
    assert [job.args for job in await jobs(sessions, SEND_JOB)] == [{"notice_id": n} for n in ids]
    assert {row.kind for row in kept} == {"paid", "shipped", "trouble"} <= NEVER_A_CALL
    assert {row.cause for row in kept} == {
        f"paid:order:{placed.id}",
        f"shipped:work_order:{part.id}",
        None,
    }


async def test_routing_twice_tells_once(database: Database) -> None:
    sessions = database.writing
    placed = await sold(sessions, database, *EVERYBODY)
    async with sessions.begin() as session:
        await notices.tell_all(
            session,
            Event.NEW_WORK,
            Audience.FAMILY,
            [
                {
                    "station_id": part.station_id,
                    "workshop_id": part.workshop_id,
                    "work_order_id": part.id,
                    "text": "again",
                }
                for part in placed.work_orders
            ],
            NOON,
        )
    assert [kind for kind, _ in await told(sessions)] == ["new_work", "new_work", "paid"]
    assert len(await jobs(sessions, SEND_JOB)) == 3


async def test_what_is_rolled_back_was_never_told(database: Database) -> None:
    sessions = database.writing
    placed = await sold(sessions, database, Audience.BUYER)
    part = placed.work_orders[0]
    manager = act(await staff(sessions, part.lines[0].product))
    before = await told(sessions), len(await jobs(sessions))
    async with sessions() as session:
        await work_steps.decline(session, manager, part.id, "木头裂了", NOON)
        await session.rollback()
    assert (await told(sessions), len(await jobs(sessions))) == before


async def test_a_cancelled_part_is_told_to_whom_it_concerns(database: Database) -> None:
    sessions = database.writing
    placed = await sold(sessions, database)
    begun, fresh = placed.work_orders
    manager = act(await staff(sessions, begun.lines[0].product))
    async with sessions.begin() as session:
        await work_steps.accept(session, manager, begun.id, NOON)
        await work_steps.start(session, manager, begun.id, NOON)
        asked = await requests.ask(
            session, placed.token, begun.id, RequestKind.CANCEL, "不想要了", NOON
        )
        await requests.agree(session, manager, asked.id, "好的，钱退给您。", NOON)
    # The buyer, who presses the button, need not be told of it, nor a family that has not begun.
    await cancel(shop_of(database), placed.token, fresh.id, NOON)
    assert (await told(sessions))[2:] == [
        ("called_off", f"这件不用做了，买家不要了：福字圆挂（订单 {placed.code}）。"),
        ("answered", f"社工站答复了您对订单 {placed.code} 的申请：好的，钱退给您。"),
    ]


async def test_the_desk_that_cancels_tells_the_buyer(database: Database) -> None:
    sessions = database.writing
    placed = await sold(sessions, database)
    part = placed.work_orders[1]
    manager = act(await staff(sessions, part.lines[0].product, Role.ORDER_DESK))
    for _ in range(2):
        async with sessions.begin() as session:
            await work_steps.cancel(session, manager, part.id, "电话里说不要了", NOON)
    assert (await told(sessions))[2:] == [
        ("cancelled", "您订的福字圆挂已经取消，¥276 正在退给您，几天内到账。")
    ]
    async with sessions() as session:
        notice = (await session.scalars(select(Notice).where(Notice.order_id.is_not(None)))).one()
    assert (notice.phone, notice.order_id) == (placed.buyer_phone, placed.id)
    assert notice.cause == f"cancelled:work_order:{part.id}"


def test_web_processes_load_no_apprise() -> None:
    look = "import sys, shop.app; print(sorted(n for n in sys.modules if n.startswith('apprise')))"
    found = subprocess.run(
        [sys.executable, "-c", look], check=True, capture_output=True, text=True
    ).stdout
    assert found.strip() == "[]"
