"""A family gives another day on its phone: which day, then why."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ARTISANS, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import BEIJING, Check
from catalog.errors import Invalid, NotTakenBack
from catalog.forms import read_form
from catalog.words import spoken_date
from shop import dates
from shop.errors import WrongWorkOrderState
from shop.models import WorkOrder, WorkOrderState
from shop.pages.artisan_steps import OTHER_REASON, read_why
from shop.pages.artisan_work import WORK_ORDER, work_order_page
from shop.work_orders import work_order_for

LATER = (3, 7, 14)
"""By how many days the big buttons move a promised day."""

_S = WorkOrderState
_DATED = (_S.NEW, _S.ACCEPTED, _S.MAKING)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The form as it stands: a day once one is chosen, what was typed, what is wrong with it."""

    day: date | None = None
    other: str = ""
    errors: dict[str, str] | None = None


@get(f"{WORK_ORDER}/date", opt=allow(ARTISANS), include_in_schema=False)
async def date_page(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    on: FromQuery[str | None] = None,
) -> Template | Redirect:
    """Which day; or why, once a day is chosen."""
    work_order = await work_order_for(session, actor, work_order_id)
    if work_order.state not in _DATED:
        return see_other(f"/workshop/work-orders/{work_order_id}")
    try:
        day = None if on is None else _day(on, work_order, now)
    except Invalid as error:
        return _page(work_order, now, _Asked(errors=error.errors))
    return _page(work_order, now, _Asked(day))


def _day(typed: str, work_order: WorkOrder, now: datetime) -> date:
    """A day that may be promised instead. Raises Invalid."""
    check = Check()
    try:
        day = date.fromisoformat(typed.strip())
    except ValueError as error:
        raise Invalid({"on": "请挑一个日子。"}) from error
    today = now.astimezone(BEIJING).date()
    if not today <= day <= today + dates.FARTHEST:
        check.fault("on", "要从今天起，一年以内的日子。")
    elif day == work_order.promised_on:
        check.fault("on", "现在答应的就是这一天。")
    check.done()
    return day


def _page(work_order: WorkOrder, now: datetime, asked: _Asked) -> Template:
    today = now.astimezone(BEIJING).date()
    begin = max(work_order.promised_on or today, today)
    return page(
        "shop/artisan_date_why.html" if asked.day else "shop/artisan_date.html",
        status=422 if asked.errors else 200,
        work_order=work_order,
        later=[(days, begin + timedelta(days=days)) for days in LATER],
        today=today,
        farthest=today + dates.FARTHEST,
        day=asked.day,
        other=asked.other,
        other_reason=OTHER_REASON,
        errors=asked.errors or {},
    )


@post(f"{WORK_ORDER}/date", opt=allow(ARTISANS), include_in_schema=False)
async def give_date(
    work_order_id: FromPath[int],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The work is taken for that day, or work in hand promised for it; the buyer is asked."""
    typed = await read_form(request)
    work_order = await work_order_for(session, actor, work_order_id)
    day = None
    try:
        day = _day(typed.get("on", ""), work_order, now)
        why = read_why(typed)
        async with session.begin_nested():
            if work_order.state == _S.NEW:
                await dates.accept_with_date(session, actor, work_order_id, day, why, now)
            else:
                await dates.change_date(session, actor, work_order_id, day, why, now)
    except Invalid as error:
        return _page(work_order, now, _Asked(day, typed.get("other", ""), error.errors))
    except WrongWorkOrderState as error:
        return await work_order_page(session, actor, work_order_id, now, error)
    return see_other(
        f"/workshop/work-orders/{work_order_id}",
        f"好，{spoken_date(day)}前做好。我们去告诉买家。",
    )


@post("/workshop/dates/{change_id:int}/undo", opt=allow(ARTISANS), include_in_schema=False)
async def take_back(
    change_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """The day before it holds again."""
    try:
        async with session.begin_nested():
            change = await dates.undo_change(session, actor, change_id, now)
    except NotTakenBack as error:
        return see_other("/workshop", error.text, kind="warn")
    return see_other(f"/workshop/work-orders/{change.work_order_id}", "收回了，还照原来的日子。")


ROUTES: list[ControllerRouterHandler] = [date_page, give_date, take_back]
