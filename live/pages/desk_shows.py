"""The desk's shows: the list, scheduling and changing one, its page, putting it on air."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import CATALOG_EDITORS, ON_AIR, SHOW_EDITORS, SHOW_VIEWERS, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import BEIJING
from catalog.errors import Invalid
from catalog.forms import read_choices, read_form
from live import checklist, on_air, scheduling, shows
from live.agenda import PAGE, agenda, places
from live.control import must_control
from live.errors import NotController, NotReady, OverlappingShow, WrongShowState
from live.links import links_of_show
from live.models import Placement, Show, ShowState
from live.pages.screens import keep_screen, screen_of

STATE_NAMES = {
    ShowState.DRAFT: "草稿",
    ShowState.READY: "准备好",
    ShowState.LIVE: "直播中",
    ShowState.ENDED: "已结束",
    ShowState.REPORTED: "已归档",
}
_WEEKDAYS = "一二三四五六日"
_USUAL_LENGTH = timedelta(hours=2)


@get("/desk/shows", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def list_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    wanted: Annotated[str, QueryParameter(name="state")] = "",
    before: FromQuery[str] = "",
) -> Template:
    """What is on air and to come by day, then what is over."""
    states = (ShowState(wanted),) if wanted in set(ShowState) else tuple(ShowState)
    coming, over = await agenda(
        session, actor.station_id, now, states=states, before=_moment(before)
    )
    return page(
        "live/desk_shows.html",
        coming=_by_day(coming),
        over=_by_day(over),
        state=wanted,
        states=STATE_NAMES,
        paged=bool(before),
        older=over[-1].starts_at.isoformat() if len(over) == PAGE else None,
        may_edit=actor.role in SHOW_EDITORS,
    )


@get("/desk/shows/new", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def new_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    wanted: Annotated[str, QueryParameter(name="start")] = "",
) -> Template:
    """The form of a show that begins when the calendar says, or else at the next full hour."""
    start = _moment(wanted) or now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    form = {
        "title": "",
        "starts_at": _typed(start),
        "ends_at": _typed(start + _USUAL_LENGTH),
        "host_id": actor.member_id,
        "place": "",
        "channels": [],
        "rehearsal": "",
        "cover_photo_id": "",
    }
    return await _form(session, actor, None, form)


@post("/desk/shows/new", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def schedule(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """On to the new show's line-up, or the form again with what was wrong."""
    typed = await _read(request)
    try:
        show = await scheduling.schedule_show(session, actor, typed, now)
    except (Invalid, OverlappingShow) as refusal:
        await session.rollback()
        return await _form(session, actor, None, typed, refusal)
    return see_other(f"/desk/shows/{show.id}/line-up", "已排好这一场。接着排要讲的作品。")


