"""What families do with their work: bring it, take a step back, show it, and say nothing for days."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from catalog.models import AuditEntry, Stock, StockMovement
from shop import handovers, making, reminding
from shop.models import (
    DateChange,
    DateChangeState,
    Handover,
    LedgerEntry,
    Notice,
    PieceCard,
    Refund,
    Stage,
    StagePhoto,
    WorkOrder,
    WorkOrderState,
)
from shop.undo import undo_step
from tests.machine.base import NEWEST, Broken, act_as
from tests.machine.desk import BY_WHOM
from tests.machine.promises import Promises
from tests.machine.reckoning import DAY, worked
from tests.pictures import CARVING

LEADS_TO = {
    "accept": WorkOrderState.ACCEPTED,
    "start": WorkOrderState.MAKING,
    "ready": WorkOrderState.READY,
}
COMES_FROM = {
    "accept": (WorkOrderState.NEW,),
    "start": (WorkOrderState.ACCEPTED,),
    "ready": (WorkOrderState.ACCEPTED, WorkOrderState.MAKING),
}
STAMPS = {"accept": "accepted_at", "start": "started_at", "ready": "ready_at"}
CAN_BE_BROUGHT = tuple(LEADS_TO.values())
GIVEN_UP = timedelta(hours=72)
REMINDED = {"remind": timedelta(hours=6), "remind_again": timedelta(hours=18)}


class Families(Promises):
    """The rules of handovers, of steps taken back and of silence (docs/order-desk.md, docs/artisans.md)."""

    @act_as(
        "work_orders accepted",
        "work_orders making",
        "work_orders ready",
        family=st.integers(0, 1),
        many=st.booleans(),
        other=st.sampled_from([None, None, None, 0, 1]),
        miscounted=st.sampled_from([0, 0, 0, 1]),
    )
    async def hand_over(self, family: int, many: bool, other: int | None, miscounted: int) -> None:
        """The latest of a family's work orders that may be brought; with `other`, whichever too."""
        whose = self.families[family].id
        parts = await self._parts()
        theirs = [one for one in parts if one.workshop_id == whose and self._may_be_brought(one)]
        some = theirs[-3 if many else -1 :]
        if other is not None or not some:
            some = [*some, self.pick(parts, other or 0)]
        some = list({one.id: one for one in some}.values())
        right = all(self._may_be_brought(one) and one.workshop_id == whose for one in some)
        before = await self._figures(but=(PieceCard,))
        pieces = sum(line.quantity for one in some for line in one.lines) + miscounted
        await self.only_if(right and not miscounted, self._bring(whose, some, pieces))
        await self._is_as(before, but=(PieceCard,))

    def _may_be_brought(self, part: WorkOrder) -> bool:
        return part.state in CAN_BE_BROUGHT and part.handover_id is None

    async def _bring(self, whose: int, some: Sequence[WorkOrder], pieces: int) -> None:
        ids = [one.id for one in some]
        async with self.writing.begin() as session:
            given = ("王奶奶", pieces, "", "")
            await handovers.hand_over(session, self.desk, whose, ids, *given, self.now)

    @act_as("handovers", n=NEWEST)
    async def undo_handover(self, n: int) -> None:
        """Within a day, while nothing is sent; then the family has finished pieces at home."""
        handover = await self.one(select(Handover).order_by(Handover.id), n)
        parts = [one for one in await self._parts() if one.handover_id == handover.id]
        at_the_station = all(one.state == WorkOrderState.READY for one in parts)
        fresh = self.now < handover.at + DAY
        before = await self._figures()
        await self.only_if(not parts or (fresh and at_the_station), self._take_home(handover))
        await self._is_as(before)
        for one in await self._parts([part.id for part in parts]):
            if one.state != WorkOrderState.READY or one.handover_id is not None:
                raise Broken(f"not finished at home after its handover was taken back: {one.id}")

    async def _take_home(self, handover: Handover) -> None:
        async with self.writing.begin() as session:
            await handovers.undo(session, self.desk, handover.id, self.now)

    @act_as("handovers", n=NEWEST)
    async def send_from_home(self, n: int) -> None:
        """A family sends what it has brought to the station."""
        parts = [one for one in await self._parts() if one.handover_id is not None]
        part = self.pick([one for one in parts if one.state == WorkOrderState.READY], n)
        await self.only_if(False, self.take_step(part, "ship", self._who(part, "family")))

    @act_as(
        "work_orders accepted",
        "work_orders making",
        "work_orders ready",
        n=NEWEST,
        step=st.sampled_from(list(LEADS_TO)),
        who=BY_WHOM,
    )
    async def undo(self, n: int, step: str, who: str) -> None:
        """A step taken back stands as before, when nothing followed; and is refused otherwise."""
        parts = await self._parts()
        there = [one for one in parts if one.state == LEADS_TO[step]]
        part = self.pick(there or parts, n)
        undone = part.state in COMES_FROM[step] and not getattr(part, STAMPS[step])
        may = undone or await self._nothing_followed(part, step)
        before, row = await self._figures(), self._columns(part)
        await self.only_if(may and who != "other family", self._undo(part, step, who))
        await self._is_as(before)
        (now,) = await self._parts([part.id])
        if not undone:
            row["state"], row[STAMPS[step]] = await self._before(part, step), None
        if self._columns(now) != row:
            raise Broken(f"does not stand as before {step}: {self._columns(now)}, not {row}")

    async def _undo(self, part: WorkOrder, step: str, who: str) -> None:
        async with self.writing.begin() as session:
            await undo_step(session, self._who(part, who), part.id, step, self.now)

    async def _before(self, part: WorkOrder, step: str) -> str:
        """Where a work order stood before it took a step last."""
        query = select(AuditEntry).where(
            AuditEntry.subject == "work_orders",
            AuditEntry.subject_id == part.id,
            AuditEntry.action == f"work_order.{step}",
        )
        state: str = (await self.one(query.order_by(AuditEntry.id), 0)).before["state"]
        return state

    async def _nothing_followed(self, part: WorkOrder, step: str) -> bool:
        at = getattr(part, STAMPS[step])
        if part.state != LEADS_TO[step] or self.now >= at + DAY or part.handover_id is not None:
            return False
        stages = select(StagePhoto.id).where(
            StagePhoto.work_order_id == part.id,
            StagePhoto.removed_at.is_(None),
            StagePhoto.created_at >= at,
        )
        given = select(DateChange.id).where(
            DateChange.work_order_id == part.id,
            DateChange.state != DateChangeState.UNDONE,
            DateChange.made_at >= at,
        )
        shown = step != "ready" and await self.found(stages)
        return not shown and not (step == "accept" and await self.found(given))

    @act_as("work_orders accepted", "work_orders making", n=NEWEST, stage=st.sampled_from(Stage))
    async def show_stage(self, n: int, stage: Stage) -> None:
        part = await self._in(CAN_BE_BROUGHT, n)
        count = len(await self.found(select(StagePhoto.id)))
        async with self.writing.begin() as session:
            actor, folder = self._who(part, "family"), f"stage-{count}"
            await making.add_stage_photo(
                session, self.storage, actor, part.id, {"stage": stage}, folder, CARVING, self.now
            )

    @act_as("stages", n=NEWEST)
    async def hide_stage(self, n: int) -> None:
        photo = await self.one(select(StagePhoto).order_by(StagePhoto.id), n)
        (part,) = await self._parts([photo.work_order_id])
        fresh = self.now < photo.created_at + DAY and part.state in CAN_BE_BROUGHT
        await self.only_if(fresh or photo.removed_at is not None, self._hide(photo, part))

    async def _hide(self, photo: StagePhoto, part: WorkOrder) -> None:
        async with self.writing.begin() as session:
            actor = self._who(part, "family")
            await making.take_back_stage_photo(session, actor, photo.id, self.now)

    @act_as("work_orders new", days=st.sampled_from([0, 1, 2, 6]))
    async def say_nothing(self, days: int) -> None:
        """Time goes by; who did not answer is reminded, and declined when six days are over."""
        self.now += days * DAY
        before = [one for one in await self._parts() if one.state == WorkOrderState.NEW]
        await reminding.see_to_unanswered(self.database, self.now)
        for part in await self._parts([one.id for one in before]):
            gone = worked(part.routed_at or self.now, self.now)
            over = gone >= GIVEN_UP
            if part.state != (WorkOrderState.DECLINED if over else WorkOrderState.NEW):
                raise Broken(f"unanswered for {gone}: {part.id} is {part.state}")
            kinds = select(Notice.kind).where(Notice.work_order_id == part.id)
            told = set(await self.found(kinds))
            due = {kind for kind, after in REMINDED.items() if gone >= after}
            if not over and due - told:
                raise Broken(f"unanswered for {gone} and not reminded: {part.id}")

    async def _parts(self, ids: Sequence[int] | None = None) -> list[WorkOrder]:
        """All work orders, or some, with their lines, oldest first."""
        query = select(WorkOrder).options(selectinload(WorkOrder.lines)).order_by(WorkOrder.id)
        return await self.found(query if ids is None else query.where(WorkOrder.id.in_(ids)))

    def _columns(self, part: WorkOrder) -> dict[str, Any]:
        return {name: getattr(part, name) for name in WorkOrder.__table__.columns.keys()}  # noqa: SIM118

    async def _figures(self, *, but: Sequence[type[Any]] = ()) -> dict[str, Any]:
        """Stock, and how much there is of what people are told and paid."""
        counted = (StockMovement, Refund, LedgerEntry, Notice, PieceCard)
        async with self.database.reading() as session:
            query = select(Stock.product_id, Stock.on_hand, Stock.held)
            figures: dict[str, Any] = {"stock": (await session.execute(query)).all()}
            for row in (one for one in counted if one not in but):
                figures[row.__name__] = await session.scalar(select(func.count()).select_from(row))
        return figures

    async def _is_as(self, before: dict[str, Any], *, but: Sequence[type[Any]] = ()) -> None:
        if (now := await self._figures(but=but)) != before:
            raise Broken(f"{before} has become {now}")
