"""Signing in and out."""

from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page
from catalog.errors import Invalid, Refusal
from catalog.forms import read_form
from catalog.models import Role
from shop import signin
from shop.context import Shop
from shop.errors import SignInRefused, TooManyTries
from shop.web.problems import STATUSES
from shop.web.visit import SESSION_COOKIE, actor_of, client_address

MONTH = 30 * 24 * 3600


@get("/sign-in", opt=allow(EVERYONE), include_in_schema=False, sync_to_thread=False)
def sign_in_page(request: Request[Any, Any, Any], next: FromQuery[str] = "") -> Template | Redirect:  # noqa: A002
    """The form; somebody who is signed in already goes on."""
    actor = actor_of(request)
    if actor is not None:
        return Redirect(_home(actor.role, next), status_code=303)
    return _form({"next": next}, {})


@post("/sign-in", opt=allow(EVERYONE), include_in_schema=False)
async def sign_in(
    request: Request[Any, Any, Any], shop: NamedDependency[Shop], now: NamedDependency[datetime]
) -> Template | Redirect:
    """On to where the member was going, or the form again with what was wrong."""
    typed = await read_form(request)
    try:
        token, member = await signin.sign_in(
            shop.database, typed.get("login"), typed.get("password"), client_address(request), now
        )
    except Invalid as error:
        return _form(typed, error.errors)
    except (SignInRefused, TooManyTries) as error:
        return _form(typed, {"": error.text}, error)
    answer = Redirect(_home(member.role, typed.get("next", "")), status_code=303)
    answer.cookies.append(session_cookie(shop, token, MONTH))
    return answer


@post("/sign-out", opt=allow(EVERYONE), include_in_schema=False)
async def sign_out(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    shop: NamedDependency[Shop],
) -> Redirect:
    """Ends the session here and in the database."""
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        await signin.sign_out(session, token)
    answer = Redirect("/sign-in", status_code=303)
    answer.cookies.append(session_cookie(shop, "", 0))
    return answer


def _form(
    typed: dict[str, str], errors: dict[str, str], refusal: Refusal | None = None
) -> Template:
    status = STATUSES[type(refusal)] if refusal else 422 if errors else 200
    return page(
        "shop/sign_in.html", status=status, form={"next": "", "login": "", **typed}, errors=errors
    )


def _home(role: Role, wanted: str) -> str:
    # Only a path of ours: "//elsewhere" and "/\elsewhere" would leave the site.
    if wanted.startswith("/") and wanted[1:2] not in ("/", "\\"):
        return wanted
    return {Role.ARTISAN: "/workshop", Role.COUNTY: "/county"}.get(role, "/desk")


def session_cookie(shop: Shop, token: str, max_age: int) -> Cookie:
    """The cookie that signs a browser in; 0 for `max_age` takes it away."""
    return own_cookie(shop, SESSION_COOKIE, token, max_age)


def own_cookie(shop: Shop, name: str, value: str, max_age: int) -> Cookie:
    """A first-party cookie that no script reads."""
    return Cookie(
        key=name,
        value=value,
        path="/",
        max_age=max_age,
        httponly=True,
        samesite="lax",
        secure=shop.public_url.startswith("https:"),
    )


ROUTES: list[ControllerRouterHandler] = [sign_in_page, sign_in, sign_out]
