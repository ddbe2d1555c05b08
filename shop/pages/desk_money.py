"""Money at the desk: how every family stands, and the runs that pay them."""

from collections.abc import Mapping
from datetime import datetime

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import MONEY_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.audit import list_entries
from catalog.checks import BEIJING
from catalog.errors import Refusal
from catalog.words import PAY_WAYS
from shop import payouts
from shop.errors import WrongPayoutState
from shop.fees import STATION
from shop.payable import account_fen, standings
from shop.payouts import FUND, list_runs, names_of, run_for

_MONEY = "/desk/money"
_RUN = f"{_MONEY}/runs/{{run_id:int}}"


@get(_MONEY, opt=allow(MONEY_DESK), include_in_schema=False)
async def money_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """What each family may be paid, what waits, what is carried, and the newest runs."""
    return await _money(session, actor, now)


@post(f"{_MONEY}/runs", opt=allow(MONEY_DESK), include_in_schema=False)
async def draft(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """A new run with all that may be paid."""
    try:
        async with session.begin_nested():
            run = await payouts.draft_run(session, actor, now)
    except WrongPayoutState as error:
        return await _money(session, actor, now, error)
    return see_other(f"{_MONEY}/runs/{run.id}", "做好了。请另一位同事来看一遍、批准。")


@get(_RUN, opt=allow(MONEY_DESK), include_in_schema=False)
async def run_page(
    run_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """One run: its payouts, who made it, who approved it."""
    return await _run(session, actor, run_id)


@post(f"{_RUN}/approve", opt=allow(MONEY_DESK), include_in_schema=False)
async def approve(
    run_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """A second person says that it may be paid."""
    try:
        async with session.begin_nested():
            await payouts.approve_run(session, actor, run_id, now)
    except WrongPayoutState as error:
        return await _run(session, actor, run_id, {"": error.text}, status=409)
    return see_other(f"{_MONEY}/runs/{run_id}", "批准了，可以付钱了。")


async def _money(
    session: AsyncSession, actor: Actor, now: datetime, refusal: Refusal | None = None
) -> Template:
    station_id = actor.station_id
    found = await standings(session, station_id, now.astimezone(BEIJING).date())
    rows = list(found.values())
    runs = await list_runs(session, station_id)
    return page(
        "shop/desk_money.html",
        status=409 if refusal else 200,
        errors={"": refusal.text} if refusal else {},
        rows=rows,
        ready=[one for one in rows if one.payable_fen > 0 and one.payout is None],
        runs=runs,
        names=await names_of(session, [run.made_by for run in runs]),
        fee_fen=await account_fen(session, station_id, STATION),
        fund_fen=-await account_fen(session, station_id, FUND),
        ways=PAY_WAYS,
    )


async def _run(
    session: AsyncSession,
    actor: Actor,
    run_id: int,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Template:
    run = await run_for(session, actor, run_id)
    about = {"payout_runs": [run.id], "payouts": [one.id for one in run.payouts]}
    return page(
        "shop/desk_run.html",
        status=status,
        errors=errors or {},
        run=run,
        names=await names_of(session, [run.made_by, run.approved_by]),
        may_approve=run.made_by != actor.member_id,
        history=await list_entries(session, actor.station_id, about),
        ways=PAY_WAYS,
    )


ROUTES: list[ControllerRouterHandler] = [money_page, draft, run_page, approve]
