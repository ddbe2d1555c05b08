"""The station's share at the desk: what holds, what held, and a new rule."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import MANAGERS, MONEY_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotFound
from catalog.forms import read_form
from catalog.models import Kind
from catalog.workshops import list_workshops
from shop import fees

_FEES = "/desk/money/fees"
_NO_SUCH_WORKSHOP = {"workshop": "请选择作坊。"}


@get(_FEES, opt=allow(MONEY_DESK), include_in_schema=False)
async def fees_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """The rules, the newest first, and what each kind of a family's work gives now."""
    return await _page(session, actor, now)


@post(_FEES, opt=allow(MANAGERS), include_in_schema=False)
async def add_fee(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """A new rule from now on, or the form again with what was wrong."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            await fees.add_rule(session, actor, typed, now)
    except Invalid as error:
        return await _page(session, actor, now, typed, error.errors)
    except NotFound:
        return await _page(session, actor, now, typed, _NO_SUCH_WORKSHOP)
    return see_other(_FEES, "记下了，从现在起卖的按这个算；以前卖的不变。")


async def _page(
    session: AsyncSession,
    actor: Actor,
    now: datetime,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Template:
    workshops = await list_workshops(session, actor.station_id, active_only=False)
    pairs = [(workshop.id, kind) for workshop in workshops for kind in Kind]
    return page(
        "shop/desk_fees.html",
        status=422 if errors else 200,
        rules=await fees.list_rules(session, actor.station_id),
        workshops=workshops,
        rates=await fees.rates(session, actor.station_id, pairs, now),
        kinds=list(Kind),
        form={"workshop": "", "kind": "", "percent": "", **(typed or {})},
        errors=errors or {},
        may_change=actor.role in MANAGERS,
    )


ROUTES: list[ControllerRouterHandler] = [fees_page, add_fee]
