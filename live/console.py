"""What the host's console shows, put together for one screen. `docs/console.md` says how it works."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import CATALOG_EDITORS, ON_AIR, SHOW_EDITORS, Actor
from catalog.checks import BEIJING
from catalog.facts import OnAir, told_on_air
from catalog.models import FamilyFact, Kind, Maker
from live import announcements
from live.board import Board, BoardItem
from live.control import Control, control_of
from live.links import links_of_show
from live.marks import UNDO_WITHIN
from live.models import (
    Announcement,
    LineUpItem,
    Link,
    Overlay,
    Placement,
    Policy,
    Show,
    ShowState,
)
from live.on_air import REOPEN_WITHIN, may_reopen
from live.overlays import overlays_of
from live.pace import Aired, Pace, aired, clock, pace
from live.shows import show_for
from live.spoken import day_to_say

SOON = timedelta(minutes=3)
"""A hold that nobody has paid for is worth a word of the host when it ends so soon."""
MOST_KEYS = 9


@dataclass(frozen=True, slots=True)
class Seat:
    """One line-up item as the console shows it. `mark` is over, now, next or empty."""

    item: LineUpItem
    figures: BoardItem
    key: str | None
    mark: str

    @property
    def gone(self) -> bool:
        """Whether nothing of it is to be had, and nobody is about to pay for it."""
        return self.figures.sold_out or (self.figures.free == 0 and not self.figures.holds)

    @property
    def stocked(self) -> bool:
        """Whether there are finished pieces of it, which a market could sell."""
        return self.item.product.kind != Kind.MADE_TO_ORDER


@dataclass(frozen=True, slots=True)
class Console:
    """Everything that the console shows to `actor` at `at`.

    `family` is what may be told on air of those who make what is shown, `day_to_say` by when it
    would be made, where it is made to order.
    """

    show: Show
    board: Board
    at: datetime
    seats: list[Seat]
    now: Seat | None
    before: Seat | None
    next: Seat | None
    link: Link | None
    family: OnAir | None
    day_to_say: str
    control: Control
    pace: Pace | None
    unread: list[Announcement]
    read: list[Announcement]
    overlays: list[Overlay]
    actor: Actor

    @property
    def on_air(self) -> bool:
        return self.board.state == ShowState.LIVE

    @property
    def may_press(self) -> bool:
        """Whether the member may steer a show at all."""
        return self.actor.role in ON_AIR

    @property
    def may_switch(self) -> bool:
        """Whether what is pressed on this screen steers the show."""
        return self.on_air and self.may_press and self.control.open

    @property
    def may_edit(self) -> bool:
        return self.actor.role in SHOW_EDITORS

    @property
    def may_sell(self) -> bool:
        """Whether the member may say that pieces were sold elsewhere."""
        return self.actor.role in CATALOG_EDITORS

    @property
    def may_reopen(self) -> bool:
        return self.may_edit and may_reopen(self.show, self.at)

    @property
    def reopen_until(self) -> datetime | None:
        return self.show.ended_at + REOPEN_WITHIN if self.show.ended_at else None

    @property
    def shown(self) -> Seat | None:
        """What stands in the middle: what is on, and before the show what will be first."""
        return _shown(self.show, self.now, self.seats)

    @property
    def soon(self) -> list[Seat]:
        """What somebody holds and has not paid for, and will not hold for long; the first first."""
        if self.board.paused:
            return []
        ending = [
            (seat.figures.held_until, n, seat)
            for n, seat in enumerate(self.seats)
            if seat.figures.held_until and self.at < seat.figures.held_until <= self.at + SOON
        ]
        return [seat for _, _, seat in sorted(ending, key=lambda one: one[:2])]

    @property
    def undo_until(self) -> datetime | None:
        """Until when the mark of what is on is undone at a touch; None when there is none."""
        marked = self.now.item.sold_out_at if self.now else None
        if marked is None or self.at >= marked + UNDO_WITHIN:
            return None
        return marked + UNDO_WITHIN

    @property
    def clock(self) -> str:
        """The time in Beijing, to the second."""
        return f"{self.at.astimezone(BEIJING):%H:%M:%S}"

    def left(self, until: datetime) -> str:
        """ "2:41"."""
        return clock(until - self.at)


async def console(
    session: AsyncSession, actor: Actor, latest: Board, screen: str, now: datetime
) -> Console:
    """The console of a show for the member at `screen`. Raises NotFound."""
    show = await show_for(session, actor, latest.show)
    shown = await aired(session, show.id)
    seats = _seats(show, latest, shown)
    at = next((n for n, seat in enumerate(seats) if seat.mark == "now"), -1)
    current = seats[at] if at >= 0 else None
    in_sight = _shown(show, current, seats)
    unread, read = await announcements.feed(session, show.id)
    overlays = await overlays_of(session, show.station_id)
    return Console(
        show=show,
        board=latest,
        at=now,
        seats=seats,
        now=current,
        before=seats[at - 1] if at > 0 else None,
        next=next((seat for seat in seats if seat.mark == "next"), None),
        link=await _link(session, show, current),
        family=await told_on_air(session, in_sight.item.product.workshop_id) if in_sight else None,
        day_to_say=await day_to_say(session, in_sight.item.product, now) if in_sight else "",
        control=await control_of(session, actor, show, screen, now),
        pace=pace({item.id: item.minutes for item in show.items}, shown, now),
        unread=unread,
        read=read,
        overlays=[o for o in overlays if not show.channels or o.channel in show.channels],
        actor=actor,
    )


def _shown(show: Show, now: Seat | None, seats: Sequence[Seat]) -> Seat | None:
    if now is not None or show.started_at is not None:
        return now
    return seats[0] if seats else None


def _seats(show: Show, latest: Board, shown: Sequence[Aired]) -> list[Seat]:
    figures = {item.id: item for item in latest.items}
    items = [item for item in show.items if item.id in figures]
    over = {airing.item_id for airing in shown if airing.ended_at is not None}
    marks = dict.fromkeys(over, "over")
    if latest.next is not None and latest.now is not None:
        marks[latest.next] = "next"
    if latest.now is not None:
        marks[latest.now] = "now"
    return [
        Seat(
            item,
            figures[item.id],
            str(n + 1) if n < MOST_KEYS else None,
            marks.get(item.id, ""),
        )
        for n, item in enumerate(items)
    ]


async def _link(session: AsyncSession, show: Show, now: Seat | None) -> Link | None:
    """The code on the screen for the piece that is shown."""
    links = await links_of_show(session, show.id)
    product_id = now.item.product_id if now else None
    wanted = Placement.OVERLAY if now else Placement.CARD
    found = [link for link in links if link.product_id == product_id and link.placement == wanted]
    return found[0] if found else None


async def traces(session: AsyncSession, show_id: int) -> Row[*tuple[Any, ...]] | None:
    """What changes on a console beside the board: a screen looks again when this is another.

    One query: who controls, the last mark, what was sold, what was read out, the policies, and
    what families agree to have told: a yes that is taken back is off the screens a second later.
    """
    of_show = Announcement.show_id == show_id
    marks = select(func.max(LineUpItem.sold_out_at)).where(LineUpItem.show_id == show_id)
    policy = case({Policy.QR: 1, Policy.PRICE: 2}, value=Overlay.policy, else_=3)
    policies = select(func.sum(Overlay.id * policy)).where(
        Overlay.station_id == Show.station_id, Overlay.revoked_at.is_(None)
    )
    facts = select(func.sum(FamilyFact.id)).where(
        FamilyFact.station_id == Show.station_id, FamilyFact.on_air, FamilyFact.removed_at.is_(None)
    )
    names = select(func.sum(Maker.id)).where(Maker.station_id == Show.station_id, Maker.on_air)
    query = select(
        Show.controller_id,
        Show.controller_key,
        Show.ended_at,
        marks.scalar_subquery(),
        select(func.max(Announcement.id)).where(of_show).scalar_subquery(),
        select(func.count(Announcement.read_at)).where(of_show).scalar_subquery(),
        select(func.max(Announcement.read_at)).where(of_show).scalar_subquery(),
        policies.correlate(Show).scalar_subquery(),
        facts.correlate(Show).scalar_subquery(),
        names.correlate(Show).scalar_subquery(),
    ).where(Show.id == show_id)
    return (await session.execute(query)).one_or_none()
