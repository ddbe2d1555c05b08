"""The desk's pages as one member after another sees them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from catalog.db import Sessions
from catalog.models import Member, Role, Station
from shop.signin import new_session
from shop.web.visit import SESSION_COOKIE
from tests.making import make_member, make_station
from tests.web import Browser, browser, settings_for


@dataclass
class Desk:
    """A browser at the desk of a station."""

    web: Browser
    sessions: Sessions
    station: Station
    _members: dict[tuple[int, Role], Member] = field(default_factory=dict)

    async def enter(self, role: Role, station: Station | None = None) -> Member:
        """Go on as the member with this role, of another station where one is given."""
        station = station or self.station
        if (station.id, role) not in self._members:
            member = await make_member(self.sessions, station, role)
            self._members[station.id, role] = member
        await self.become(self._members[station.id, role])
        return self._members[station.id, role]

    async def become(self, member: Member) -> None:
        """Go on as this member, without the seconds that a password costs."""
        async with self.sessions.begin() as session:
            token = await new_session(session, member, datetime.now(UTC))
        self.web.client.cookies.clear()
        self.web.client.cookies.set(SESSION_COOKIE, token)

    async def statuses(self, path: str) -> dict[Role, int]:
        """What a GET of `path` answers to each role of the station but the artisan's."""
        found = {}
        for role in Role:
            if role != Role.ARTISAN:
                await self.enter(role)
                found[role] = (await self.web.get(path)).status_code
        return found


@asynccontextmanager
async def open_desk(
    sessions: Sessions, database_url: str, folder: Path, **settings: str
) -> AsyncIterator[Desk]:
    """A station with nothing in it, and a browser where nobody is signed in yet."""
    station = await make_station(sessions)
    async with browser(settings_for(database_url, folder, **settings)) as web:
        yield Desk(web, sessions, station)


def only(*roles: Role) -> dict[Role, int]:
    """What `Desk.statuses` finds where these roles may enter and no others."""
    return {role: 200 if role in roles else 403 for role in Role if role != Role.ARTISAN}
