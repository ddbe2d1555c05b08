"""The line-up editor. Every button but 保存 shows the form again with all that was typed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import SHOW_EDITORS, Actor, allow
from catalog.answers import page, see_other
from catalog.db import MOST_ID
from catalog.errors import Invalid
from catalog.forms import read_form
from catalog.models import Product
from catalog.products import Wanted, find_products, products_of
from catalog.words import yuan
from live.errors import WrongShowState
from live.lineup import put_line_up
from live.models import LineUpItem, Show
from live.shows import show_for

FIELDS = ("product", "show_price", "allotment", "minutes", "talking_points", "do_not_say")
CANDIDATES = 12
USUAL_MINUTES = "5"

# A hundred rows of long talking points, as a form encodes Chinese.
MOST_BODY = 4_000_000

Row = dict[str, str]
"""What stands in one row of the form: `FIELDS`, as text."""


@get("/desk/shows/{show_id:int}/line-up", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def line_up_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    show_id: FromPath[int],
    q: FromQuery[str] = "",
) -> Template:
    """The line-up as it is kept, and the products that `q` finds."""
    show = await show_for(session, actor, show_id)
    rows = [_kept(item) for item in show.items]
    return await _editor(session, show, rows, {"q": q}, searching=bool(q))


@post(
    "/desk/shows/{show_id:int}/line-up",
    opt=allow(SHOW_EDITORS),
    include_in_schema=False,
    request_max_body_size=MOST_BODY,
)
async def change_line_up(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """Saved and back to the show; or the form again: after a fault, a search, a move."""
    typed = await read_form(request)
    rows = _rows(typed)
    if not _saves(typed):
        show = await show_for(session, actor, show_id)
        at = _step(rows, typed)
        moved = bool({"move", "remove"} & typed.keys())
        return await _editor(
            session, show, rows, typed, unsaved=True, at=at, searching=not moved, moved=moved
        )
    try:
        await put_line_up(session, actor, show_id, rows, now)
    except (Invalid, WrongShowState) as refusal:
        await session.rollback()
        show = await show_for(session, actor, show_id)
        return await _editor(session, show, rows, typed, unsaved=True, refusal=refusal)
    return see_other(f"/desk/shows/{show_id}", "讲解单已保存。")


def _saves(typed: Mapping[str, str]) -> bool:
    """Whether to keep the rows. Enter in a field presses the form's first button, `enter`:
    in the search box it means to search, elsewhere to save."""
    if "enter" in typed:
        return typed.get("q", "").strip() == typed.get("asked", "").strip()
    return "save" in typed


def _rows(typed: Mapping[str, str]) -> list[Row]:
    """The rows in the order in which the form holds them, which a script may have changed."""
    rows: dict[str, Row] = {}
    for name, value in typed.items():
        prefix, _, rest = name.partition(".")
        key, _, field = rest.partition(".")
        if prefix == "items" and field in FIELDS:
            rows.setdefault(key, dict.fromkeys(FIELDS, ""))[field] = value
    return list(rows.values())


def _step(rows: list[Row], typed: Mapping[str, str]) -> int | None:
    """Do in `rows` what a button asked for; returns the row to go on with."""
    if "add" in typed:
        rows.append(dict.fromkeys(FIELDS, "") | {"product": typed["add"], "minutes": USUAL_MINUTES})
        return len(rows) - 1
    direction, _, number = typed.get("move", "").partition(":")
    n = _position(number or typed.get("remove", ""), rows)
    if n is None:
        return None
    row = rows.pop(n)
    if "remove" in typed:
        return min(n, len(rows) - 1) if rows else None
    n = max(0, n - 1) if direction == "up" else min(len(rows), n + 1)
    rows.insert(n, row)
    return n


def _position(typed: str, rows: Sequence[Row]) -> int | None:
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 6 else len(rows)
    return number if number < len(rows) else None


def _kept(item: LineUpItem) -> Row:
    return {
        "product": str(item.product_id),
        "show_price": yuan(item.show_price_fen) if item.show_price_fen else "",
        "allotment": str(item.allotment or ""),
        "minutes": str(item.minutes),
        "talking_points": item.talking_points,
        "do_not_say": item.do_not_say,
    }


async def _editor(
    session: AsyncSession,
    show: Show,
    rows: list[Row],
    typed: Mapping[str, str],
    *,
    unsaved: bool = False,
    searching: bool = False,
    moved: bool = False,
    at: int | None = None,
    refusal: Invalid | WrongShowState | None = None,
) -> Template:
    products = await products_of(session, show.station_id, {_id(row["product"]) for row in rows})
    errors = refusal.errors if isinstance(refusal, Invalid) else {}
    found = await _candidates(session, show, products, typed.get("q", "")) if searching else None
    return page(
        "live/line_up.html",
        status=200 if refusal is None else 422 if errors else 409,
        errors=errors if refusal is None or errors else {"": refusal.text},
        show=show,
        rows=[(row, products.get(_id(row["product"]))) for row in rows],
        fenced={item.product_id: item.allotment for item in show.items},
        unsaved=unsaved,
        at=at,
        focus="row" if moved else "search" if searching else "",
        q=typed.get("q", ""),
        found=found,
        minutes=sum(int(row["minutes"]) for row in rows if _is_number(row["minutes"])),
        length=int((show.ends_at - show.starts_at).total_seconds() // 60),
    )


async def _candidates(
    session: AsyncSession, show: Show, chosen: Mapping[int, Product], words: str
) -> list[Product]:
    wanted = Wanted(station_id=show.station_id, words=words, most=CANDIDATES + len(chosen))
    found, _ = await find_products(session, wanted)
    return [product for product in found if product.id not in chosen][:CANDIDATES]


def _is_number(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and len(typed) < 6


def _id(typed: str) -> int:
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 20 else 0
    return min(number, MOST_ID)


ROUTES: list[ControllerRouterHandler] = [line_up_page, change_line_up]
