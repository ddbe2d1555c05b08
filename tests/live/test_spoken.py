"""By when a piece would be carved, as the console has it from the shop."""

from datetime import timedelta
from pathlib import Path

from catalog.closures import close
from catalog.db import Database, Sessions
from catalog.models import Kind, Role
from live.spoken import day_to_say
from shop.gateways import open_shop
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.sales import order, want
from tests.web import settings_for


async def test_a_host_can_say_the_day_aloud(
    database: Database, sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    plate = await make_product(sessions, workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=5)
    finished = await make_product(sessions, workshop)
    await order(sessions, want(plate))
    shop = open_shop(settings_for(database_url, tmp_path))
    async with shop.database.reading() as session:
        assert await day_to_say(session, plate, NOON) == "现在订，12月2日前做好"
        assert await day_to_say(session, finished, NOON) == ""
    desk = act(await make_member(sessions, station, Role.ORDER_DESK))
    async with sessions.begin() as session:
        days = (NOON.date(), NOON.date() + timedelta(days=2))
        await close(session, desk, workshop.id, *days, "harvest", "", NOON)
    async with shop.database.reading() as session:
        assert await day_to_say(session, plate, NOON) == "这家这几天歇工，11月25日起再接定做。"
    await shop.close()
    # Where nobody can tell, nothing is said.
    async with database.reading() as session:
        assert await day_to_say(session, plate, NOON) == ""
