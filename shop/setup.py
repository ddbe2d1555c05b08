"""Setting up an installation from the command line."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from catalog.checks import Check
from catalog.db import Database
from catalog.models import Member, Role, Station
from catalog.people import new_member, read_login, read_new_login, read_password
from shop.models import ShippingRate
from shop.signin import new_api_token

# What a parcel of a few kilogrammes costs from the northwest; the station changes it.
USUAL_FEE_FEN = 1_000


@dataclass(frozen=True, slots=True)
class FirstManager:
    """Who signs in first; the password is told once."""

    login: str
    password: str


async def first_station(
    database: Database, name: str, login: str, password: str, now: datetime
) -> FirstManager | None:
    """A station with its manager; None, with nothing changed, when there is one already.

    Raises Invalid for a name, login or password that can not be used.
    """
    check = Check()
    name = check.text("name", name, "站名", most=60)
    login = read_new_login(check, login)
    read_password(check, password)
    check.done()
    async with database.writing.begin() as session:
        if await session.scalar(select(Station.id).limit(1)) is not None:
            return None
        station = Station(slug="station", name=name)
        session.add(station)
        await session.flush()
        session.add(ShippingRate(station_id=station.id, fee_fen=USUAL_FEE_FEN))
        manager = new_member(station.id, Role.MANAGER, login, "管理员", password, None, now)
        session.add(manager)
    return FirstManager(manager.login, password)


async def token_for(database: Database, login: str, name: str, now: datetime) -> str | None:
    """A new bearer token for a member; None when no active member has that login.

    Raises Invalid for a name that is too long.
    """
    check = Check()
    name = check.text("name", name, "名称", most=60)
    check.done()
    async with database.writing.begin() as session:
        member = await session.scalar(
            select(Member).where(Member.login == read_login(login), Member.active)
        )
        return None if member is None else await new_api_token(session, member, name, now)
