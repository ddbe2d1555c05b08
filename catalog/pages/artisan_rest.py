"""A family says on its phone that it does not work for some days: why, from when, for how long."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import closures
from catalog.access import ARTISANS, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import BEIJING
from catalog.errors import Invalid
from catalog.forms import read_form
from catalog.models import ClosureReason

LENGTHS = (3, 7, 15)
"""For how many days the big buttons close."""

_REST = "/workshop/rest"
_ASKED = ("reason", "begins_on", "ends_on")


@get(_REST, opt=allow(ARTISANS), include_in_schema=False)
async def rest_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """The days on which the family, or the whole station, does not work, from today on."""
    today = now.astimezone(BEIJING).date()
    found = await closures.closures_of(session, actor.station_id, actor.workshop_id, today)
    return page("catalog/artisan_rest.html", closures=found, reasons=closures.REASONS, today=today)


@get(f"{_REST}/new", opt=allow(ARTISANS), include_in_schema=False, sync_to_thread=False)
def new_page(
    now: NamedDependency[datetime],
    reason: FromQuery[str] = "",
    begins_on: FromQuery[str] = "",
    ends_on: FromQuery[str] = "",
) -> Template:
    """The first question that has no answer yet; with all answered, what it means."""
    return _question({"reason": reason, "begins_on": begins_on, "ends_on": ends_on}, {}, now)


@post(f"{_REST}/new", opt=allow(ARTISANS), include_in_schema=False)
async def close(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The family rests; what was answered wrongly is asked again."""
    typed = await read_form(request)
    days = typed.get("begins_on"), typed.get("ends_on")
    try:
        async with session.begin_nested():
            await closures.close(
                session, actor, actor.workshop_id, *days, typed.get("reason"), "", now
            )
    except Invalid as error:
        return _question(typed, error.errors, now)
    return see_other(_REST, "记下了，您安心歇。")


@post(f"{_REST}/{{closure_id:int}}/undo", opt=allow(ARTISANS), include_in_schema=False)
async def take_back(
    closure_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """It was a mistake, or is over sooner."""
    await closures.take_back(session, actor, closure_id, now)
    return see_other(_REST, "好，不歇了。")


def _question(typed: Mapping[str, str], errors: Mapping[str, str], now: datetime) -> Template:
    today = now.astimezone(BEIJING).date()
    answers = {
        "reason": typed["reason"] if typed.get("reason") in list(ClosureReason) else "",
        "begins_on": _day(typed.get("begins_on", "")),
        "ends_on": _day(typed.get("ends_on", "")),
    }
    wrong = {name: text for name, text in errors.items() if name in _ASKED}
    for name in _ASKED:
        # A day that was typed and is none is as wrong as one that makes no sense.
        if typed.get(name) and not answers[name]:
            wrong.setdefault(name, "请挑一个日子。" if name != "reason" else "请点一个原因。")
    begins_on, ends_on = answers["begins_on"], answers["ends_on"]
    if isinstance(begins_on, date) and isinstance(ends_on, date) and ends_on < begins_on:
        wrong.setdefault("ends_on", "最后一天不能早于第一天。")
    ask = next((name for name in _ASKED if name in wrong or not answers[name]), "")
    return page(
        "catalog/artisan_rest_new.html",
        status=422 if errors else 200,
        ask=ask,
        answers=answers,
        errors={ask: wrong[ask]} if ask in wrong else {},
        reasons=closures.REASONS,
        today=today,
        tomorrow=today + timedelta(days=1),
        lengths=[(days, begins_on + timedelta(days=days - 1)) for days in LENGTHS]
        if isinstance(begins_on, date)
        else [],
    )


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        return None


ROUTES: list[ControllerRouterHandler] = [rest_page, new_page, close, take_back]
