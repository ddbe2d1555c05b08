"""The form for what was written on paper while the network was away."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ON_AIR, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import BEIJING
from catalog.errors import Invalid, StockPromised
from catalog.forms import read_form
from catalog.models import Kind
from live.errors import WrongShowState
from live.models import Airing, LineUpItem, Show
from live.shows import show_for
from live.typed_in import ALLOWED, airings_of, type_in

BLANK_ROWS = 4
AIRING_FIELDS = ("id", "item", "from", "to")
SALE_FIELDS = ("item", "pieces", "seen")

Row = dict[str, str]


@get("/desk/shows/{show_id:int}/typed-in", opt=allow(ON_AIR), include_in_schema=False)
async def typed_in_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    show_id: FromPath[int],
) -> Template:
    """What the console noted, with room for what it did not."""
    show = await show_for(session, actor, show_id)
    kept = await airings_of(session, show.id)
    rows = [_kept(airing) for airing in kept] + [_blank(show) for _ in range(BLANK_ROWS)]
    return await _form(session, show, kept, rows, {})


@post("/desk/shows/{show_id:int}/typed-in", opt=allow(ON_AIR), include_in_schema=False)
async def write_down(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """Kept and back to the show; or the form again: after a fault, or for more rows."""
    typed = await read_form(request)
    airings = _rows(typed, "airings", AIRING_FIELDS)
    sales = _rows(typed, "sales", SALE_FIELDS)
    refusal: Invalid | WrongShowState | StockPromised | None = None
    if "more" not in typed:
        try:
            spans = [_untouched(row) for row in airings]
            await type_in(session, actor, show_id, spans, sales, now)
        except (Invalid, WrongShowState, StockPromised) as error:
            await session.rollback()
            refusal = error
        else:
            return see_other(f"/desk/shows/{show_id}", "补记好了。")
    show = await show_for(session, actor, show_id)
    if "more" in typed:
        airings += [_blank(show) for _ in range(BLANK_ROWS)]
    pieces = {row["item"]: row["pieces"] for row in sales}
    return await _form(session, show, await airings_of(session, show.id), airings, pieces, refusal)


def _rows(typed: Mapping[str, str], what: str, fields: tuple[str, ...]) -> list[Row]:
    rows: dict[str, Row] = {}
    for name, value in typed.items():
        prefix, _, rest = name.partition(".")
        key, _, field = rest.partition(".")
        if prefix == what and field in fields:
            rows.setdefault(key, dict.fromkeys(fields, ""))[field] = value
    return list(rows.values())


def _untouched(row: Row) -> Row:
    """A new row in which nothing was chosen is empty: the form has written its day beforehand."""
    if row["id"] or row["item"] or row["from"] != row["to"]:
        return row
    return dict.fromkeys(AIRING_FIELDS, "")


def _kept(airing: Airing) -> Row:
    return {
        "id": str(airing.id),
        "item": str(airing.line_up_item_id),
        "from": _typed(airing.started_at),
        "to": _typed(airing.ended_at) if airing.ended_at else "",
    }


def _blank(show: Show) -> Row:
    day = _typed(show.started_at or show.starts_at)
    return {"id": "", "item": "", "from": day, "to": day}


async def _form(
    session: AsyncSession,
    show: Show,
    kept: list[Airing],
    rows: list[Row],
    pieces: Mapping[str, str],
    refusal: Invalid | WrongShowState | StockPromised | None = None,
) -> Template:
    errors = refusal.errors if isinstance(refusal, Invalid) else {}
    return page(
        "live/typed_in.html",
        status=200 if refusal is None else 422 if errors else 409,
        errors=errors if refusal is None or errors else {"": refusal.text},
        show=show,
        rows=rows,
        choices=[(item.id, f"{n} · {item.product.name}") for n, item in enumerate(show.items, 1)],
        airings={str(airing.id): airing for airing in kept},
        items=[item for item in show.items if item.product.kind != Kind.MADE_TO_ORDER],
        there=_there,
        pieces=pieces,
        allowed=show.state in ALLOWED,
    )


def _there(item: LineUpItem) -> int:
    """How many may be told as sold for cash: the show's own and the free ones."""
    return item.product.stock.free + item.allotment_left


def _typed(at: datetime) -> str:
    return f"{at.astimezone(BEIJING):%Y-%m-%dT%H:%M}"


ROUTES: list[ControllerRouterHandler] = [typed_in_page, write_down]
