"""The cards by which a family's artisans sign in, at the desk: issued, printed, revoked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import STAFF, WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.db import Database
from catalog.errors import Invalid
from catalog.forms import read_form
from catalog.people import add_artisan
from catalog.workshops import workshop_for
from media.paper import SignInCard, print_sign_in_card
from media.qr import qr_svg
from shop import cards
from shop.pin import reset_pin

type_request = Request[Any, Any, Any]

_LIST = "/desk/workshops/{workshop_id:int}/cards"
_ONE = _LIST + "/{member_id:int}"


@get(_LIST, opt=allow(STAFF), include_in_schema=False)
async def cards_page(
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """The family's artisans: who has a card, since when it is bound, when it was used."""
    return await _page(session, actor, workshop_id)


@post(_LIST, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def add(
    request: type_request,
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """An artisan by name alone, who signs in by card."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            member = await add_artisan(session, actor, workshop_id, typed.get("name"), now)
    except Invalid as error:
        return await _page(session, actor, workshop_id, typed, error.errors)
    return see_other(
        f"/desk/workshops/{workshop_id}/cards", f"加上了{member.name}，给他发一张卡吧。"
    )


@post(f"{_ONE}/issue", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def issue(
    workshop_id: FromPath[int],
    member_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    public_url: NamedDependency[str],
    now: NamedDependency[datetime],
) -> Template:
    """The new card, its code shown this once; the one before ends."""
    try:
        async with session.begin_nested():
            token = await cards.issue_card(session, actor, workshop_id, member_id, now)
    except Invalid as error:
        return await _page(session, actor, workshop_id, {}, error.errors)
    member = await cards.card_to_print(session, actor, workshop_id, member_id, token)
    return page(
        "shop/desk_card_issued.html",
        workshop=member.workshop,
        artisan=member,
        token=token,
        picture=qr_svg(cards.card_url(public_url, token)),
    )


@post(f"{_ONE}/print", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def print_card(
    request: type_request,
    workshop_id: FromPath[int],
    member_id: FromPath[int],
    actor: NamedDependency[Actor],
    database: NamedDependency[Database],
    public_url: NamedDependency[str],
) -> Response[bytes]:
    """The card on A6; the page that shows the code sends it along, for nobody else has it.

    Takes no session: none may be open for the second that drawing takes.
    """
    token = (await read_form(request)).get("token", "")
    async with database.reading() as session:
        member = await cards.card_to_print(session, actor, workshop_id, member_id, token)
    drawn = await print_sign_in_card(
        SignInCard(
            url=cards.card_url(public_url, token),
            name=member.name,
            workshop=member.workshop.name if member.workshop else "",
            station=actor.station_name,
            station_phone=actor.station_phone,
        )
    )
    headers = {"Content-Disposition": f'inline; filename="card-{member.id}.pdf"'}
    return Response(drawn, media_type="application/pdf", headers=headers)


@post(f"{_ONE}/revoke", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def revoke(
    workshop_id: FromPath[int],
    member_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """The card opens nothing any more, and the phone is signed out."""
    member = await cards.revoke_card(session, actor, workshop_id, member_id, now)
    return see_other(f"/desk/workshops/{workshop_id}/cards", f"{member.name}的卡作废了。")


@post(f"{_ONE}/pin", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def forget_pin(
    workshop_id: FromPath[int],
    member_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """The artisan sets another PIN at the next look at the money."""
    member = await reset_pin(session, actor, workshop_id, member_id, now)
    said = f"{member.name}的看钱密码清掉了，下次看钱时重新设。"
    return see_other(f"/desk/workshops/{workshop_id}/cards", said)


async def _page(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Template:
    return page(
        "shop/desk_cards.html",
        status=422 if errors else 200,
        workshop=await workshop_for(session, actor, workshop_id),
        rows=await cards.cards_of(session, actor, workshop_id),
        may_act=actor.role in WORK_ORDER_DESK,
        form={"name": "", **(typed or {})},
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [cards_page, add, issue, print_card, revoke, forget_pin]
