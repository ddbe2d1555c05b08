"""One payout at the desk: its receipt printed, the money handed over, or the payout cancelled."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import MONEY_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.db import Database
from catalog.errors import Invalid, NotFound
from catalog.forms import read_file, read_form
from catalog.pictures import picture_at
from catalog.words import PAY_WAYS
from media.storage import Storage
from shop import payouts
from shop.capital import capital_yuan
from shop.earnings import totals
from shop.errors import WrongPayoutState
from shop.models import PayoutState
from shop.payouts import names_of, payout_for

_PAYOUT = "/desk/money/payouts/{payout_id:int}"


@get(_PAYOUT, opt=allow(MONEY_DESK), include_in_schema=False)
async def payout_page(
    payout_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """What it is made up of, and the form that says it has been paid."""
    return await _page(session, actor, payout_id)


@post(f"{_PAYOUT}/paid", opt=allow(MONEY_DESK), include_in_schema=False)
async def paid(
    request: Request[Any, Any, Any],
    payout_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    database: NamedDependency[Database],
    storage: NamedDependency[Storage],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The money is with the family. The photo is kept before anything is locked."""
    typed, photo = await read_form(request), await read_file(request, "photo")
    async with database.reading() as reading:
        payout = await payout_for(reading, actor, payout_id)
    try:
        proof = await payouts.read_proof(storage, payout, typed, photo, by=actor)
        async with session.begin_nested():
            await payouts.mark_paid(session, actor, payout_id, proof, now)
    except Invalid as error:
        return await _page(session, actor, payout_id, typed, error.errors, status=422)
    except WrongPayoutState as error:
        return await _page(session, actor, payout_id, typed, {"": error.text}, status=409)
    return see_other(f"/desk/money/runs/{payout.run_id}", f"{payout.workshop.name} 的记下了。")


@post(f"{_PAYOUT}/cancel", opt=allow(MONEY_DESK), include_in_schema=False)
async def cancel(
    payout_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """It is not paid; its money can go into another run."""
    try:
        async with session.begin_nested():
            payout = await payouts.cancel_payout(session, actor, payout_id, now)
    except WrongPayoutState as error:
        return await _page(session, actor, payout_id, errors={"": error.text}, status=409)
    return see_other(f"/desk/money/runs/{payout.run_id}", "取消了，这笔钱可以再做进下一批。")


@get(f"{_PAYOUT}/slip", opt=allow(MONEY_DESK), include_in_schema=False)
async def slip(
    payout_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """The receipt that the family signs, on A5."""
    payout = await payout_for(session, actor, payout_id)
    if payout.state == PayoutState.CANCELLED:
        raise NotFound(f"slip of payout {payout_id}")
    now_fen = payout.amount_fen if payout.state == PayoutState.PAID else 0
    sums = await totals(session, payout.workshop_id)
    return page(
        "shop/payout_slip.html",
        payout=payout,
        capitals=capital_yuan(payout.amount_fen),
        sums=sums,
        before_fen=-sums.paid_fen - now_fen,
        left_fen=sums.balance_fen + now_fen - payout.amount_fen,
        way=PAY_WAYS[payout.way],
    )


@get(f"{_PAYOUT}/receipt", opt=allow(MONEY_DESK), include_in_schema=False)
async def receipt(
    payout_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    storage: NamedDependency[Storage],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """The photo of the signed receipt, for those who keep the books."""
    payout = await payout_for(session, actor, payout_id)
    data, media_type = await picture_at(storage, payout.receipt_key)
    return Response(data, media_type=media_type)


async def _page(
    session: AsyncSession,
    actor: Actor,
    payout_id: int,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Template:
    payout = await payout_for(session, actor, payout_id)
    return page(
        "shop/desk_payout.html",
        status=status,
        payout=payout,
        names=await names_of(session, [payout.paid_by]),
        form={"reference": "", "witness": "", **(typed or {})},
        errors=errors or {},
        way=PAY_WAYS[payout.way],
    )


ROUTES: list[ControllerRouterHandler] = [payout_page, paid, cancel, slip, receipt]
