"""The cards of a work order's pieces at the desk: looked at, printed, issued where they are missing."""

from datetime import datetime

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ORDER_VIEWERS, WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import NotFound
from media.paper import PieceFace, print_piece_cards
from shop.errors import WrongWorkOrderState
from shop.provenance import (
    SOLD,
    Piece,
    Standing,
    issue_missing,
    pieces_of,
)
from shop.work_orders import work_order_for

_CARDS = "/desk/work-orders/{work_order_id:int}/cards"


@get(_CARDS, opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def cards_page(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """The cards, each with the way to its page."""
    return await _page(session, actor, work_order_id)


@get(_CARDS + ".pdf", opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def cards_pdf(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    public_url: NamedDependency[str],
) -> Response[bytes]:
    """The cards to put into the parcel; those that are void are left out."""
    pieces = await pieces_of(session, await work_order_for(session, actor, work_order_id))
    faces = [_face(piece, public_url) for piece in pieces if piece.standing == Standing.SOLD]
    if not faces:
        raise NotFound(f"cards of work order {work_order_id}")
    headers = {"Content-Disposition": f'inline; filename="cards-{work_order_id}.pdf"'}
    pdf = await print_piece_cards(faces)
    return Response(pdf, media_type="application/pdf", headers=headers)


@post(_CARDS, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def issue(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Cards for the pieces that have none."""
    work_order = await work_order_for(session, actor, work_order_id, lock=True)
    try:
        issued = await issue_missing(session, actor, work_order, now)
    except WrongWorkOrderState as error:
        return await _page(session, actor, work_order_id, {"": error.text}, status=409)
    said = f"补发了 {issued} 张。" if issued else "每一件都已经有了。"
    return see_other(f"/desk/work-orders/{work_order_id}/cards", said)


async def _page(
    session: AsyncSession,
    actor: Actor,
    work_order_id: int,
    errors: dict[str, str] | None = None,
    *,
    status: int = 200,
) -> Template:
    work_order = await work_order_for(session, actor, work_order_id)
    pieces = await pieces_of(session, work_order)
    wanted = sum(line.quantity for line in work_order.lines)
    return page(
        "shop/desk_pieces.html",
        status=status,
        work_order=work_order,
        pieces=pieces,
        printable=any(piece.standing == Standing.SOLD for piece in pieces),
        missing=wanted - len(pieces) if work_order.state in SOLD else 0,
        finished=work_order.state in SOLD,
        may_issue=actor.role in WORK_ORDER_DESK,
        errors=errors or {},
    )


def _face(piece: Piece, public_url: str) -> PieceFace:
    card, day = piece.card, piece.card.finished_on
    done = f"{day.year}年{day.month}月{day.day}日{'做好' if piece.carved_for_buyer else '备好'}"
    facts = [
        ("谁做的", piece.maker),
        ("哪一家", " · ".join(filter(None, (piece.workshop.name, piece.workshop.village)))),
        ("木料", card.wood),
        ("用工", f"约 {card.hours} 小时，{done}" if card.hours else done),
    ]
    return PieceFace(
        name=piece.name,
        number=piece.number,
        workshop=piece.workshop.name,
        facts=[(label, words) for label, words in facts if words],
        url=piece_url(public_url, card.code),
        code=card.code,
        station=piece.station.name,
    )


def piece_url(public_url: str, code: str) -> str:
    """What a card's QR says: all capitals, as `live.links.link_url`."""
    return f"{public_url.rstrip('/').upper()}/P/{code}"


ROUTES: list[ControllerRouterHandler] = [cards_page, cards_pdf, issue]
