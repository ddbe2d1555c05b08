"""The desk's register of recordings: the station's, and each show's."""

from datetime import datetime
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
from live import recordings
from live.errors import WrongShowState
from live.shows import CHANNELS, show_for, span_text

_EMPTY = dict.fromkeys(("lies_at", "channel", "keeper", "keep_until", "note"), "")


@get("/desk/recordings", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def register_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    before: FromQuery[str] = "",
) -> Template:
    """Shows whose recording is missing, then all that is registered."""
    last = read_number(before)
    found = await recordings.list_recordings(session, actor.station_id, before=last)
    missing = [] if last else await recordings.shows_without(session, actor.station_id, now)
    return page(
        "live/recordings.html",
        kept=found,
        missing=missing,
        late_days=recordings.LATE_AFTER.days,
        years=recordings.YEARS_KEPT,
        today=now.astimezone(BEIJING).date(),
        older=found[-1].recording.id if len(found) == recordings.PAGE else None,
        paged=bool(last),
        may_edit=actor.role in SHOW_EDITORS,
    )


@get("/desk/shows/{show_id:int}/recordings", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def show_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template:
    """The recordings of one show, and the form for one more."""
    return await _of_show(session, actor, show_id, now)


@post("/desk/shows/{show_id:int}/recordings", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def add(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """Back to the show's recordings, or the form again with what was wrong."""
    typed = await read_form(request)
    try:
        await recordings.add_recording(session, actor, show_id, typed, now)
    except (Invalid, WrongShowState) as refusal:
        await session.rollback()
        return await _of_show(session, actor, show_id, now, typed, refusal)
    return see_other(f"/desk/shows/{show_id}/recordings", "录像登记好了。")


@get("/desk/recordings/{recording_id:int}", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def edit_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    recording_id: FromPath[int],
) -> Template:
    """The form of a line of the register as it is."""
    kept = await recordings.recording_for(session, actor, recording_id)
    recording = kept.recording
    form = {
        "lies_at": recording.lies_at,
        "channel": recording.channel,
        "keeper": recording.keeper,
        "keep_until": recording.keep_until.isoformat(),
        "note": recording.note,
    }
    return _edit(kept, form)


@post("/desk/recordings/{recording_id:int}", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def change(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    recording_id: FromPath[int],
) -> Template | Redirect:
    """Back to the show's recordings, or the form again with what was wrong."""
    typed = await read_form(request)
    try:
        recording = await recordings.change_recording(session, actor, recording_id, typed, now)
    except Invalid as refusal:
        await session.rollback()
        kept = await recordings.recording_for(session, actor, recording_id)
        return _edit(kept, typed, refusal)
    return see_other(f"/desk/shows/{recording.show_id}/recordings", "已保存。")


@post("/desk/recordings/{recording_id:int}/drop", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def drop(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    recording_id: FromPath[int],
) -> Template | Redirect:
    """Out of the register, or the reason why it has to stay."""
    try:
        show_id = await recordings.drop_recording(session, actor, recording_id, now)
    except WrongShowState as refusal:
        await session.rollback()
        kept = await recordings.recording_for(session, actor, recording_id)
        return await _of_show(session, actor, kept.show.id, now, None, refusal)
    return see_other(f"/desk/shows/{show_id}/recordings", "划掉了。")


async def _of_show(
    session: AsyncSession,
    actor: Actor,
    show_id: int,
    now: datetime,
    typed: dict[str, str] | None = None,
    refusal: Invalid | WrongShowState | None = None,
) -> Template:
    show = await show_for(session, actor, show_id)
    least = recordings.kept_at_least_until(show)
    usual = {"keeper": actor.name, "keep_until": least.isoformat()}
    return page(
        "live/recordings_show.html",
        status=200 if refusal is None else 422 if isinstance(refusal, Invalid) else 409,
        errors=_sentences(refusal),
        show=show,
        when=span_text(show),
        over=recordings.is_over(show),
        least=least,
        years=recordings.YEARS_KEPT,
        kept=await recordings.recordings_of(session, show),
        today=now.astimezone(BEIJING).date(),
        form=_EMPTY | usual | (typed or {}),
        channels=[(name, name) for name in CHANNELS],
        may_edit=actor.role in SHOW_EDITORS,
    )


def _edit(kept: recordings.Kept, form: dict[str, str], refusal: Invalid | None = None) -> Template:
    return page(
        "live/recordings_edit.html",
        status=422 if refusal else 200,
        errors=_sentences(refusal),
        kept=kept,
        least=recordings.kept_at_least_until(kept.show),
        years=recordings.YEARS_KEPT,
        form=_EMPTY | form,
        channels=[(name, name) for name in CHANNELS],
    )


def _sentences(refusal: Invalid | WrongShowState | None) -> dict[str, str]:
    if refusal is None:
        return {}
    return refusal.errors if isinstance(refusal, Invalid) else {"": refusal.text}


ROUTES: list[ControllerRouterHandler] = [register_page, show_page, add, edit_page, change, drop]
