"""A family's account at the desk: its statement for any days, and what the fund may take over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import MANAGERS, MONEY_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.audit import list_entries
from catalog.checks import BEIJING
from catalog.errors import Invalid
from catalog.forms import read_form, read_number
from catalog.spans import Span, read_span
from shop import payouts
from shop.accounts import account_of, sheet_of
from shop.errors import WrongPayoutState
from shop.pages.sheets import answer_sheet
from shop.payable import standings

_ACCOUNT = "/desk/money/workshops/{workshop_id:int}"


@get(_ACCOUNT, opt=allow(MONEY_DESK), include_in_schema=False)
async def account_page(
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
) -> Template:
    """The statement of these days, or of this month."""
    span = read_span(since, until, now.astimezone(BEIJING).date())
    return await _page(session, actor, workshop_id, span, now)


@get(f"{_ACCOUNT}/{{file:str}}", opt=allow(MONEY_DESK), include_in_schema=False)
async def account_file(
    workshop_id: FromPath[int],
    file: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
) -> Response[bytes]:
    """The same as `statement.csv` or `statement.xlsx`."""
    span = read_span(since, until, now.astimezone(BEIJING).date())
    account = await account_of(session, actor, workshop_id, span)
    return answer_sheet(sheet_of(account), file)


@post(f"{_ACCOUNT}/lift", opt=allow(MANAGERS), include_in_schema=False)
async def lift(
    request: Request[Any, Any, Any],
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The station's fund takes over what the family was paid too much."""
    typed = await read_form(request)
    lifted = (typed.get("amount"), typed.get("reason"))
    seen = read_number(typed.get("seen", "")) or 0
    try:
        async with session.begin_nested():
            await payouts.lift_debt(session, actor, workshop_id, lifted, seen, now)
    except (Invalid, WrongPayoutState) as error:
        faults = error.errors if isinstance(error, Invalid) else {"": error.text}
        span = read_span("", "", now.astimezone(BEIJING).date())
        return await _page(session, actor, workshop_id, span, now, typed, faults)
    return see_other(f"/desk/money/workshops/{workshop_id}", "记下了，站里的基金出了这笔。")


async def _page(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    span: Span,
    now: datetime,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Template:
    account = await account_of(session, actor, workshop_id, span)
    today = now.astimezone(BEIJING).date()
    told = await list_entries(session, actor.station_id, {"workshops": [workshop_id]})
    return page(
        "shop/desk_account.html",
        status=409 if errors and "" in errors else 422 if errors else 200,
        account=account,
        standing=(await standings(session, actor.station_id, today, workshop_id))[workshop_id],
        lifts=[one for one in told if one.entry.action == "workshop.lift"],
        seen=await payouts.newest_entry(session, workshop_id),
        form={"amount": "", "reason": "", **(typed or {})},
        errors=errors or {},
        may_lift=actor.role in MANAGERS,
        today=today,
    )


ROUTES: list[ControllerRouterHandler] = [account_page, account_file, lift]
