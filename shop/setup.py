"""Setting up an installation from the command line."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.checks import Check
from catalog.db import Database
from catalog.models import Member, Role, Station
from catalog.people import new_member, read_login, read_new_login, read_password
from shop.models import ShippingRate
from shop.signin import new_api_token

# What a parcel of a few kilogrammes costs from the northwest; the station changes it.
USUAL_FEE_FEN = 1_000

_SLUG = re.compile(r"[a-z][a-z0-9-]{1,39}")


@dataclass(frozen=True, slots=True)
class FirstManager:
    """Who signs in first; the password is told once."""

    login: str
    password: str


async def add_station(
    database: Database, slug: str, name: str, login: str, password: str, now: datetime
) -> FirstManager | None:
    """A station with its manager, not yet open; a second person looks at what it sells before it is sold.

    Without a slug it is the first, and None, with nothing changed, when there is one already.
    Raises Invalid for a slug or login that is taken, and for what can not be used.
    """
    check = Check()
    name = check.text("name", name, "站名", most=60)
    login = read_new_login(check, login)
    read_password(check, password)
    if slug and not _SLUG.fullmatch(slug):
        check.fault("slug", "站的网址用 2 到 40 个小写字母、数字或横线，字母开头。")
    check.done()
    async with database.writing.begin() as session:
        if not slug and await session.scalar(select(Station.id).limit(1)) is not None:
            return None
        await _must_be_free(session, slug, login)
        station = Station(slug=slug or "station", name=name, review_products=True, is_open=False)
        session.add(station)
        await session.flush()
        session.add(ShippingRate(station_id=station.id, fee_fen=USUAL_FEE_FEN))
        manager = new_member(station.id, Role.MANAGER, login, "管理员", password, None, now)
        session.add(manager)
    return FirstManager(manager.login, password)


async def add_county(database: Database, login: str, password: str, now: datetime) -> bool:
    """Somebody who sees the sums of all stations (`/county`); False before there is a station.

    Raises Invalid for a login that is taken, and for what can not be used.
    """
    check = Check()
    login = read_new_login(check, login)
    read_password(check, password)
    check.done()
    async with database.writing.begin() as session:
        home = await session.scalar(select(Station.id).order_by(Station.id).limit(1))
        if home is None:
            return False
        await _must_be_free(session, "", login)
        session.add(new_member(home, Role.COUNTY, login, "县里", password, None, now))
    return True


async def _must_be_free(session: AsyncSession, slug: str, login: str) -> None:
    check = Check()
    if await session.scalar(select(Station.id).where(Station.slug == slug)) is not None:
        check.fault("slug", f"已经有一个站用 {slug}。")
    if await session.scalar(select(Member.id).where(Member.login == login)) is not None:
        check.fault("login", f"登录名 {login} 已经有人用了。")
    check.done()


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
