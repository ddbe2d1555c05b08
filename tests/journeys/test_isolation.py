"""Many stations on one installation: members of one ask for everything of another.

The other station is the demo's, with something of everything; the asker's has little. Each address
is asked with what the other station has, and with what nobody has. Both must look the same from
outside: the answer, and the number of questions it took the database, which is what time tells.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from httpx import AsyncClient
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.types.internal_types import PathParameterDefinition
from sqlalchemy import Boolean, Date, Engine, Enum, Integer, String, event, insert, select

from catalog.access import ALLOW_KEY, Everyone
from catalog.db import Base, Database, Sessions, UtcDateTime, table
from catalog.models import Role, Station, Workshop
from live.models import Link, Show
from shop.demo.fill import fill
from shop.models import Order, Slip
from shop.settings import Settings
from tests.making import NOON, make_member, make_product, make_station, make_workshop
from tests.shop.test_access import Asker, asker, at_the_door
from tests.web import application, settings_for

NOBODY_HAS_THIS = 999_999_999
ROLES = (Role.MANAGER, Role.ORDER_DESK, Role.ARTISAN)

# What a number in an address counts, where its name is not that of the table: `show_id`, `shows`.
COUNTED = {
    "change_id": "date_changes",
    "check_id": "workshop_checks",
    "evidence_id": "evidence",
    "fact_id": "family_facts",
    "feed_id": "calendar_feeds",
    "receipt_id": "offline_receipts",
    "request_id": "buyer_requests",
    "review_id": "product_reviews",
    "run_id": "payout_runs",
}
# Words in an address that choose among what there is.
CHOSEN = {
    "answer": "agree",
    "file": "all.csv",
    "kind": "identity",
    "stage": "rough",
    "step": "accept",
    "tap": "take",
}


# What stands in a column of a kind, for rows that only have to be there.
PLAIN = (
    (UtcDateTime, NOON),
    (Date, NOON.date()),
    (Boolean, False),
    (Integer, 1),
    (String, "x"),
)


@dataclass
class Neighbour:
    """The other station: what its rows are, and words that nobody else may read."""

    id: int
    ids: dict[str, int]
    codes: dict[str, str]
    private: list[str]

    def read_in(self, page: str) -> list[str]:
        """Its words that stand on a page; what was searched for stands in the search box again."""
        page = re.sub(r'(value|placeholder)="[^"]*"', "", page)
        return [word for word in self.private if word in page][:3]

    def queries(self) -> list[str]:
        """What may be asked of a list: nothing, words, numbers."""
        words = f"?q={self.codes['links']}&code={self.codes['links']}"
        kinds = ("workshop", "show", "product", "station", "member")
        numbers = "&".join(f"{kind}={self.ids[f'{kind}s']}" for kind in kinds)
        return ["", words, f"?{numbers}&before={self.ids['orders']}"]

    async def rows(self, sessions: Sessions) -> dict[str, list[Any]]:
        """All that it has, to see afterwards that nothing changed."""
        async with sessions() as session:
            return {
                found.name: [
                    tuple(row)
                    for row in await session.execute(
                        select(found).where(found.c.station_id == self.id).order_by(found.c.id)
                    )
                ]
                for found in Base.metadata.sorted_tables
                if {"id", "station_id"} <= set(found.c.keys())
            }


async def complete(sessions: Sessions) -> None:
    """Give each table in which the demo has nothing a row, so that everything can be asked for."""
    async with sessions.begin() as session:
        for found in Base.metadata.sorted_tables:
            if "id" not in found.c or await session.scalar(select(found.c.id).limit(1)):
                continue
            row = {}
            for column in found.c:
                if column.nullable or column.primary_key or column.default is not None:
                    continue
                if column.foreign_keys:
                    there = next(iter(column.foreign_keys)).column
                    row[column.name] = await session.scalar(select(there).order_by(there).limit(1))
                elif isinstance(column.type, Enum):
                    row[column.name] = next(iter(column.type.enum_class))
                else:
                    row[column.name] = next(
                        (v for kind, v in PLAIN if isinstance(column.type, kind)), {}
                    )
            await session.execute(insert(found).values(row))


async def neighbour(sessions: Sessions) -> Neighbour:
    """The demo's station; the last row of each table is what is asked for."""
    await complete(sessions)
    async with sessions() as session:
        order = (await session.scalars(select(Order).where(Order.paid_at.is_not(None)))).first()
        link = (await session.scalars(select(Link))).first()
        slip = (await session.scalars(select(Slip))).first()
        assert order is not None
        assert link is not None
        assert slip is not None
        ids = {}
        for found in Base.metadata.sorted_tables:
            if "id" in found.c:
                last = select(found.c.id).order_by(found.c.id.desc()).limit(1)
                ids[found.name] = await session.scalar(last) or 0
        orders = table(Order).c
        rows = await session.execute(select(orders.code, orders.buyer_name, orders.buyer_phone))
        private = {word for row in rows for word in row}
        private |= set(await session.scalars(select(Workshop.phone).where(Workshop.phone != "")))
        private |= set(await session.scalars(select(Show.title)))
        codes = {"orders": order.code, "links": link.code, "slips": slip.code}
        return Neighbour(order.station_id, ids, codes, sorted(private))


@dataclass
class Count:
    """How many questions the database was asked."""

    number: int = 0


