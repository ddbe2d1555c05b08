"""One product at the desk: its facts, its pieces and its photos, each with a form of its own."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import products, stock
from catalog.access import CATALOG_EDITORS, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import Check
from catalog.errors import Invalid, NotOnboarded, StockPromised
from catalog.forms import read_file, read_form, yuan_input
from catalog.models import Kind, Product, ProductState
from catalog.photos import MOST_PHOTOS, SENTENCES, add_photo, remove_photo
from catalog.products import product_for
from media.storage import Storage

# A photo of the largest size that is taken, and the form around it.
MOST_UPLOAD = 52_000_000

# What the form of a product asks for. It asks for yuan; the functions beneath take fen.
FIELDS = (
    "kind", "state", "name", "name_en", "meaning", "wood", "size",
    "weight_g", "price", "floor", "work_days", "kept_at_station",
)  # fmt: skip
_AMOUNTS = {"price": "price_fen", "floor": "floor_fen"}

KINDS = (
    (Kind.ONE_OF_A_KIND, "孤品", "只有这一件，卖完就没有了"),
    (Kind.BATCH, "现货", "做好放着的，有几件卖几件"),
    (Kind.MADE_TO_ORDER, "定做", "有人买了再做，要填工期"),
)


@get("/desk/products/{product_id:int}", opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def show_product(
    product_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """Everything about one product, to be changed."""
    return await _page(session, actor, product_id)


@post("/desk/products/{product_id:int}", opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def change_product(
    request: Request[Any, Any, Any],
    product_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The page again, saved or with what was wrong."""
    # A box that is not ticked is not sent at all.
    typed = {"kept_at_station": "", **await read_form(request)}
    values, faults = in_fen(typed)
    try:
        async with session.begin_nested():
            product = await products.change_product(session, actor, product_id, values, now)
    except Invalid as error:
        return await _page(session, actor, product_id, typed, for_form(error.errors, faults))
    except NotOnboarded as error:
        return await _page(session, actor, product_id, typed, {"state": error.text}, status=409)
    return see_other(f"/desk/products/{product_id}", saved(product))


def saved(product: Product) -> str:
    """What is said of a product that was kept, by what became of it."""
    if product.state == ProductState.REVIEW:
        return "已保存。要请另一个人看过，才摆出来卖。"
    return "已保存。"


@post("/desk/products/{product_id:int}/stock", opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def change_stock(
    request: Request[Any, Any, Any],
    product_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Pieces counted in or out by hand."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            product = await product_for(session, actor, product_id)
            counted = await stock.change(
                session, actor, product, typed.get("change"), typed.get("reason"), now
            )
    except Invalid as error:
        return await _page(session, actor, product_id, typed, error.errors)
    except StockPromised as error:
        return await _page(session, actor, product_id, typed, {"change": error.text}, status=409)
    return see_other(f"/desk/products/{product_id}", f"已记下，现有 {counted.on_hand} 件。")


@post(
    "/desk/products/{product_id:int}/photos",
    opt=allow(CATALOG_EDITORS),
    include_in_schema=False,
    request_max_body_size=MOST_UPLOAD,
)
async def upload_photo(
    request: Request[Any, Any, Any],
    product_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    storage: NamedDependency[Storage],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Take one photo in; it is shown when its sizes are ready."""
    data = await read_file(request, "photo")
    try:
        if data is None:
            raise Invalid({"photo": "请先选一张照片。"})
        async with session.begin_nested():
            product = await product_for(session, actor, product_id)
            await add_photo(session, storage, actor, product, data, now)
    except Invalid as error:
        return await _page(session, actor, product_id, {}, error.errors)
    return see_other(f"/desk/products/{product_id}", "照片收到了，过几秒刷新就能看到。")


@post(
    "/desk/products/{product_id:int}/photos/{photo_id:int}/remove",
    opt=allow(CATALOG_EDITORS),
    include_in_schema=False,
)
async def take_photo_off(
    product_id: FromPath[int],
    photo_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """After the page asked whether it is meant."""
    product = await product_for(session, actor, product_id)
    await remove_photo(session, actor, product, photo_id, now)
    return see_other(f"/desk/products/{product_id}", "照片拿下来了。")


async def _page(
    session: AsyncSession,
    actor: Actor,
    product_id: int,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 422,
) -> Template:
    product = await product_for(session, actor, product_id)
    return page(
        "catalog/desk_product.html",
        status=status if errors else 200,
        product=product,
        movements=await stock.list_movements(session, product_id),
        form={**_facts(product), "change": "", "reason": "", **(typed or {})},
        errors=errors or {},
        kinds={kind: label for kind, label, _ in KINDS},
        problems=SENTENCES,
        room_for_photos=len(product.photos) < MOST_PHOTOS,
    )


def _facts(product: Product) -> dict[str, Any]:
    facts = {field: getattr(product, field) for field in FIELDS if field not in _AMOUNTS}
    floor = yuan_input(product.floor_fen) if product.floor_fen else ""
    return {**facts, "price": yuan_input(product.price_fen), "floor": floor}


def in_fen(typed: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values with amounts in fen, and what was wrong with the amounts.

    A wrong amount is handed on as one that is refused beneath too, so that its fault is told
    together with all others and nothing is saved.
    """
    check = Check()
    amounts: dict[str, Any] = {
        "price_fen": check.yuan("price", typed.get("price"), "价格"),
        "floor_fen": check.yuan("floor", typed.get("floor") or "0", "底价", least=0),
    }
    for field in check.errors:
        amounts[_AMOUNTS[field]] = "?"
    return {**typed, **amounts}, check.errors


def for_form(errors: Mapping[str, str], faults: Mapping[str, str]) -> dict[str, str]:
    """Errors under the names of the form's fields, with what `in_fen` found in place of its echo."""
    names = {fen: field for field, fen in _AMOUNTS.items()}
    return {**{names.get(name, name): text for name, text in errors.items()}, **faults}


ROUTES: list[ControllerRouterHandler] = [
    show_product,
    change_product,
    change_stock,
    upload_photo,
    take_photo_off,
]
