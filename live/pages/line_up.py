"""The line-up editor. Every button but 保存 shows the form again with all that was typed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ON_AIR, SHOW_EDITORS, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import Check
from catalog.db import MOST_ID
from catalog.errors import Invalid
from catalog.forms import read_form, yuan_input
from catalog.models import Member, Product
from catalog.products import Wanted, find_products, products_of
from live.consents import WAY_NAMES, consents_of
from live.errors import LineUpChanged, WrongShowState
from live.fairness import suggest
from live.lineup import MOST_ITEMS, USUAL_MINUTES, put_line_up
from live.lineup_versions import changes_since, last_saved, version_of
from live.models import LineUpItem, PriceConsent, Show
from live.shows import show_for

CONSENT_FIELDS = ("given_by", "way", "price")
FIELDS = (
    "product",
    "show_price",
    "allotment",
    "minutes",
    "speaker",
    "talking_points",
    "do_not_say",
    *(f"consent.{name}" for name in CONSENT_FIELDS),
)
# As the columns call them, to say what somebody else changed.
LABELS = {
    "show_price": "直播价",
    "allotment": "留货",
    "minutes": "分钟",
    "speaker": "谁讲",
    "talking_points": "讲解词",
    "do_not_say": "不说的话",
}
CANDIDATES = 12

# A hundred rows of long talking points, as a form encodes Chinese.
MOST_BODY = 4_000_000

Row = dict[str, str]
"""What stands in one row of the form: `FIELDS`, as text."""

Faults = Invalid | WrongShowState | LineUpChanged


@dataclass(frozen=True, slots=True)
class Shown:
    """One row as the page shows it. `due` is when its turn comes, if all keep to their minutes.

    `floor_fen` is the least that may be typed without asking the maker again.
    """

    row: Row
    product: Product | None
    due: datetime
    word: PriceConsent | None
    floor_fen: int
    below: bool


@dataclass(slots=True)
class Edit:
    """What the form holds, and what to say about the button that was pressed."""

    rows: list[Row]
    typed: Mapping[str, str] = field(default_factory=dict)
    at: int | None = None
    focus: str = ""
    said: str = ""
    removed: Row | None = None
    removed_at: int = 0

    @property
    def ids(self) -> set[int]:
        rows = [*self.rows, *([self.removed] if self.removed else [])]
        return {_id(row["product"]) for row in rows}


@get("/desk/shows/{show_id:int}/line-up", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def line_up_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    show_id: FromPath[int],
    q: FromQuery[str] = "",
) -> Template:
    """The line-up as it is kept, and the products that `q` finds."""
    show = await show_for(session, actor, show_id)
    focus = "search" if q else ""
    return await _editor(session, show, Edit([_kept(i) for i in show.items], {"q": q}, focus=focus))


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
    edit = Edit(_rows(typed), typed, removed=_removed(typed))
    edit.removed_at = _number(typed.get("removed_at", ""))
    if not _saves(typed):
        show = await show_for(session, actor, show_id)
        await _step(session, show, edit, now)
        return await _editor(session, show, edit, unsaved=True)
    try:
        await put_line_up(
            session,
            actor,
            show_id,
            [_wanted(row) for row in edit.rows],
            now,
            seen=typed.get("version"),
            order_reason=typed.get("order_reason", ""),
        )
    except (Invalid, WrongShowState, LineUpChanged) as refusal:
        await session.rollback()
        show = await show_for(session, actor, show_id)
        return await _editor(session, show, edit, unsaved=True, refusal=refusal)
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
        key, _, part = rest.partition(".")
        if prefix == "items" and part in FIELDS:
            rows.setdefault(key, _blank())[part] = value
    return list(rows.values())


def _removed(typed: Mapping[str, str]) -> Row | None:
    """The row that was taken out last, kept in the form for who wants it back."""
    row = _blank() | {name: typed.get(f"removed.{name}", "") for name in FIELDS}
    return row if row["product"] else None


def _blank(product: str = "") -> Row:
    return dict.fromkeys(FIELDS, "") | {"product": product}


def _wanted(row: Row) -> dict[str, Any]:
    return row | {"consent": {name: row[f"consent.{name}"] for name in CONSENT_FIELDS}}


async def _step(session: AsyncSession, show: Show, edit: Edit, now: datetime) -> None:
    """Do in the rows what a button asked for."""
    typed = edit.typed
    if "add" in typed:
        _add(edit, show, typed["add"])
    elif "suggest" in typed:
        await _suggest(session, show, edit, now)
    elif "undo" in typed and edit.removed is not None:
        edit.at = min(edit.removed_at, len(edit.rows))
        edit.rows.insert(edit.at, edit.removed)
        edit.removed, edit.focus, edit.said = None, "row", "放回去了。"
    elif "remove" in typed:
        _remove(edit, _number(typed["remove"]))
    elif "move" in typed:
        direction, _, number = typed["move"].partition(":")
        _move(edit, _number(number), -1 if direction == "up" else 1)
    else:
        edit.focus = "search"


def _add(edit: Edit, show: Show, product: str) -> None:
    kept = next((_kept(item) for item in show.items if str(item.product_id) == product), None)
    edit.rows.append(kept or _blank(product) | {"minutes": str(USUAL_MINUTES)})
    edit.at, edit.focus = len(edit.rows) - 1, "search"
    edit.said = f"加在第 {len(edit.rows)} 位。"


async def _suggest(session: AsyncSession, show: Show, edit: Edit, now: datetime) -> None:
    chosen = [(_id(row["product"]), _minutes(row)) for row in edit.rows]
    found = await suggest(
        session,
        show.station_id,
        chosen,
        _length(show),
        USUAL_MINUTES,
        MOST_ITEMS - len(chosen),
        now,
    )
    edit.rows += [_blank(str(one)) | {"minutes": str(USUAL_MINUTES)} for one in found]
    edit.focus = "suggest"
    edit.said = (
        f"补了 {len(found)} 件：近 90 天上场少的作坊先排。改好了再保存。"
        if found
        else "没有补：时间已经排满，或者没有别的有货的作品了。"
    )


def _remove(edit: Edit, n: int) -> None:
    if n < len(edit.rows):
        edit.removed, edit.removed_at = edit.rows.pop(n), n
        edit.focus = "undo"


def _move(edit: Edit, n: int, by: int) -> None:
    if n < len(edit.rows):
        row = edit.rows.pop(n)
        edit.at = max(0, min(len(edit.rows), n + by))
        edit.rows.insert(edit.at, row)
        edit.focus = "up" if by < 0 else "down"
        edit.said = f"挪到第 {edit.at + 1} 位。"


def _kept(item: LineUpItem) -> Row:
    return _blank(str(item.product_id)) | {
        "show_price": yuan_input(item.show_price_fen) if item.show_price_fen else "",
        "allotment": str(item.allotment or ""),
        "minutes": str(item.minutes),
        "speaker": item.speaker,
        "talking_points": item.talking_points,
        "do_not_say": item.do_not_say,
    }


async def _editor(
    session: AsyncSession,
    show: Show,
    edit: Edit,
    *,
    unsaved: bool = False,
    refusal: Faults | None = None,
) -> Template:
    products = await products_of(session, show.station_id, edit.ids)
    consents = await consents_of(session, show.id)
    typed, errors = edit.typed, refusal.errors if isinstance(refusal, Invalid) else {}
    version, found = version_of(show.items), None
    if edit.focus == "search":
        chosen = {_id(row["product"]) for row in edit.rows}
        found = await _candidates(session, show, chosen, typed.get("q", ""))
    stale = isinstance(refusal, LineUpChanged)
    return page(
        "live/line_up.html",
        status=200 if refusal is None else 422 if errors else 409,
        errors=errors,
        summary={name: _placed(name, text) for name, text in errors.items()}
        if refusal is None or errors
        else {"": refusal.text},
        show=show,
        rows=_shown(show, edit.rows, products, consents),
        fenced={item.product_id: item.allotment for item in show.items},
        # A page that was refused as too old is made anew: saving it again is meant.
        version=version if stale else typed.get("version", version),
        other=await _other(session, show, edit, typed["version"]) if stale else None,
        order_reason=typed.get("order_reason", show.order_reason),
        unsaved=unsaved,
        edit=edit,
        removed_product=products.get(_id(edit.removed["product"])) if edit.removed else None,
        fields=FIELDS,
        ways=WAY_NAMES,
        q=typed.get("q", ""),
        found=found,
        minutes=sum(_minutes(row) for row in edit.rows),
        length=_length(show),
        begins=show.started_at or show.starts_at,
        speakers=await _speakers(session, show),
    )


async def _speakers(session: AsyncSession, show: Show) -> list[str]:
    """Who may be asked to talk of a piece: those who were before, and who is on air at this station."""
    names = await session.scalars(
        select(Member.name)
        .where(Member.station_id == show.station_id, Member.role.in_(ON_AIR), Member.active)
        .order_by(Member.id)
    )
    return list(dict.fromkeys([*(item.speaker for item in show.items if item.speaker), *names]))


def _shown(
    show: Show,
    rows: Sequence[Row],
    products: Mapping[int, Product],
    consents: Mapping[int, PriceConsent],
) -> list[Shown]:
    due, found = show.started_at or show.starts_at, []
    for row in rows:
        product, word = products.get(_id(row["product"])), consents.get(_id(row["product"]))
        floor = product.floor_fen if product else 0
        floor = min(floor, word.price_fen) if word else floor
        below = bool(row["show_price"]) and 0 < _fen(row["show_price"]) < floor
        asked = below or any(row[f"consent.{name}"] for name in ("given_by", "way"))
        found.append(Shown(row, product, due, word, floor, asked))
        due += timedelta(minutes=_minutes(row))
    return found


async def _other(session: AsyncSession, show: Show, edit: Edit, seen: str) -> dict[str, Any]:
    """What somebody else saved while this form was being filled in, in words."""
    changes = changes_since(seen, show.items)
    names = {item.product_id: item.product.name for item in show.items}
    gone = await products_of(session, show.station_id, changes.removed)
    mine = {_id(row["product"]): row for row in edit.rows}
    saved = await last_saved(session, show)
    return {
        "who": saved[0] if saved else "",
        "at": saved[1] if saved else None,
        "added": [(one, names[one], one in mine) for one in changes.added],
        "removed": [product.name for product in gone.values()],
        "changed": [
            (names[item.product_id], _differences(_kept(item), mine.get(item.product_id)))
            for item in show.items
            if item.product_id in changes.changed
        ],
        "moved": changes.moved,
    }


def _placed(name: str, text: str) -> str:
    """A fault with the place of its row, for the list at the head of the page."""
    prefix, _, rest = name.partition(".")
    n = rest.partition(".")[0]
    return f"第 {int(n) + 1} 位：{text}" if prefix == "items" and n.isdigit() else text


def _differences(kept: Row, mine: Row | None) -> list[tuple[str, str, str]]:
    """Field, what is kept now, what this form says."""
    if mine is None:
        return []
    return [
        (label, kept[name] or "空", mine[name] or "空")
        for name, label in LABELS.items()
        if kept[name] != mine[name].replace("\r\n", "\n").strip()
    ]


async def _candidates(
    session: AsyncSession, show: Show, chosen: set[int], words: str
) -> list[Product]:
    wanted = Wanted(station_id=show.station_id, words=words, most=CANDIDATES + len(chosen))
    found, _ = await find_products(session, wanted)
    return [product for product in found if product.id not in chosen][:CANDIDATES]


def _length(show: Show) -> int:
    return int((show.ends_at - show.starts_at).total_seconds() // 60)


def _minutes(row: Row) -> int:
    typed = row["minutes"].strip()
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 0


def _fen(typed: str) -> int:
    check = Check()
    fen = check.yuan("price", typed, "价")
    return 0 if check.errors else fen


def _number(typed: str) -> int:
    """The number of a row; what is none is larger than any."""
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 6 else 10**6


def _id(typed: str) -> int:
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 20 else 0
    return min(number, MOST_ID)


ROUTES: list[ControllerRouterHandler] = [line_up_page, change_line_up]
