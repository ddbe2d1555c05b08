"""What a family has earned, on its phone."""

from datetime import datetime

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ARTISANS, Actor, allow
from catalog.answers import page
from catalog.checks import BEIJING
from catalog.errors import NotFound
from catalog.spans import read_span
from shop.accounts import Account, account_of, sheet_of
from shop.earnings import KINDS, list_earnings, totals
from shop.pages.sheets import answer_sheet
from shop.payable import standings
from shop.web.pin_gate import ask_pin

_ACCOUNT = "/workshop/earnings/account"


@get("/workshop/earnings", opt=allow(ARTISANS), guards=[ask_pin], include_in_schema=False)
async def earnings(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """What the family is owed, what it is made up of, and when it is paid."""
    workshop_id, today = _own(actor), now.astimezone(BEIJING).date()
    found = await standings(session, actor.station_id, today, workshop_id)
    return page(
        "shop/artisan_earnings.html",
        sums=await totals(session, workshop_id),
        standing=found[workshop_id],
        entries=await list_earnings(session, actor.station_id, workshop_id),
        words=KINDS,
        today=today,
    )


@get(_ACCOUNT, opt=allow(ARTISANS), guards=[ask_pin], include_in_schema=False)
async def own_account(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
) -> Template:
    """The family's own statement, a month at a time."""
    account = await _account(session, actor, now, since, until)
    today = now.astimezone(BEIJING).date()
    return page("shop/artisan_account.html", account=account, words=KINDS, today=today)


@get(f"{_ACCOUNT}/{{file:str}}", opt=allow(ARTISANS), guards=[ask_pin], include_in_schema=False)
async def own_account_file(
    file: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
) -> Response[bytes]:
    """The same as `statement.csv` or `statement.xlsx`."""
    return answer_sheet(sheet_of(await _account(session, actor, now, since, until)), file)


async def _account(
    session: AsyncSession, actor: Actor, now: datetime, since: str, until: str
) -> Account:
    span = read_span(since, until, now.astimezone(BEIJING).date())
    return await account_of(session, actor, _own(actor), span)


def _own(actor: Actor) -> int:
    if actor.workshop_id is None:
        raise NotFound("workshop")
    return actor.workshop_id


ROUTES: list[ControllerRouterHandler] = [earnings, own_account, own_account_file]
