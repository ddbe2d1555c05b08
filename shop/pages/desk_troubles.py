"""A trouble at the desk: what to do next, who sees to it, how it is closed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import MONEY_DESK, TROUBLE_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.audit import list_entries
from catalog.errors import Invalid, NotFound
from catalog.forms import read_form, read_number
from shop import troubles
from shop.context import Shop
from shop.errors import WrongOrderState
from shop.inbox import of_trouble
from shop.models import Payment, Trouble
from shop.overdue import decide_no_money, look_again
from shop.pages.desk_inbox import INBOX
from shop.payments.gateway import GatewayUnavailable
from shop.refunds import retry_refund
from shop.today import age_text
from shop.troubles import TroubleKind, trouble_for

_ONE = "/desk/troubles/{trouble_id:int}"
_NO_ANSWER = "付款服务暂时没有应答，什么都没有变。过一会儿再问一次。"


@get(_ONE, opt=allow(TROUBLE_DESK), include_in_schema=False)
async def show_trouble(
    trouble_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """One trouble: what to do next, who sees to it, and how it is closed."""
    return await _page(session, actor, trouble_id, now)


@post(f"{_ONE}/take", opt=allow(TROUBLE_DESK), include_in_schema=False)
async def take_trouble(
    request: Request[Any, Any, Any],
    trouble_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """Take it oneself, or give it to somebody of the desk."""
    typed = await read_form(request)
    owner_id = read_number(typed.get("owner", "")) or actor.member_id
    await troubles.take(session, actor, trouble_id, owner_id, now)
    said = "记下了，您来处理。" if owner_id == actor.member_id else "记下了，交给他了。"
    return see_other(INBOX if typed.get("back") else f"/desk/troubles/{trouble_id}", said)


@post(f"{_ONE}/close", opt=allow(TROUBLE_DESK), include_in_schema=False)
async def close_trouble(
    request: Request[Any, Any, Any],
    trouble_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """It is seen to; one sentence says how."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            await troubles.close(session, actor, trouble_id, typed.get("words"), now)
    except Invalid as error:
        return await _page(session, actor, trouble_id, now, typed, error.errors, status=422)
    return see_other(INBOX, "处理完了，从单子上拿下来了。")


@post(f"{_ONE}/retry", opt=allow(TROUBLE_DESK), include_in_schema=False)
async def retry(
    trouble_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Ask for a failed refund once more."""
    trouble = await trouble_for(session, actor, trouble_id)
    refund_id = _about(trouble, TroubleKind.REFUND_FAILED, "refund")
    try:
        async with session.begin_nested():
            await retry_refund(session, actor, refund_id, now)
    except WrongOrderState as error:
        return await _page(session, actor, trouble_id, now, errors={"": error.text}, status=409)
    return see_other(INBOX, "再退了一次。还是不成的话，它会回到这张单子上。")


@post(f"{_ONE}/ask", opt=allow(TROUBLE_DESK), include_in_schema=False)
async def ask_again(
    trouble_id: FromPath[int],
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Ask the gateway about a payment now.

    Takes no session of its own: none may be open while another machine is asked.
    """
    async with shop.database.reading() as session:
        trouble = await trouble_for(session, actor, trouble_id)
        payment_id = _about(trouble, TroubleKind.PAYMENT_UNREACHABLE, "payment")
        payment = await session.get_one(Payment, payment_id)
    try:
        await look_again(shop, payment, now)
    except GatewayUnavailable:
        async with shop.database.reading() as session:
            return await _page(session, actor, trouble_id, now, errors={"": _NO_ANSWER}, status=503)
    async with shop.database.reading() as session:
        asked = await trouble_for(session, actor, trouble_id)
    if asked.closed_at is None:
        return see_other(f"/desk/troubles/{trouble_id}", "问过了，还是查不到。", kind="warn")
    return see_other(INBOX, "问到了，这笔付款有结果了。")


@post(f"{_ONE}/no-money", opt=allow(MONEY_DESK), include_in_schema=False)
async def no_money(
    trouble_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Somebody has looked: no money came. The order expires and its pieces are free."""
    trouble = await trouble_for(session, actor, trouble_id)
    payment_id = _about(trouble, TroubleKind.PAYMENT_UNREACHABLE, "payment")
    try:
        async with session.begin_nested():
            await decide_no_money(session, actor, payment_id, now)
            await troubles.close(session, actor, trouble_id, "查过了，没有收到钱", now)
    except WrongOrderState as error:
        return await _page(session, actor, trouble_id, now, errors={"": error.text}, status=409)
    return see_other(INBOX, "定了：没有收到钱。作品已经放回去。")


def _about(trouble: Trouble, kind: TroubleKind, table: str) -> int:
    """The id of the row that a trouble of this kind is about. Raises NotFound for another kind."""
    found, _, row_id = trouble.subject.partition(":")
    if trouble.kind != kind or found != table:
        raise NotFound(f"{kind} of trouble {trouble.id}")
    return int(row_id)


async def _page(
    session: AsyncSession,
    actor: Actor,
    trouble_id: int,
    now: datetime,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Template:
    trouble = await trouble_for(session, actor, trouble_id)
    desk = await troubles.owners(session, actor.station_id)
    return page(
        "shop/desk_trouble.html",
        status=status,
        line=of_trouble(trouble, {member.id: member.name for member in desk}),
        age=age_text(now - trouble.opened_at),
        trouble=trouble,
        desk=[(member.id, member.name) for member in desk],
        own_id=actor.member_id,
        history=await list_entries(session, actor.station_id, {"troubles": [trouble.id]}),
        may_decide=actor.role in MONEY_DESK,
        form={"words": "", **(typed or {})},
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [
    show_trouble,
    take_trouble,
    close_trouble,
    retry,
    ask_again,
    no_money,
]
