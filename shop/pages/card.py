"""What an artisan's card opens: one question, one button. Looking signs nobody in."""

from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler

from catalog.access import EVERYONE, allow
from catalog.answers import page
from catalog.errors import Refusal
from shop.cards import look_at_card, sign_in_by_card
from shop.context import Shop
from shop.errors import CardRefused, CardUnknown, TooManyTries
from shop.pages.sign_in import MONTH, own_cookie, session_cookie
from shop.web.problems import STATUSES
from shop.web.visit import PHONE_COOKIE, actor_of, client_address, phone_of

type_request = Request[Any, Any, Any]

# As long as browsers keep a cookie at all; set anew at each scan.
PHONE_DAYS = 400

_PATHS = ["/K/{token:str}", "/k/{token:str}"]


@get(_PATHS, opt=allow(EVERYONE), include_in_schema=False)
async def card_page(
    request: type_request,
    token: FromPath[str],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Is it you? Whoever is signed in as the artisan already goes on to the work."""
    try:
        card = await look_at_card(shop.database, token, client_address(request), now)
    except (CardUnknown, CardRefused, TooManyTries) as refusal:
        return _refused(refusal)
    actor = actor_of(request)
    if actor is not None and actor.member_id == card.member_id:
        return Redirect("/workshop", status_code=303)
    return page(
        "shop/card.html",
        artisan=card.member,
        workshop=card.member.workshop,
        phone=card.member.station.phone,
        first=not card.phone_hash,
    )


@post(_PATHS, opt=allow(EVERYONE), include_in_schema=False)
async def enter(
    request: type_request,
    token: FromPath[str],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """On to the work, on the phone that is the card's."""
    try:
        let_in = await sign_in_by_card(
            shop.database, token, phone_of(request), client_address(request), now
        )
    except (CardUnknown, CardRefused, TooManyTries) as refusal:
        return _refused(refusal)
    answer = Redirect("/workshop", status_code=303)
    answer.cookies.append(session_cookie(shop, let_in.session_token, MONTH))
    answer.cookies.append(own_cookie(shop, PHONE_COOKIE, let_in.phone, PHONE_DAYS * 24 * 3600))
    return answer


def _refused(refusal: Refusal) -> Template:
    phone = refusal.station_phone if isinstance(refusal, CardRefused) else ""
    status = STATUSES[type(refusal)]
    return page("shop/card_refused.html", status=status, text=refusal.text, phone=phone)


ROUTES: list[ControllerRouterHandler] = [card_page, enter]
