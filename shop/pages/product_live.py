"""The product page of those who came by a show's link: it follows while the show is on air."""

from datetime import UTC, datetime
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, Actor, allow
from catalog.db import Database
from catalog.errors import NotFound
from live.board import Board
from live.boards import PAGE, Boards, Fragments
from live.events import EventStream, told_once
from live.shows import must_be_seen_by
from media.codes import normalise
from shop.cart import cart_text, item_of
from shop.pages.product import told_to_all
from shop.product_view import ProductView, view_by_id
from shop.web.render import fragment

_PARTS = ("on-air", "figures", "turn", "basket", "alike", "action")

# Pages of one buyer, with a cart, a hold or a place in line, do not follow: what is sent is the
# same for all. The form's token is the page's own, and put in there.
_OF_NOBODY: dict[str, Any] = {
    **dict.fromkeys(("cart", "phone", "csrf", "follow"), ""),
    **dict.fromkeys(("own", "place")),
    "quantity": "1",
    "errors": {},
}


@get(
    "/shows/{show_id:int}/products/{product_id:int}/events",
    opt=allow(EVERYONE),
    include_in_schema=False,
)
async def events(
    session: NamedDependency[AsyncSession],
    asker: NamedDependency[Actor | None],
    boards: NamedDependency[Boards],
    database: NamedDependency[Database],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
    product_id: FromPath[int],
    link: FromQuery[str] = "",
) -> EventStream | Response[bytes]:
    """Price, pieces, queue and button as server-sent fragments, each time they have changed.

    Who comes back after the end of the show is told how things stand, and to ask no more.
    """
    boards.must_have_room()
    code = normalise(link)
    key = f"{PAGE}{product_id} {code}"
    if not boards.has_view(show_id, key):
        await must_be_seen_by(session, asker, show_id)
        view = await view_by_id(session, product_id, now, code=code)
        if view.link is None or view.link.show_id != show_id:
            raise NotFound("product in the show")
        if not view.on_air:
            return told_once(await _fragments(session, view, now))

    def part(board: Board) -> object:
        item = next((item for item in board.items if item.product == product_id), None)
        return board.state, item and item.for_buyers

    async def render(_board: Board) -> Fragments:
        async with database.reading() as latest:
            at = datetime.now(UTC)
            view = await view_by_id(latest, product_id, at, code=code)
            return await _fragments(latest, view, at)

    return EventStream(boards.watch_view(show_id, key, render, part), spread=True)


async def _fragments(session: AsyncSession, view: ProductView, now: datetime) -> Fragments:
    context: dict[str, Any] = {
        **_OF_NOBODY,
        **await told_to_all(session, view, now),
        "cart_with": cart_text([item_of(view)]),
        "now": now,
    }
    names = _PARTS if view.on_air else (*_PARTS, "follow")
    return Fragments({name: fragment(f"shop/product/{name}.html", **context) for name in names})


ROUTES: list[ControllerRouterHandler] = [events]
