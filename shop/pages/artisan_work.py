"""What a family has to make, on its phone: one work order at a time, one question a screen."""

from datetime import date, datetime

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ARTISANS, Actor, allow
from catalog.answers import page
from catalog.errors import NotFound, Refusal
from catalog.models import Kind
from catalog.photos import SENTENCES
from media import voices
from media.storage import NoSuchFile, Storage
from shop import dates, making, undo, work_orders
from shop.models import Evidence, WorkOrder, WorkOrderState
from shop.web.problems import STATUSES

MOST_ON_THE_WAY = 10
# Browsers play all that is recorded but this.
_PLAYED = voices.ENDINGS.keys() - {"audio/amr"}
WORK_ORDER = "/workshop/work-orders/{work_order_id:int}"

_S = WorkOrderState
_IN_HAND = (_S.NEW, _S.ACCEPTED, _S.MAKING, _S.READY)


@get("/workshop", opt=allow(ARTISANS), include_in_schema=False)
async def work(session: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> Template:
    """What waits for the family: new work first, then what was promised earliest."""
    in_hand = await work_orders.list_work_orders(session, actor, states=_IN_HAND)
    on_the_way = await work_orders.list_work_orders(
        session, actor, states=(_S.SHIPPED,), most=MOST_ON_THE_WAY
    )
    return page(
        "shop/artisan_work.html",
        work_orders=sorted(in_hand, key=_urgency),
        new=sum(work_order.state == _S.NEW for work_order in in_hand),
        on_the_way=on_the_way,
        made=is_made,
    )


def _urgency(work_order: WorkOrder) -> tuple[bool, date, int]:
    return (work_order.state != _S.NEW, work_order.promised_on or date.min, work_order.id)


def is_made(work_order: WorkOrder) -> bool:
    """Whether anything in it is carved first; the rest is there and only packed."""
    return any(line.product.kind == Kind.MADE_TO_ORDER for line in work_order.lines)


@get(WORK_ORDER, opt=allow(ARTISANS), include_in_schema=False)
async def show(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """The one question that this work order asks now."""
    return await work_order_page(session, actor, work_order_id, now)


async def work_order_page(
    session: AsyncSession,
    actor: Actor,
    work_order_id: int,
    now: datetime,
    refused: Refusal | None = None,
) -> Template:
    """The page as it stands now, with why something could not be done."""
    work_order = await work_orders.work_order_for(session, actor, work_order_id)
    stages = (await making.stages_of(session, [work_order_id])).get(work_order_id, [])
    changes = await dates.changes_of(session, [work_order_id])
    question = dates.question_of(changes, work_order)
    return page(
        "shop/artisan_work_order.html",
        status=STATUSES[type(refused)] if refused else 200,
        errors={"": refused.text} if refused else {},
        work_order=work_order,
        made=is_made(work_order),
        undo=await undo.step_to_undo(session, work_order, now),
        question=question,
        date_undo=question is not None and dates.may_undo(question, work_order, now),
        stages=[(photo, making.may_take_back(photo, work_order, now)) for photo in stages],
        stage_names=making.STAGES,
        sentences=SENTENCES,
        recording=await _recording(session, work_order_id) is not None,
    )


@get(f"{WORK_ORDER}/recording", opt=allow(ARTISANS), include_in_schema=False)
async def recording(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    storage: NamedDependency[Storage],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """What staff recorded about this work order, for the family to hear."""
    await work_orders.work_order_for(session, actor, work_order_id)
    found = await _recording(session, work_order_id)
    if found is None:
        raise NotFound(f"recording of {work_order_id}")
    try:
        data = await storage.get(found.file_key)
    except NoSuchFile as error:
        raise NotFound(f"recording of {work_order_id}") from error
    headers = {"Cache-Control": "private, no-store"}
    return Response(data, media_type=found.file_type, headers=headers)


async def _recording(session: AsyncSession, work_order_id: int) -> Evidence | None:
    """The newest voice recording among the evidence of a work order."""
    query = select(Evidence).where(
        Evidence.work_order_id == work_order_id, Evidence.file_type.in_(_PLAYED)
    )
    return await session.scalar(query.order_by(Evidence.id.desc()).limit(1))


ROUTES: list[ControllerRouterHandler] = [work, show, recording]
