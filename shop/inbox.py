"""The desk's one inbox: troubles, buyers' requests, calls to make, products that wait for a look.

Each source keeps its own rows and its own steps; here they stand in one list, with the same facts
of each. `docs/order-desk.md` has the rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from catalog import reviews
from catalog.access import CATALOG_EDITORS, TROUBLE_DESK, WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.models import ProductReview
from catalog.own import own
from catalog.reviews import Asked
from shop import calls, requests, troubles
from shop.calls import Call
from shop.models import BuyerRequest, RequestKind, RequestState, Trouble, WorkOrder
from shop.troubles import ABOUT, TroubleKind

REQUEST, CALL, REVIEW = "request", "call", "review"

TITLES = {REQUEST: "买家申请", CALL: "要打的电话", REVIEW: "作品等看"}
"""The kinds that are no troubles."""

_PLACES = {
    "product": ("作品", "/desk/products/"),
    "work_order": ("工单", "/desk/work-orders/"),
    "show": ("场次", "/desk/shows/"),
    "workshop": ("作坊", "/desk/workshops/"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to see to. `link` opens it, `take` is where to say that one does, "" for nowhere.

    `about` are words and address of what it is about, where that has a page of its own.
    """

    kind: str
    title: str
    text: str
    since: datetime
    next_step: str
    link: str
    take: str = ""
    owner_id: int | None = None
    owner: str = ""
    urgent: bool = False
    about: tuple[str, str] | None = None


async def list_inbox(session: AsyncSession, actor: Actor, now: datetime) -> list[Line]:
    """What the actor may act upon: what costs something while it waits first, then the oldest."""
    actor.must_be(TROUBLE_DESK)
    names = {member.id: member.name for member in await troubles.owners(session, actor.station_id)}
    rows = await troubles.list_open(session, actor.station_id)
    found = [of_trouble(row, names) for row in rows]
    if actor.role in WORK_ORDER_DESK:
        asked = await requests.list_requests(session, actor.station_id)
        found += [_of_request(row, names) for row in asked]
        found += [_of_call(call) for call in await calls.open_calls(session, actor, now)]
    if actor.role in CATALOG_EDITORS:
        waiting = await reviews.list_asked(session, actor.station_id)
        found += [_of_review(row, names) for row in waiting]
    return sorted(found, key=lambda line: (not line.urgent, line.since))


async def take(
    session: AsyncSession,
    actor: Actor,
    model: type[BuyerRequest] | type[ProductReview],
    row_id: int,
    now: datetime,
) -> None:
    """Say that one sees to a request or a review oneself, also where another meant to.

    Its row is locked. Raises NotFound.
    """
    row = await own(session, actor, model, row_id, lock=True)
    if row.owner_id != actor.member_id:
        before, row.owner_id = row.owner_id, actor.member_id
        told = {"owner": actor.member_id}
        record(session, actor, "inbox.take", row, now, before={"owner": before}, after=told)


async def count_inbox(session: AsyncSession, actor: Actor, now: datetime) -> int:
    """How many lines `list_inbox` has."""
    actor.must_be(TROUBLE_DESK)
    station_id = actor.station_id
    found = await troubles.count_open(session, station_id)
    if actor.role in WORK_ORDER_DESK:
        found += await requests.count_requests(session, station_id)
        found += await calls.count_calls(session, actor, now)
    if actor.role in CATALOG_EDITORS:
        found += await reviews.count_asked(session, station_id)
    return found


def of_trouble(row: Trouble, names: Mapping[int, str]) -> Line:
    """A trouble with its order, as a line."""
    about = ABOUT[TroubleKind(row.kind)]
    return Line(
        kind=row.kind,
        title=about.title,
        text=row.text,
        since=row.opened_at,
        next_step=about.next_step,
        link=f"/desk/troubles/{row.id}",
        take="" if row.owner_id else f"/desk/troubles/{row.id}/take",
        owner_id=row.owner_id,
        owner=names.get(row.owner_id or 0, ""),
        urgent=about.urgent,
        about=_about(row),
    )


def _about(row: Trouble) -> tuple[str, str] | None:
    if row.order is not None:
        return f"订单 {row.order.code}", f"/desk/orders/{row.order.code}"
    table, _, row_id = row.subject.partition(":")
    if table not in _PLACES:
        return None
    word, path = _PLACES[table]
    return f"{word} {row_id}", f"{path}{row_id}"


def _of_request(row: BuyerRequest, names: Mapping[int, str]) -> Line:
    wants = "想取消" if row.kind == RequestKind.CANCEL else "想退货"
    agreed = row.state == RequestState.AGREED
    return Line(
        kind=REQUEST,
        title=TITLES[REQUEST],
        text=f"{row.order.buyer_name}{wants}：{_what(row.work_order)}{f'（{row.reason}）' if row.reason else ''}",
        since=row.asked_at,
        next_step="东西寄回来了，就记收到。" if agreed else "同意还是不同意，答复买家。",
        link=f"/desk/requests/{row.id}",
        take="" if row.owner_id else f"/desk/requests/{row.id}/take",
        owner_id=row.owner_id,
        owner=names.get(row.owner_id or 0, ""),
        urgent=not agreed,
        about=(f"订单 {row.order.code}", f"/desk/orders/{row.order.code}"),
    )


def _of_call(call: Call) -> Line:
    notice, work_order = call.notice, call.work_order
    whom = call.workshop.name if call.workshop else "买家" if notice.phone else "站里"
    about = (f"订单 {call.order_code}", f"/desk/orders/{call.order_code}")
    return Line(
        kind=CALL,
        title=TITLES[CALL],
        text=f"{whom}没有答复：{_what(work_order)}" if work_order else f"{whom}：{notice.text}",
        since=notice.created_at,
        next_step="打电话问一声：接，还是接不了。" if work_order else "打电话说一声。",
        link=f"/desk/calls?call={notice.id}",
        take="" if notice.owner_id else f"/desk/notices/{notice.id}/take",
        owner_id=notice.owner_id,
        owner=call.owner,
        urgent=call.urgent,
        about=about if call.order_code else None,
    )


def _what(work_order: WorkOrder) -> str:
    return "、".join(f"{line.name} ×{line.quantity}" for line in work_order.lines)


def _of_review(row: Asked, names: Mapping[int, str]) -> Line:
    owner_id = row.review.owner_id
    return Line(
        kind=REVIEW,
        title=TITLES[REVIEW],
        text=f"{row.product.workshop.name}的“{row.product.name}”等第二个人看",
        since=row.review.asked_at,
        next_step=f"对着几条看一遍，能卖就放行（{row.asker}交上来的）。",
        link=f"/desk/reviews/{row.review.id}",
        take="" if owner_id else f"/desk/reviews/{row.review.id}/take",
        owner_id=owner_id,
        owner=names.get(owner_id or 0, ""),
        about=("作品", f"/desk/products/{row.product.id}"),
    )
