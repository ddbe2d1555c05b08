"""Who holds the controls of a show on air: one screen of one member at a time.

Several people look at the same console. What is shown, what is marked as sold out, and the end
are decided from one screen, so that two who press at once do not undo each other. Programs that
come by the API with a token are not bound: they were given their task beforehand.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.audit import record
from catalog.errors import NotFound
from catalog.models import Member
from live.errors import NotController
from live.models import Show, ShowState

SILENT = timedelta(seconds=60)
"""A screen that was not heard of for so long has lost its network, or was closed."""
STILL_HERE_EVERY = timedelta(seconds=20)

_Found = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Control:
    """Who controls a show, as one screen sees it. `who` is empty while nobody does."""

    who: str
    mine: bool
    silent: bool

    @property
    def open(self) -> bool:
        """Whether a press from this screen is obeyed."""
        return self.mine or self.silent


async def control_of(
    session: AsyncSession, actor: Actor, show: Show, screen: str, now: datetime
) -> Control:
    """Who controls `show`, for the member at `screen`."""
    who = ""
    if show.controller_id is not None:
        who = await session.scalar(select(Member.name).where(Member.id == show.controller_id)) or ""
    mine = _is(show, actor, screen)
    return Control(_named(who, show, actor, screen), mine, _silent(show, now))


async def must_control(
    session: AsyncSession, actor: Actor, show_id: int, screen: str, now: datetime
) -> None:
    """Before a press is obeyed: it comes from the screen that controls the show.

    A show that nobody controls, or whose controller fell silent, is taken by the press itself.
    Locks the show until the caller's transaction ends, so of two who press at once one is
    refused. A show that is not on air is controlled by nobody: what is pressed will say why not.
    Raises NotController, NotFound.
    """
    show = await _lock(session, actor, show_id)
    if show.state != ShowState.LIVE:
        return
    if not _is(show, actor, screen) and not _silent(show, now):
        raise NotController(_named(show.who or "", show, actor, screen))
    await _write(session, actor, show, screen, now)


async def take(
    session: AsyncSession, actor: Actor, show_id: int, screen: str, now: datetime
) -> None:
    """Control a show from this screen from now on, whoever did before. Raises NotFound."""
    await _write(session, actor, await _lock(session, actor, show_id), screen, now)


def is_due(show: Show, now: datetime) -> bool:
    """Whether it is time to note that the controller is still there: not with every look."""
    return show.controller_at is None or show.controller_at <= now - STILL_HERE_EVERY


async def still_here(
    session: AsyncSession, actor: Actor, show_id: int, screen: str, now: datetime
) -> None:
    """The screen that controls the show is still connected; others leave no trace."""
    await session.execute(
        update(Show)
        .where(
            Show.id == show_id,
            Show.controller_id == actor.member_id,
            Show.controller_key == screen,
            Show.controller_at <= now - STILL_HERE_EVERY,
        )
        .values(controller_at=now)
        .execution_options(synchronize_session=False)
    )


async def _lock(session: AsyncSession, actor: Actor, show_id: int) -> _Found:
    query = (
        select(
            Show.id,
            Show.state,
            Show.controller_id,
            Show.controller_key,
            Show.controller_at,
            Member.name.label("who"),
        )
        .outerjoin(Member, Member.id == Show.controller_id)
        .where(Show.id == show_id, Show.station_id == actor.station_id)
        .with_for_update(of=Show)
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise NotFound(f"show {show_id}")
    return found


async def _write(
    session: AsyncSession, actor: Actor, show: _Found, screen: str, now: datetime
) -> None:
    """`show` is controlled from `screen`; the trail tells of it where that is new."""
    same = _is(show, actor, screen)
    await session.execute(
        update(Show)
        .where(Show.id == show.id)
        .values(controller_id=actor.member_id, controller_key=screen, controller_at=now)
        .execution_options(synchronize_session=False)
    )
    if not same:
        before, after = {"controller": show.controller_id}, {"controller": actor.member_id}
        whole = await session.get_one(Show, show.id)
        record(session, actor, "show.control", whole, now, before=before, after=after)


def _is(show: Show | _Found, actor: Actor, screen: str) -> bool:
    return bool(show.controller_id == actor.member_id and show.controller_key == screen)


def _silent(show: Show | _Found, now: datetime) -> bool:
    if show.controller_id is None or show.controller_at is None:
        return True
    return bool(now - show.controller_at > SILENT)


def _named(who: str, show: Show | _Found, actor: Actor, screen: str) -> str:
    """The controller's name; one's own other screen is told apart."""
    other_screen = show.controller_id == actor.member_id and not _is(show, actor, screen)
    return "您的另一块屏" if other_screen else who