@contextmanager
def counting() -> Iterator[Count]:
    count = Count()

    def asked(*_: object) -> None:
        count.number += 1

    event.listen(Engine, "before_cursor_execute", asked)
    try:
        yield count
    finally:
        event.remove(Engine, "before_cursor_execute", asked)


@dataclass(frozen=True)
class Address:
    """One method of a route that members use, with what its parameters are called."""

    method: str
    parts: tuple[str | PathParameterDefinition, ...]
    roles: frozenset[Role]

    @property
    def named(self) -> list[str]:
        return [part.name for part in self.parts if isinstance(part, PathParameterDefinition)]

    @property
    def words(self) -> str:
        return "/" + "/".join(part if isinstance(part, str) else part.full for part in self.parts)

    def filled(self, numbers: dict[str, int], codes: dict[str, str]) -> str:
        """The address, each parameter given the number of its table, or the code of its place."""
        return "/" + "/".join(
            part if isinstance(part, str) else self._value(part.name, numbers, codes)
            for part in self.parts
        )

    def _value(self, name: str, numbers: dict[str, int], codes: dict[str, str]) -> str:
        if name == "code":
            place = next((part for part in self.parts if part in codes), "slips")
            return codes[str(place)]
        if name in CHOSEN:
            return CHOSEN[name]
        return str(numbers[COUNTED.get(name, f"{name.removesuffix('_id')}s")])


def addresses(app: Litestar) -> Iterator[Address]:
    """Every route that only members may use."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            allowed = handler.opt.get(ALLOW_KEY)
            if method != "OPTIONS" and not isinstance(allowed, Everyone):
                yield Address(str(method), tuple(route.path_components), allowed)


@dataclass
class County:
    """An installation with two stations; the askers are of the one with little in it."""

    app: Litestar
    sessions: Sessions
    other: Neighbour
    askers: dict[Role, Asker]
    door: AsyncClient

    def who(self, address: Address) -> list[Asker]:
        chosen = [role for role in ROLES if role in address.roles]
        return [self.askers[role] for role in chosen or sorted(address.roles)[:1]]

    async def manager_of_the_other(self) -> Asker:
        async with self.sessions() as session:
            station = await session.get_one(Station, self.other.id)
        member = await make_member(self.sessions, station, Role.MANAGER)
        return await asker(self.app, self.sessions, member)

    async def ask(self, address: Address, asker: Asker, path: str) -> tuple[int, str, int]:
        headers = asker.program if path.startswith("/api/") else asker.browser
        with counting() as count:
            answer = await self.door.request(address.method, path, headers=headers)
        return answer.status_code, answer.text, count.number


@asynccontextmanager
async def open_county(database: Database, settings: Settings) -> AsyncIterator[County]:
    """The installation, filled, with its doors open."""
    await fill(settings)
    sessions = database.writing
    other = await neighbour(sessions)
    station = await make_station(sessions, "dongba")
    workshop = await make_workshop(sessions, station, "孙家")
    await make_product(sessions, workshop, name="素方盒")
    askers = {}
    with application(settings) as app:
        for role in Role:
            family = workshop if role == Role.ARTISAN else None
            member = await make_member(sessions, station, role, family)
            askers[role] = await asker(app, sessions, member)
        async with app.lifespan(), at_the_door(app) as door:
            yield County(app, sessions, other, askers, door)


async def test_what_another_station_has_is_as_if_it_were_not_there(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with open_county(database, settings_for(database_url, tmp_path)) as county:
        before, wrong = await county.other.rows(county.sessions), []
        assert [name for name, last in county.other.ids.items() if not last] == []
        for address in addresses(county.app):
            if set(address.named) - CHOSEN.keys():
                wrong += [
                    fault
                    for who in county.who(address)
                    for fault in await tells(county, address, who)
                ]
        assert wrong == []
        assert await county.other.rows(county.sessions) == before


async def tells(county: County, address: Address, who: Asker) -> list[object]:
    """What gives away that the other station has what nobody has."""
    other = county.other
    nobody = dict.fromkeys(other.ids, NOBODY_HAS_THIS)
    codes = dict.fromkeys(other.codes, "ZZZZZZ")
    theirs = await county.ask(address, who, address.filled(other.ids, other.codes))
    nones = await county.ask(address, who, address.filled(nobody, codes))
    told = other.read_in(theirs[1])
    if theirs[0] == nones[0] >= 300 and theirs[2] == nones[2] and not told:
        return []
    return [
        (address.method, address.words, who.role, theirs[0], nones[0], theirs[2], nones[2], told)
    ]


async def test_no_list_no_export_and_no_search_tells_of_another_station(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with open_county(database, settings_for(database_url, tmp_path)) as county:
        other, wrong, asked = county.other, [], 0
        for address in addresses(county.app):
            if address.method != "GET" or set(address.named) - CHOSEN.keys():
                continue
            for who in county.who(address):
                for query in other.queries():
                    path = address.filled(other.ids, other.codes) + query
                    status, text, _ = await county.ask(address, who, path)
                    asked += 1
                    if other.read_in(text) or status >= 500:
                        wrong.append((path, who.role, status, other.read_in(text)))
        assert wrong == []
        assert asked > 100
        # The words do stand on the pages of who may read them.
        theirs = await county.manager_of_the_other()
        answer = await county.door.get("/desk/orders", headers=theirs.browser)
        assert other.read_in(answer.text) != []
