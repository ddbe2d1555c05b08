"""A show about to begin whose overlay nobody has open is a trouble, and over once it was seen."""

from datetime import timedelta

from sqlalchemy import select, update

from catalog.db import Database
from catalog.models import Role
from live.models import Overlay
from live.overlays import make_overlay
from live.scheduling import schedule_show
from shop.doctor import watch
from shop.models import Trouble
from shop.troubles import TroubleKind, close
from tests.making import NOON, act, make_member, make_station

DAY = timedelta(hours=24)


async def open_ones(database: Database) -> list[str]:
    async with database.reading() as session:
        query = select(Trouble.text).where(
            Trouble.kind == TroubleKind.OVERLAY_UNSEEN, Trouble.closed_at.is_(None)
        )
        return list(await session.scalars(query.order_by(Trouble.id)))


async def test_overlays_are_asked_for_before_their_show(database: Database) -> None:
    sessions = database.writing
    station = await make_station(sessions)
    host = act(await make_member(sessions, station, Role.HOST))
    manager = act(await make_member(sessions, station, Role.MANAGER))
    starts = NOON + timedelta(hours=30)
    when = {"starts_at": starts, "ends_at": starts + timedelta(hours=1)}
    async with sessions.begin() as session:
        values = {"title": "木雕专场", "channels": ["抖音", "快手"], **when}
        await schedule_show(session, host, values, NOON)
        for channel in ("抖音", "视频号", "快手"):
            await make_overlay(session, host, NOON, channel=channel)
    await watch(database, NOON)
    assert await open_ones(database) == []
    await watch(database, starts - DAY)
    assert await open_ones(database) == [
        "“木雕专场”快开播了，抖音、快手的浮层一天没有在推流软件里打开过。"
    ]
    async with sessions.begin() as session:
        await session.execute(update(Overlay).values(seen_at=starts - timedelta(hours=1)))
    await watch(database, starts - timedelta(minutes=30))
    assert await open_ones(database) == []
    # What a person has closed is not told again.
    async with sessions.begin() as session:
        await session.execute(update(Overlay).values(seen_at=None))
    await watch(database, starts - timedelta(minutes=20))
    assert len(await open_ones(database)) == 1
    async with sessions.begin() as session:
        trouble = (await session.scalars(select(Trouble))).one()
        await close(session, manager, trouble.id, "不用浮层", starts)
    await watch(database, starts - timedelta(minutes=10))
    assert await open_ones(database) == []
