"""Helping hands: what a show asks for, who signs up, and the minutes that staff confirm afterwards.

Whatever changes here happens under the show's row, so that nobody signs up for a place that was
taken, or taken away, in the same moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, joinedload

from catalog.access import SHOW_EDITORS, Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.errors import NotAllowed, NotFound
from catalog.models import Member
from catalog.own import own
from catalog.spans import Span
from live.errors import NoPlaceLeft, WrongShowState
from live.models import Show, ShowRole, ShowState, SignUp
from live.shows import OPEN

ROLE_NAMES = {
    "camera": "摄像",
    "packing": "打包",
    "runner": "跑腿",
    "moderator": "场控",
    "other": "其他",
}
MOST_WANTED = 20
# Half a day on air, and what comes before and after it.
MOST_MINUTES = 24 * 60
MOST_ROWS = 5000

_BEFORE_IT_STARTS = (ShowState.DRAFT, ShowState.READY)


@dataclass(frozen=True, slots=True)
class Help:
    """One role of a show: how many are wanted, and who has signed up, the first one first."""

    role: str
    wanted: int
    sign_ups: tuple[SignUp, ...]

    @property
    def name(self) -> str:
        return ROLE_NAMES[self.role]

    @property
    def missing(self) -> int:
        return self.wanted - len(self.sign_ups)


@dataclass(frozen=True, slots=True)
class Called:
    """A show that asks for hands, and what the member who asks has signed up for in it."""

    show: Show
    help: list[Help]
    mine: SignUp | None


@dataclass(frozen=True, slots=True)
class Hours:
    """A time somebody helped, and what staff confirmed of it."""

    member: Member
    show: Show
    role: str
    minutes: int
    confirmed_by: str
    confirmed_at: datetime

    @property
    def role_name(self) -> str:
        return ROLE_NAMES[self.role]


async def set_roles(
    session: AsyncSession, actor: Actor, show_id: int, wanted: Mapping[str, object], now: datetime
) -> None:
    """Ask for so many hands in each role; a role that is not given, or 0, asks for none.

    Raises Invalid for a number that is none or less than have signed up, WrongShowState once
    the show has ended.
    """
    show = await own(session, actor, Show, show_id, lock=True)
    if show.state not in OPEN:
        raise WrongShowState("这一场已经结束，不再要人手。")
    before = {one.role: one for one in await help_at(session, show.id)}
    check = Check()
    numbers = {role: _read_wanted(check, role, wanted.get(role), before) for role in ROLE_NAMES}
    check.done()
    rows = {row.role: row for row in await _roles(session, show.id)}
    for role, number in numbers.items():
        if number == 0 and role in rows:
            # Only those who cancelled are left; the audit trail knows them.
            await session.execute(delete(SignUp).where(SignUp.show_role_id == rows[role].id))
            await session.delete(rows[role])
        elif number and role in rows:
            rows[role].wanted = number
        elif number:
            row = ShowRole(station_id=show.station_id, show_id=show.id, role=role, wanted=number)
            session.add(row)
    await session.flush()
    record(
        session,
        actor,
        "show.roles",
        show,
        now,
        before={role: one.wanted for role, one in before.items()},
        after={role: number for role, number in numbers.items() if number},
    )


def _read_wanted(check: Check, role: str, value: object, before: Mapping[str, Help]) -> int:
    name = ROLE_NAMES[role]
    number = check.integer(role, value or 0, f"{name}的人数", least=0, most=MOST_WANTED)
    signed_up = len(before[role].sign_ups) if role in before else 0
    if number < signed_up:
        check.fault(role, f"{name}已经有 {signed_up} 人报名，不能少于这个数。")
    return number


async def sign_up(
    session: AsyncSession, actor: Actor, show_id: int, role: str, now: datetime
) -> SignUp:
    """Take a place in a role of a show that has not started. Repeating changes nothing.

    One role in a show for each. Raises NoPlaceLeft, WrongShowState, NotFound for a role that
    the show does not ask for.
    """
    show = await own(session, actor, Show, show_id, lock=True)
    if not is_open(show, now):
        raise WrongShowState("这一场已经开始，不能再报名。")
    wanted = await session.scalar(
        select(ShowRole).where(ShowRole.show_id == show.id, ShowRole.role == role)
    )
    if wanted is None:
        raise NotFound(f"role {role[:40]} of show {show.id}")
    mine = await _of(session, show.id, actor.member_id)
    if mine is not None and mine.show_role_id == wanted.id:
        return mine
    if mine is not None:
        raise WrongShowState(
            f"您已经报了这一场的{ROLE_NAMES[mine.show_role.role]}。想换的话，先取消。"
        )
    taken = select(func.count()).select_from(SignUp)
    taken = taken.where(SignUp.show_role_id == wanted.id, SignUp.cancelled_at.is_(None))
    if (await session.scalar(taken) or 0) >= wanted.wanted:
        raise NoPlaceLeft(ROLE_NAMES[role])
    mine = await _take(session, actor, wanted, now)
    record(session, actor, "sign_up.make", mine, now, after={"show_id": show.id, "role": role})
    return mine


async def _take(session: AsyncSession, actor: Actor, wanted: ShowRole, now: datetime) -> SignUp:
    """A new row, or the one of somebody who had cancelled and comes back."""
    row = await session.scalar(
        select(SignUp).where(SignUp.show_role_id == wanted.id, SignUp.member_id == actor.member_id)
    )
    if row is None:
        row = SignUp(
            station_id=wanted.station_id, show_role_id=wanted.id, member_id=actor.member_id
        )
        session.add(row)
    row.signed_up_at, row.cancelled_at = now, None
    await session.flush()
    return row


async def cancel(session: AsyncSession, actor: Actor, sign_up_id: int, now: datetime) -> SignUp:
    """Give the place back before the show starts: one's own, or anybody's for those who plan.

    Repeating changes nothing. Raises WrongShowState, NotAllowed, NotFound.
    """
    role = joinedload(SignUp.show_role)
    row = await own(session, actor, SignUp, sign_up_id, role)
    if row.member_id != actor.member_id and actor.role not in SHOW_EDITORS:
        raise NotAllowed(f"sign-up {sign_up_id} is not the member's own")
    show = await own(session, actor, Show, row.show_role.show_id, lock=True)
    if not is_open(show, now):
        raise WrongShowState("这一场已经开始，不能再取消。没有来的话，请告诉站里。")
    await session.refresh(row, ["cancelled_at"])
    if row.cancelled_at is None:
        row.cancelled_at = now
        after = {"show_id": show.id, "role": row.show_role.role, "member_id": row.member_id}
        record(session, actor, "sign_up.cancel", row, now, after=after)
    return row


async def confirm(
    session: AsyncSession, actor: Actor, show_id: int, typed: Mapping[int, object], now: datetime
) -> None:
    """Write down how many minutes each helped, by sign-up; empty takes a word back.

    Raises Invalid with a fault for each `minutes-{id}`, WrongShowState before the show is over.
    """
    show = await own(session, actor, Show, show_id, lock=True)
    if not is_over(show, now):
        raise WrongShowState("这一场还没有结束，结束以后再确认时长。")
    check = Check()
    rows = [row for one in await help_at(session, show.id) for row in one.sign_ups]
    minutes = {row.id: _read_minutes(check, row.id, typed.get(row.id)) for row in rows}
    check.done()
    for row in rows:
        if row.id not in typed or row.minutes == minutes[row.id]:
            continue
        before, row.minutes = row.minutes, minutes[row.id]
        said = row.minutes is not None
        row.confirmed_by, row.confirmed_at = (actor.member_id, now) if said else (None, None)
        record(
            session,
            actor,
            "sign_up.confirm",
            row,
            now,
            before={"minutes": before},
            after={"minutes": row.minutes, "member_id": row.member_id, "show_id": show.id},
        )


def _read_minutes(check: Check, sign_up_id: int, value: object) -> int | None:
    if value is None or not str(value).strip():
        return None
    return check.integer(f"minutes-{sign_up_id}", value, "分钟数", least=0, most=MOST_MINUTES)


def is_open(show: Show, now: datetime) -> bool:
    """Whether one may sign up and cancel: until the show starts, late as it may be."""
    return show.state in _BEFORE_IT_STARTS and now < show.ends_at


def is_over(show: Show, now: datetime) -> bool:
    """Whether minutes may be confirmed: the show has ended, or should have."""
    return show.state not in OPEN or (show.state in _BEFORE_IT_STARTS and now >= show.ends_at)


def length_of(show: Show) -> int:
    """The minutes that a show took, or was to take: what most will have helped."""
    start, end = show.started_at or show.starts_at, show.ended_at or show.ends_at
    return max(round((end - start).total_seconds() / 60), 0)


async def help_at(session: AsyncSession, show_id: int) -> list[Help]:
    """What a show asks for, in the order of `ROLE_NAMES`, with those who have signed up."""
    return (await _help(session, [show_id])).get(show_id, [])


async def called_for(session: AsyncSession, actor: Actor, now: datetime) -> list[Called]:
    """The shows that have not started and ask for hands, the next one first."""
    asks = select(ShowRole.show_id).where(ShowRole.station_id == actor.station_id)
    query = (
        select(Show)
        .where(Show.id.in_(asks), Show.state.in_(_BEFORE_IT_STARTS), Show.ends_at > now)
        .options(joinedload(Show.host))
        .order_by(Show.starts_at, Show.id)
        .limit(50)
    )
    shows = list(await session.scalars(query))
    help_of = await _help(session, [show.id for show in shows])
    return [Called(show, help_of[show.id], own_sign_up(help_of[show.id], actor)) for show in shows]


def own_sign_up(wanted: Sequence[Help], actor: Actor) -> SignUp | None:
    """What the actor has signed up for."""
    rows = (row for one in wanted for row in one.sign_ups)
    return next((row for row in rows if row.member_id == actor.member_id), None)


async def unconfirmed(session: AsyncSession, station_id: int, now: datetime) -> list[Show]:
    """The shows that are over and have helpers nobody has confirmed minutes of, oldest first."""
    waiting = (
        select(ShowRole.show_id)
        .join(SignUp, SignUp.show_role_id == ShowRole.id)
        .where(
            SignUp.station_id == station_id,
            SignUp.cancelled_at.is_(None),
            SignUp.minutes.is_(None),
        )
    )
    query = select(Show).where(Show.id.in_(waiting)).order_by(Show.starts_at, Show.id).limit(50)
    query = query.where(Show.state.not_in(OPEN) | (Show.ends_at <= now))
    return [show for show in await session.scalars(query) if is_over(show, now)]


async def hours(
    session: AsyncSession, station_id: int, span: Span, member_id: int | None = None
) -> list[Hours]:
    """The confirmed minutes of shows that began in these days, of all or of one; oldest first."""
    confirmer = aliased(Member)
    query = (
        select(SignUp, Member, Show, ShowRole.role, confirmer.name)
        .join(ShowRole, ShowRole.id == SignUp.show_role_id)
        .join(Show, Show.id == ShowRole.show_id)
        .join(Member, Member.id == SignUp.member_id)
        .join(confirmer, confirmer.id == SignUp.confirmed_by)
        .where(
            SignUp.station_id == station_id,
            SignUp.minutes.is_not(None),
            SignUp.cancelled_at.is_(None),
            Show.starts_at >= span.starts_at,
            Show.starts_at < span.ends_at,
        )
        .order_by(Show.starts_at, Show.id, SignUp.id)
        .limit(MOST_ROWS)
    )
    if member_id is not None:
        query = query.where(SignUp.member_id == member_id)
    return [
        _told(row, member, show, role, by)
        for row, member, show, role, by in await session.execute(query)
    ]


def _told(row: SignUp, member: Member, show: Show, role: str, by: str) -> Hours:
    # Minutes never stand without the time at which somebody confirmed them.
    assert row.minutes is not None
    assert row.confirmed_at is not None
    return Hours(member, show, role, row.minutes, by, row.confirmed_at)


def by_member(found: Sequence[Hours]) -> list[tuple[Member, int, int]]:
    """Each who helped: how often and how many minutes, the most first."""
    sums: dict[int, tuple[Member, int, int]] = {}
    for one in found:
        _, times, minutes = sums.get(one.member.id, (one.member, 0, 0))
        sums[one.member.id] = (one.member, times + 1, minutes + one.minutes)
    return sorted(sums.values(), key=lambda each: (-each[2], each[0].id))


def duration(minutes: int) -> str:
    """Minutes as people say them: 150 -> "2 小时 30 分钟"."""
    whole, rest = divmod(minutes, 60)
    parts = [f"{whole} 小时"] if whole else []
    return " ".join([*parts, f"{rest} 分钟"] if rest or not whole else parts)


async def _roles(session: AsyncSession, show_id: int) -> list[ShowRole]:
    return list(await session.scalars(select(ShowRole).where(ShowRole.show_id == show_id)))


def _sign_ups() -> Select[SignUp]:
    return (
        select(SignUp)
        .join(SignUp.show_role)
        .where(SignUp.cancelled_at.is_(None))
        .options(joinedload(SignUp.member), joinedload(SignUp.show_role))
        .order_by(SignUp.signed_up_at, SignUp.id)
    )


async def _of(session: AsyncSession, show_id: int, member_id: int) -> SignUp | None:
    query = _sign_ups().where(ShowRole.show_id == show_id, SignUp.member_id == member_id)
    return (await session.scalars(query)).first()


async def _help(session: AsyncSession, show_ids: Sequence[int]) -> dict[int, list[Help]]:
    roles = await session.scalars(select(ShowRole).where(ShowRole.show_id.in_(show_ids)))
    rows = list(await session.scalars(_sign_ups().where(ShowRole.show_id.in_(show_ids))))
    found: dict[int, list[Help]] = {}
    order = list(ROLE_NAMES)
    for role in sorted(roles, key=lambda role: order.index(role.role)):
        signed_up = tuple(row for row in rows if row.show_role_id == role.id)
        found.setdefault(role.show_id, []).append(Help(role.role, role.wanted, signed_up))
    return found
