"""A second person's look at products before they are sold: what waits, and one of them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import reviews
from catalog.access import CATALOG_EDITORS, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotOnboarded, OwnReview, Refusal, ReviewDecided
from catalog.forms import read_choices, read_form
from catalog.models import ProductState, ReviewState
from catalog.pages.desk_product import KINDS
from catalog.reviews import POINTS, list_asked, review_for, stamp

_LIST = "/desk/reviews"
_ONE = f"{_LIST}/{{review_id:int}}"


@get(_LIST, opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def reviews_page(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> Template:
    """What waits for a look, the longest first."""
    found = await list_asked(session, actor.station_id)
    return page("catalog/desk_reviews.html", rows=found, own_id=actor.member_id)


@get(_ONE, opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def review_page(
    review_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """One product with its photo large, its facts, and the points to be ticked."""
    return await _page(session, actor, review_id)


@post(f"{_ONE}/pass", opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def pass_product(
    review_id: FromPath[int],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """It is on sale; on to the next that waits."""
    typed, ticked = await read_form(request), await read_choices(request, "points")
    seen = typed.get("seen", "")
    try:
        async with session.begin_nested():
            product = await reviews.pass_product(session, actor, review_id, ticked, seen, now)
    except Invalid as error:
        return await _page(session, actor, review_id, typed, ticked, error.errors)
    except (NotOnboarded, OwnReview, ReviewDecided) as error:
        return await _refused(session, actor, review_id, typed, ticked, error)
    return see_other(_LIST, f"{product.name}摆出来卖了。")


@post(f"{_ONE}/refuse", opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def refuse_product(
    review_id: FromPath[int],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Back to the family with a word."""
    typed = await read_form(request)
    words, seen = typed.get("words"), typed.get("seen", "")
    try:
        async with session.begin_nested():
            product = await reviews.refuse_product(session, actor, review_id, words, seen, now)
    except Invalid as error:
        return await _page(session, actor, review_id, typed, (), error.errors)
    except (OwnReview, ReviewDecided) as error:
        return await _refused(session, actor, review_id, typed, (), error)
    return see_other(_LIST, f"{product.name}退回去了，家里看得到您的话。")


async def _refused(
    session: AsyncSession,
    actor: Actor,
    review_id: int,
    typed: Mapping[str, str],
    ticked: Collection[str],
    error: Refusal,
) -> Template:
    status = 403 if isinstance(error, OwnReview) else 409
    return await _page(session, actor, review_id, typed, ticked, {"": error.text}, status=status)


async def _page(
    session: AsyncSession,
    actor: Actor,
    review_id: int,
    typed: Mapping[str, str] | None = None,
    ticked: Collection[str] = (),
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 422,
) -> Template:
    asked = await review_for(session, actor, review_id)
    product = asked.product
    open_now = asked.review.state == ReviewState.ASKED and product.state == ProductState.REVIEW
    return page(
        "catalog/desk_review.html",
        status=status if errors else 200,
        asked=asked,
        product=product,
        open_now=open_now,
        own=asked.review.asked_by == actor.member_id,
        points=POINTS,
        ticked=ticked,
        seen=stamp(product),
        kinds={kind: label for kind, label, _ in KINDS},
        form={"words": "", **(typed or {})},
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [reviews_page, review_page, pass_product, refuse_product]
