"""What is made sure of before a family sells: one family's checklist, and all families at a glance."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import CHECKERS, MONEY_DESK, STAFF, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import BEIJING
from catalog.errors import Invalid, NotFound
from catalog.forms import read_file, read_form
from catalog.models import CheckKind, Registration, Workshop
from catalog.onboarded import KIND_NAMES, CheckState, Standing, history, standings
from catalog.onboarding import check_for, make_check
from catalog.pages.desk_product import MOST_UPLOAD
from catalog.pictures import picture_at
from catalog.words import PAY_WAYS
from catalog.workshops import list_workshops, station_by_id, workshop_for
from media.storage import Storage
from shop.turnover import Turnover, of_year

_LIST = "/desk/workshops/checks"
_ONE = "/desk/workshops/{workshop_id:int}/checks"

_EMPTY = {"note": "", "renew_on": ""}


@dataclass(frozen=True, slots=True)
class Row:
    """A family in the list of all."""

    workshop: Workshop
    found: list[Standing]
    turnover: Turnover

    @property
    def due(self) -> bool:
        return any(one.state != CheckState.GOOD for one in self.found)


async def _sums(session: AsyncSession, actor: Actor, now: datetime) -> dict[int, Turnover]:
    """What each family has sold, for those whose matter money is."""
    if actor.role not in MONEY_DESK:
        return {}
    return await of_year(session, actor.station_id, now)


def _today(now: datetime) -> date:
    return now.astimezone(BEIJING).date()


@get(_LIST, opt=allow(STAFF), include_in_schema=False)
async def all_checks(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show: FromQuery[str] = "",
) -> Template:
    """Every family with what it lacks; `show=due` leaves out those where all is well."""
    families = await list_workshops(session, actor.station_id)
    found = await standings(session, [family.id for family in families], _today(now))
    sums = await _sums(session, actor, now)
    rows = [Row(family, found[family.id], sums.get(family.id, Turnover())) for family in families]
    only_due = show == "due"
    own = await station_by_id(session, actor.station_id)
    return page(
        "shop/desk_checks_all.html",
        rows=[row for row in rows if row.due] if only_due else rows,
        due=sum(row.due for row in rows),
        only_due=only_due,
        kinds=KIND_NAMES,
        own=own,
        with_money=actor.role in MONEY_DESK,
        year=_today(now).year,
    )


@get(_ONE, opt=allow(STAFF), include_in_schema=False)
async def checks_page(
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    kind: FromQuery[str] = "",
) -> Template:
    """The four checks of one family, a form for one of them, and what it has sold this year."""
    chosen = CheckKind(kind) if kind in set(CheckKind) else None
    return await _page(session, actor, workshop_id, now, chosen)


@post(
    f"{_ONE}/{{kind:str}}",
    opt=allow(CHECKERS),
    include_in_schema=False,
    request_max_body_size=MOST_UPLOAD,
)
async def check(
    workshop_id: FromPath[int],
    kind: FromPath[str],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    storage: NamedDependency[Storage],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The page again, with the check made or with what was wrong at its form."""
    if kind not in set(CheckKind):
        raise NotFound(f"check {kind}")
    typed, paper = await read_form(request), await read_file(request, "paper")
    workshop = await workshop_for(session, actor, workshop_id)
    made = CheckKind(kind)
    try:
        async with session.begin_nested():
            await make_check(session, storage, actor, workshop, made, typed, paper, now)
    except Invalid as error:
        return await _page(session, actor, workshop_id, now, made, typed, error.errors)
    return see_other(f"/desk/workshops/{workshop_id}/checks", f"记下了：{KIND_NAMES[made]}。")


@get("/desk/workshop-checks/{check_id:int}/paper", opt=allow(CHECKERS), include_in_schema=False)
async def paper(
    check_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    storage: NamedDependency[Storage],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """The photo of the paper that was seen."""
    made = await check_for(session, actor, check_id)
    data, media_type = await picture_at(storage, made.paper_key)
    return Response(data, media_type=media_type)


async def _page(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    now: datetime,
    kind: CheckKind | None = None,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Template:
    workshop = await workshop_for(session, actor, workshop_id)
    found = (await standings(session, [workshop_id], _today(now)))[workshop_id]
    kept = {"registration": workshop.registration, "registration_no": workshop.registration_no}
    first = next((one.kind for one in found if not one.holds), None)
    sums = await _sums(session, actor, now)
    own = await station_by_id(session, actor.station_id)
    return page(
        "shop/desk_checks.html",
        status=422 if errors else 200,
        workshop=workshop,
        found=found,
        lacking=[one.name for one in found if not one.holds],
        history=await history(session, workshop_id),
        kinds=KIND_NAMES,
        form={**_EMPTY, **kept, **(typed or {})},
        chosen=(kind or first) if actor.role in CHECKERS else None,
        errors=errors or {},
        may_check=actor.role in CHECKERS,
        pay_way=PAY_WAYS[workshop.pay_way],
        ways=[(Registration.EXEMPT, "免登记（自家手工）"), (Registration.LICENCE, "营业执照")],
        own=own,
        with_money=actor.role in MONEY_DESK,
        turnover=sums.get(workshop_id, Turnover()),
        year=_today(now).year,
    )


ROUTES: list[ControllerRouterHandler] = [all_checks, checks_page, check, paper]
