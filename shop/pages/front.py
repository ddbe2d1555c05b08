"""The station's front page, and the page where a code is typed."""

from datetime import datetime
from urllib.parse import urlencode

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page, see_other
from catalog.errors import NotFound
from catalog.forms import read_number
from catalog.models import Kind, Workshop
from catalog.products import Wanted, find_products
from catalog.workshops import first_station, list_workshops
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
    now: NamedDependency[datetime],
    q: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    workshop: FromQuery[str] = "",
    in_stock: FromQuery[str] = "",
    before: FromQuery[str] = "",
    cart: FromQuery[str] = "",
) -> Template:
    """What is on air, and what the families sell. A filter that says nothing we know is left out."""
    station = await first_station(session)
    if station is None:
        return page("shop/front_empty.html")
    workshops = await list_workshops(session, station.id)
    wanted = _wanted(station.id, workshops, q, kind, workshop, in_stock, before)
    products, further = await find_products(session, wanted)
    carried = cart_text(read_cart(cart))
    filters = {"q": q.strip(), "kind": wanted.kind, "workshop": workshop, "in_stock": in_stock}
    given = {name: value for name, value in {**filters, "cart": carried}.items() if value}
    return page(
        "shop/front.html",
        station=station,
        on_air=await list_shows(session, station.id, states=(ShowState.LIVE,), rehearsal=False),
        to_come=await list_shows(
            session, station.id, since=now, states=(ShowState.READY,), rehearsal=False
        ),
        workshops=[(w.slug, w.name) for w in workshops],
        products=products,
        further=further,
        first=wanted.before is None,
        filters=filters,
        here="/?" + urlencode(given, safe="*,") + ("&" if given else ""),
        cart=carried,
    )


def _wanted(
    station_id: int,
    workshops: list[Workshop],
    q: str,
    kind: str,
    workshop: str,
    in_stock: str,
    before: str,
) -> Wanted:
    return Wanted(
        station_id=station_id,
        workshop_id=next((w.id for w in workshops if w.slug == workshop), None),
        words=q[:200],
        kind=Kind(kind) if kind in set(Kind) else None,
        in_stock=in_stock == "1",
        before=read_number(before),
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
    station = await first_station(session)
    return page(
        "shop/code.html",
        status=status,
        now=now,
        station=station,
        typed=typed,
        errors={"code": error} if error else {},
        today=await today(session, station.id, now) if station else [],
    )


ROUTES: list[ControllerRouterHandler] = [front_page, code_page]