@get("/desk/shows/{show_id:int}", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def show_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template:
    """One show: when, where, in which state, with what."""
    return await _show(session, actor, show_id, now)


@get("/desk/shows/{show_id:int}/edit", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def edit_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    show_id: FromPath[int],
) -> Template:
    """The form of a show as it is."""
    show = await shows.show_for(session, actor, show_id)
    form = {
        "title": show.title,
        "starts_at": _typed(show.starts_at),
        "ends_at": _typed(show.ends_at),
        "host_id": show.host_id,
        "place": show.place,
        "channels": show.channels,
        "rehearsal": "1" if show.rehearsal else "",
        "cover_photo_id": show.cover_photo_id or "",
    }
    return await _form(session, actor, show, form)


@post("/desk/shows/{show_id:int}/edit", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def change(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """Back to the show, or the form again with what was wrong."""
    typed = await _read(request)
    try:
        await scheduling.change_show(session, actor, show_id, typed, now)
    except (Invalid, OverlappingShow, WrongShowState) as refusal:
        await session.rollback()
        show = await shows.show_for(session, actor, show_id)
        return await _form(session, actor, show, typed, refusal)
    return see_other(f"/desk/shows/{show_id}", "已保存。")


@post("/desk/shows/{show_id:int}/state", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def change_state(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """Between draft and ready."""
    state = (await read_form(request)).get("state", "")
    try:
        await scheduling.change_show(session, actor, show_id, {"state": state}, now)
    except (Invalid, NotReady, OverlappingShow, WrongShowState) as refusal:
        await session.rollback()
        return await _show(session, actor, show_id, now, refusal)
    return see_other(f"/desk/shows/{show_id}", "已保存。")


@post("/desk/shows/{show_id:int}/start", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def start(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """On air, controlled from this screen, and on to the console; a reason where points are open."""
    despite = (await read_form(request)).get("despite", "")
    try:
        await on_air.start_show(session, actor, show_id, now, despite=despite)
        await must_control(session, actor, show_id, screen_of(request), now)
    except (Invalid, NotReady, WrongShowState, NotController) as refusal:
        await session.rollback()
        return await _show(session, actor, show_id, now, refusal, despite=despite)
    answer = see_other(f"/desk/shows/{show_id}/console", "开播了。")
    return keep_screen(request, answer)


@post("/desk/shows/{show_id:int}/end", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def end(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """Off air; unsold allotments are free again."""
    try:
        await must_control(session, actor, show_id, screen_of(request), now)
        await on_air.end_show(session, actor, show_id, now)
    except (WrongShowState, NotController) as refusal:
        await session.rollback()
        return await _show(session, actor, show_id, now, refusal)
    said = "这一场结束了，没卖完的留货已经放回。"
    return see_other(f"/desk/shows/{show_id}", said)


async def _show(
    session: AsyncSession,
    actor: Actor,
    show_id: int,
    now: datetime,
    refusal: Invalid | NotController | NotReady | OverlappingShow | WrongShowState | None = None,
    *,
    despite: str = "",
) -> Template:
    show = await shows.show_for(session, actor, show_id)
    links = await links_of_show(session, show.id)
    waits = show.state in (ShowState.DRAFT, ShowState.READY)
    return page(
        "live/desk_show.html",
        status=_status(refusal),
        errors=_sentences(refusal, fields=False),
        show=show,
        when=shows.span_text(show),
        day=_day(show.starts_at),
        minutes=sum(item.minutes for item in show.items),
        length=int((show.ends_at - show.starts_at).total_seconds() // 60),
        show_code=next((link.code for link in links if link.product_id is None), None),
        codes={link.product_id: link.code for link in links if link.placement == Placement.OVERLAY},
        tags=sum(link.placement == Placement.TAG for link in links),
        points=await checklist.points(session, show, now) if waits else [],
        despite=despite,
        may_edit=actor.role in SHOW_EDITORS,
        may_switch=actor.role in ON_AIR,
        may_link=actor.role in CATALOG_EDITORS | SHOW_EDITORS,
    )


async def _form(
    session: AsyncSession,
    actor: Actor,
    show: Show | None,
    form: Mapping[str, Any],
    refusal: Invalid | NotController | OverlappingShow | WrongShowState | None = None,
) -> Template:
    hosts = await scheduling.hosts(session, actor.station_id)
    return page(
        "live/desk_show_form.html",
        status=_status(refusal),
        errors=_sentences(refusal, fields=True),
        show=show,
        form=form,
        hosts=[(host.id, host.name) for host in hosts],
        known_places=await places(session, actor.station_id),
        channels=shows.CHANNELS,
        covers=scheduling.cover_choices(show) if show else [],
    )


async def _read(request: Request[Any, Any, Any]) -> dict[str, Any]:
    form = dict.fromkeys(
        ("title", "place", "starts_at", "ends_at", "host_id", "cover_photo_id"), ""
    )
    channels = await read_choices(request, "channels")
    return {"rehearsal": "", **form, **await read_form(request), "channels": channels}


def _status(refusal: Exception | None) -> int:
    if refusal is None:
        return 200
    return 422 if isinstance(refusal, Invalid) else 409


def _sentences(
    refusal: Invalid | NotController | NotReady | OverlappingShow | WrongShowState | None,
    *,
    fields: bool,
) -> dict[str, str]:
    """What was wrong, at its field where the page has `fields`."""
    if refusal is None:
        return {}
    if isinstance(refusal, NotReady):
        return refusal.reasons
    if not isinstance(refusal, Invalid):
        return {"": refusal.text}
    return refusal.errors if fields else {"": " ".join(refusal.errors.values())}


def _by_day(found: list[Show]) -> list[tuple[str, list[Show]]]:
    days = groupby(found, key=lambda show: _day(show.starts_at))
    return [(day, list(shows_of_day)) for day, shows_of_day in days]


def _day(at: datetime) -> str:
    at = at.astimezone(BEIJING)
    return f"{at.year}年{at.month}月{at.day}日 周{_WEEKDAYS[at.weekday()]}"


def _typed(at: datetime) -> str:
    return f"{at.astimezone(BEIJING):%Y-%m-%dT%H:%M}"


def _moment(typed: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        return None
    # Near the calendar's ends a moment has no name in another time zone.
    if not 2000 <= at.year <= 2100:
        return None
    return at if at.tzinfo else at.replace(tzinfo=BEIJING)


ROUTES: list[ControllerRouterHandler] = [
    list_page,
    new_page,
    schedule,
    show_page,
    edit_page,
    change,
    change_state,
    start,
    end,
]
