"""What is claimed of a product and what proves it, at the desk: one enters, another confirms."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import proofs
from catalog.access import CATALOG_EDITORS, Actor, allow
from catalog.answers import page, see_other
from catalog.claims import PROVABLE, RULES
from catalog.errors import Invalid, NotFound, NotTakenBack, Refusal, SecondPersonNeeded
from catalog.forms import read_file, read_form
from catalog.pages.desk_product import MOST_UPLOAD
from catalog.products import product_for
from media.storage import Storage

_CLAIMS = "/desk/products/{product_id:int}/claims"
_STATUS: dict[type[Refusal], int] = {SecondPersonNeeded: 403, NotTakenBack: 409}
_STEPS = {
    "confirm": (proofs.confirm_proof, "确认了，这句话可以写了。"),
    "remove": (proofs.remove_proof, "撤掉了，这句话不能再写了。"),
}


@get(_CLAIMS, opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def claims_page(
    product_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """The proofs of a product, and what is said without one."""
    return await _page(session, actor, product_id)


@post(
    _CLAIMS,
    opt=allow(CATALOG_EDITORS),
    include_in_schema=False,
    request_max_body_size=MOST_UPLOAD,
)
async def add(
    request: Request[Any, Any, Any],
    product_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    storage: NamedDependency[Storage],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Enter a proof; it counts when somebody else has looked at it too."""
    typed, picture = await read_form(request), await read_file(request, "picture")
    try:
        async with session.begin_nested():
            await proofs.add_proof(session, storage, actor, product_id, typed, picture, now)
    except Invalid as error:
        return await _page(session, actor, product_id, typed, error.errors, status=422)
    return _back(product_id, "登记好了，请另一个人来看一眼、确认。")


@post(_CLAIMS + "/{claim_id:int}/{step:str}", opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def take_step(
    product_id: FromPath[int],
    claim_id: FromPath[int],
    step: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The second person confirms, or a proof is taken back."""
    if step not in _STEPS:
        raise NotFound(step)
    take, said = _STEPS[step]
    try:
        async with session.begin_nested():
            await take(session, actor, product_id, claim_id, now)
    except (SecondPersonNeeded, NotTakenBack) as refusal:
        errors = {"": refusal.text}
        return await _page(session, actor, product_id, {}, errors, status=_STATUS[type(refusal)])
    return _back(product_id, said)


@get(_CLAIMS + "/{claim_id:int}/picture", opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def picture(
    product_id: FromPath[int],
    claim_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    storage: NamedDependency[Storage],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """The picture of a proof."""
    data, media_type = await proofs.picture_of(session, storage, actor, product_id, claim_id)
    return Response(data, media_type=media_type)


def _back(product_id: int, said: str) -> Redirect:
    return see_other(f"/desk/products/{product_id}/claims", said)


async def _page(
    session: AsyncSession,
    actor: Actor,
    product_id: int,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Template:
    product = await product_for(session, actor, product_id)
    return page(
        "catalog/desk_claims.html",
        status=status,
        product=product,
        proofs=await proofs.proofs_of(session, product_id),
        unproven=await proofs.unproven_words(session, product),
        phrases=[(phrase, f"{phrase}：{RULES[phrase].proof}") for phrase in PROVABLE],
        never=[rule.phrase for rule in RULES.values() if not rule.proof],
        own_id=actor.member_id,
        form={"phrase": "", "proof": "", **(typed or {})},
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [claims_page, add, take_step, picture]
