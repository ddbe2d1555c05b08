"""The front pages: of one station, of all; and the page where a code is typed."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import NotFound
from catalog.forms import read_number
from catalog.models import Kind, Station, Workshop
from catalog.products import Wanted, find_products
from catalog.stations import must_be_open, only_station, open_stations, station_by_slug
from catalog.workshops import list_workshops
from live.earlier import today
from live.links import find_link
from live.models import ShowState
from live.shows import list_shows
from media.codes import LENGTHS, normalise
from shop.cart import cart_text, read_cart

# A page of these with its small pictures loads in under 150 KB.
TILES = 12

NO_SUCH_CODE = "没有这个商品码，请对着画面再看一遍。"


@get("/", opt=allow(EVERYONE), include_in_schema=False)
async def front_page(
    session: NamedDependency[AsyncSession],
    asker: NamedDependency[Actor | None],
    now: NamedDependency[datetime],
    q: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    workshop: FromQuery[str] = "",
    in_stock: FromQuery[str] = "",
    before: FromQuery[str] = "",
    cart: FromQuery[str] = "",
) -> Template:
    """The station's front; with several open ones, all of them and a search over all."""
    asked = Asked(q, kind, workshop, in_stock, before, cart)
    station = await only_station(session)
    if station is not None:
        must_be_open(station, asker)
        return await _front(session, station, "/", asked, now)
    stations = await open_stations(session)
    if not stations:
        return page("shop/front_empty.html")
    return await _all_stations(session, stations, asked, now)


@get("/stations/{slug:str}", opt=allow(EVERYONE), include_in_schema=False)
async def station_page(
    slug: FromPath[str],
    session: NamedDependency[AsyncSession],
    asker: NamedDependency[Actor | None],
    now: NamedDependency[datetime],
    q: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    workshop: FromQuery[str] = "",
    in_stock: FromQuery[str] = "",
    before: FromQuery[str] = "",
    cart: FromQuery[str] = "",
) -> Template:
    """The front of one station."""
    station = await station_by_slug(session, slug)
    must_be_open(station, asker)
    asked = Asked(q, kind, workshop, in_stock, before, cart)
    return await _front(session, station, f"/stations/{station.slug}", asked, now)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of a front page asks for, as it was typed."""

    q: str
    kind: str
    workshop: str
    in_stock: str
    before: str
    cart: str

    def address(self, path: str, **filters: str | None) -> str:
        """The address of this list without `before`, ending in ? or &."""
        given = {**filters, "cart": cart_text(read_cart(self.cart))}
        query = urlencode({name: value for name, value in given.items() if value}, safe="*,")
        return f"{path}?{query}" + ("&" if query else "")


async def _front(
    session: AsyncSession, station: Station, path: str, asked: Asked, now: datetime
) -> Template:
    """What is on air, and what the families sell. A filter that says nothing we know is left out."""
    workshops = await list_workshops(session, station.id)
    wanted = _wanted(station.id, workshops, asked)
    products, further = await find_products(session, wanted)
    filters = {
        "q": asked.q.strip(),
        "kind": wanted.kind,
        "workshop": asked.workshop,
        "in_stock": asked.in_stock,
    }
    return page(
        "shop/front.html",
        station=station,
        front=path,
        on_air=await list_shows(session, station.id, states=(ShowState.LIVE,), rehearsal=False),
        to_come=await list_shows(
            session, station.id, since=now, states=(ShowState.READY,), rehearsal=False
        ),
        workshops=[(w.slug, w.name) for w in workshops],
        products=products,
        further=further,
        first=wanted.before is None,
        filters=filters,
        here=asked.address(path, **filters),
        cart=cart_text(read_cart(asked.cart)),
    )


async def _all_stations(
    session: AsyncSession, stations: list[Station], asked: Asked, now: datetime
) -> Template:
    """Every open station with what is on air, or what was found at all of them."""
    words = asked.q.strip()[:200]
    wanted = Wanted(open_stations=True, words=words, before=read_number(asked.before), most=TILES)
    products, further = await find_products(session, wanted) if words else ([], None)
    names = {station.id: station.name for station in stations}
    shows = await list_shows(session, None, states=(ShowState.LIVE,), rehearsal=False)
    return page(
        "shop/front_all.html",
        station=None,
        stations=stations,
        names=names,
        on_air=[show for show in shows if show.station_id in names],
        products=products,
        further=further,
        first=wanted.before is None,
        words=words,
        here=asked.address("/", q=words),
        cart=cart_text(read_cart(asked.cart)),
    )


def _wanted(station_id: int, workshops: list[Workshop], asked: Asked) -> Wanted:
    return Wanted(
        station_id=station_id,
        workshop_id=next((w.id for w in workshops if w.slug == asked.workshop), None),
        words=asked.q[:200],
        kind=Kind(asked.kind) if asked.kind in set(Kind) else None,
        in_stock=asked.in_stock == "1",
        before=read_number(asked.before),
        most=TILES,
    )


@get("/c", opt=allow(EVERYONE), include_in_schema=False)
async def code_page(
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
    code: FromQuery[str | None] = None,
) -> Template | Redirect:
    """The field for a code, and on to what it opens."""
    if code is None:
        return await ask_for_code(session, now)
    if not normalise(code):
        return await ask_for_code(session, now, code, "请填写商品码。", status=422)
    try:
        return see_other(f"/Q/{(await find_link(session, code)).code}")
    except NotFound:
        return await ask_for_code(session, now, code, _why_not(code), status=404)


def _why_not(typed: str) -> str:
    """What is wrong with a code that nobody has, as far as it can be seen."""
    code = normalise(typed)
    if not LENGTHS.start <= len(code) < LENGTHS.stop:
        return f"没有这个商品码：它是 4 到 5 个字母和数字，您输的是 {len(code)} 个。"
    if set(code) & set("01ILOU"):
        return "没有这个商品码：码里不用 0、1、I、L、O、U，看着像的是别的那个。请再看一遍。"
    return NO_SUCH_CODE


async def ask_for_code(
    session: AsyncSession, now: datetime, typed: str = "", error: str = "", *, status: int = 200
) -> Template:
    """The field with what was typed, and what is on air today: most codes are read off a screen."""
    station = await only_station(session)
    stations = [] if station else await open_stations(session)
    return page(
        "shop/code.html",
        status=status,
        now=now,
        station=station,
        typed=typed,
        errors={"code": error} if error else {},
        today=await today(session, station.id if station else None, now),
        names={one.id: one.name for one in stations},
    )


ROUTES: list[ControllerRouterHandler] = [front_page, station_page, code_page]
