"""Helping at shows: who is wanted, signing up, what was helped, and the minutes confirmed."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import SHOW_EDITORS, SHOW_VIEWERS, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import BEIJING
from catalog.errors import Invalid
from catalog.forms import read_form, read_number
from catalog.spans import Span, read_span
from live import volunteers
from live.errors import NoPlaceLeft, WrongShowState
from live.shows import show_for, span_text

_HELPERS = "/desk/shows/{show_id:int}/helpers"
_MINUTES = "minutes-"


@get("/desk/volunteers", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def volunteers_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
) -> Template:
    """Where hands are wanted, and the member's own hours of these days, or of this month."""
    return await _overview(session, actor, now, read_span(since, until, _today(now)))


@get("/desk/volunteers/hours", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def hours_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
) -> Template:
    """Everybody's confirmed hours of these days, and the shows that wait for a word."""
    span = read_span(since, until, _today(now))
    found = await volunteers.hours(session, actor.station_id, span)
    return page(
        "live/volunteers_hours.html",
        span=span,
        hours=found,
        sums=volunteers.by_member(found),
        total=sum(one.minutes for one in found),
        waiting=await volunteers.unconfirmed(session, actor.station_id, now),
        duration=volunteers.duration,
        span_text=span_text,
    )


@post("/desk/shows/{show_id:int}/sign-up", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def sign_up(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """Back to where hands are wanted, with a word about it."""
    role = (await read_form(request)).get("role", "")
    try:
        await volunteers.sign_up(session, actor, show_id, role, now)
    except (NoPlaceLeft, WrongShowState) as refusal:
        await session.rollback()
        return await _overview(session, actor, now, read_span("", "", _today(now)), refusal)
    return see_other("/desk/volunteers", f"报上名了：{volunteers.ROLE_NAMES[role]}。")


@post("/desk/sign-ups/{sign_up_id:int}/cancel", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def cancel(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    sign_up_id: FromPath[int],
) -> Template | Redirect:
    """Back to where hands are wanted; for somebody else's place, to its show."""
    try:
        row = await volunteers.cancel(session, actor, sign_up_id, now)
    except WrongShowState as refusal:
        await session.rollback()
        return await _overview(session, actor, now, read_span("", "", _today(now)), refusal)
    own = row.member_id == actor.member_id
    there = "/desk/volunteers" if own else f"/desk/shows/{row.show_role.show_id}/helpers"
    return see_other(there, "取消了。")


@get(_HELPERS, opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def helpers_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template:
    """The hands of one show: what it asks for, who comes, and what they did."""
    return await _helpers(session, actor, show_id, now)


@post(f"{_HELPERS}/roles", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def set_roles(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """Back to the hands of the show, or the form again with what was wrong."""
    typed = await read_form(request)
    try:
        await volunteers.set_roles(session, actor, show_id, typed, now)
    except (Invalid, WrongShowState) as refusal:
        await session.rollback()
        return await _helpers(session, actor, show_id, now, typed, refusal)
    return see_other(f"/desk/shows/{show_id}/helpers", "已保存。")


@post(f"{_HELPERS}/minutes", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def confirm(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """Back to the hands of the show, or the form again with what was wrong."""
    typed = await read_form(request)
    numbers = {
        number: value
        for name, value in typed.items()
        if name.startswith(_MINUTES) and (number := read_number(name.removeprefix(_MINUTES)))
    }
    try:
        await volunteers.confirm(session, actor, show_id, numbers, now)
    except (Invalid, WrongShowState) as refusal:
        await session.rollback()
        return await _helpers(session, actor, show_id, now, typed, refusal)
    return see_other(f"/desk/shows/{show_id}/helpers", "时长确认了。")


async def _overview(
    session: AsyncSession,
    actor: Actor,
    now: datetime,
    span: Span,
    refusal: NoPlaceLeft | WrongShowState | None = None,
) -> Template:
    found = await volunteers.hours(session, actor.station_id, span, actor.member_id)
    may_edit = actor.role in SHOW_EDITORS
    waiting = await volunteers.unconfirmed(session, actor.station_id, now) if may_edit else []
    return page(
        "live/volunteers.html",
        status=409 if refusal else 200,
        errors={"": refusal.text} if refusal else {},
        called=await volunteers.called_for(session, actor, now),
        span=span,
        hours=found,
        total=sum(one.minutes for one in found),
        waiting=len(waiting),
        duration=volunteers.duration,
        span_text=span_text,
        may_edit=may_edit,
    )


async def _helpers(
    session: AsyncSession,
    actor: Actor,
    show_id: int,
    now: datetime,
    typed: Mapping[str, str] | None = None,
    refusal: Invalid | WrongShowState | None = None,
) -> Template:
    show = await show_for(session, actor, show_id)
    wanted = await volunteers.help_at(session, show.id)
    numbers = dict.fromkeys(volunteers.ROLE_NAMES, "")
    numbers |= {one.role: str(one.wanted) for one in wanted}
    return page(
        "live/volunteers_show.html",
        status=_status(refusal),
        errors=_sentences(refusal),
        show=show,
        when=span_text(show),
        wanted=wanted,
        mine=volunteers.own_sign_up(wanted, actor),
        form=numbers | dict(typed or {}),
        roles=volunteers.ROLE_NAMES,
        most=volunteers.MOST_WANTED,
        length=volunteers.length_of(show),
        duration=volunteers.duration,
        is_open=volunteers.is_open(show, now),
        is_over=volunteers.is_over(show, now),
        may_edit=actor.role in SHOW_EDITORS,
    )


def _status(refusal: Invalid | WrongShowState | None) -> int:
    if refusal is None:
        return 200
    return 422 if isinstance(refusal, Invalid) else 409


def _sentences(refusal: Invalid | WrongShowState | None) -> dict[str, str]:
    if refusal is None:
        return {}
    return refusal.errors if isinstance(refusal, Invalid) else {"": refusal.text}


def _today(now: datetime) -> date:
    return now.astimezone(BEIJING).date()


ROUTES: list[ControllerRouterHandler] = [
    volunteers_page,
    hours_page,
    sign_up,
    cancel,
    helpers_page,
    set_roles,
    confirm,
]
