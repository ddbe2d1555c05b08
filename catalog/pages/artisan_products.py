"""A family's own products, on its phone: what there is, one more, one fewer, another price."""

from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import offering, recount, stock
from catalog.access import ARTISANS, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import MOST_PIECES, Check
from catalog.errors import Invalid, NotOnboarded, NotTakenBack, StockPromised
from catalog.forms import read_file, read_form, read_number
from catalog.models import Kind, Product, ProductState
from catalog.photos import SENTENCES, kept_original
from catalog.products import Wanted, change_product, find_products, product_for
from catalog.reviews import word_for_maker
from media.photos import MAX_BYTES
from media.storage import Storage

# A photo of the largest size, and room for the other fields of its form.
MOST_UPLOAD = MAX_BYTES + 2_000_000

COUNTED = "手艺人自己数的"
"""The reason for a change of stock when the family gives none."""

_LIST = "/workshop/products"

_PUT_UP = {
    ProductState.ON_SALE: "作品放上去了，买家看得到了。",
    ProductState.REVIEW: "作品收到了，等站里看一看，看过就摆出来卖。",
    ProductState.DRAFT: "作品存好了。等站里把手续办好，就能卖了。",
    ProductState.OFF: "作品存好了，现在不卖。",
}
"""What is said of a product that was sent, by what became of it."""


@get(_LIST, opt=allow(ARTISANS), include_in_schema=False)
async def list_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    before: FromQuery[int | None] = None,
) -> Template:
    """All products of the family, the newest first."""
    wanted = Wanted(
        station_id=actor.station_id,
        workshop_id=actor.workshop_id,
        states=tuple(ProductState),
        before=before,
    )
    products, following = await find_products(session, wanted)
    return page("catalog/artisan_products.html", products=products, following=following, kinds=Kind)


@get(f"{_LIST}/new", opt=allow(ARTISANS), include_in_schema=False, sync_to_thread=False)
def new_page() -> Template:
    """The form for a new product."""
    return _new_form({"form": offering.new_form()}, {}, photo_kept=False)


@post(
    f"{_LIST}/new",
    opt=allow(ARTISANS),
    include_in_schema=False,
    request_max_body_size=MOST_UPLOAD,
)
async def new(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    storage: NamedDependency[Storage],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """On to the new product, or the form again with a good photo kept."""
    typed = await read_form(request)
    typed["form"] = typed.get("form") or offering.new_form()
    folder = _folder(request, actor, typed["form"])
    photo = await read_file(request, "photo")
    try:
        product_id = await offering.offer(session, storage, actor, folder, typed, photo, now)
    except Invalid as error:
        kept = await kept_original(storage, folder)
        return _new_form(typed, error.errors, photo_kept=kept is not None)
    product = await product_for(session, actor, product_id)
    return see_other(f"{_LIST}/{product_id}", _PUT_UP[product.state])


def _folder(request: Request[Any, Any, Any], actor: Actor, form: str) -> str:
    return offering.folder_of(request.app.state.secret_key, actor, form)


def _new_form(typed: dict[str, str], errors: dict[str, str], *, photo_kept: bool) -> Template:
    empty = {"name": "", "price": "", "kind": "", "stock": "", "work_days": ""}
    return page(
        "catalog/artisan_product_new.html",
        status=422 if errors else 200,
        form={**empty, **typed},
        errors=errors,
        photo_kept=photo_kept,
    )


@get(f"{_LIST}/{{product_id:int}}", opt=allow(ARTISANS), include_in_schema=False)
async def show(
    product_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """One product: how many there are, and what may be done with it."""
    return await _show(session, actor, await product_for(session, actor, product_id), now)


async def _show(
    session: AsyncSession,
    actor: Actor,
    product: Product,
    now: datetime,
    refusal: str = "",
    status: int = 409,
) -> Template:
    return page(
        "catalog/artisan_product.html",
        status=status if refusal else 200,
        product=product,
        word=await word_for_maker(session, product.id),
        counted=await recount.last_count(session, actor, product.id, now),
        errors={"": refusal} if refusal else {},
        sentences=SENTENCES,
        kinds=Kind,
        states=ProductState,
    )


@post(f"{_LIST}/{{product_id:int}}", opt=allow(ARTISANS), include_in_schema=False)
async def change(
    product_id: FromPath[int],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Another price, or selling paused and taken up again."""
    typed = await read_form(request)
    product = await product_for(session, actor, product_id)
    try:
        async with session.begin_nested():
            product = await change_product(session, actor, product_id, _changes(typed), now)
    except Invalid as error:
        return _price_form(product, typed.get("price", ""), error.errors)
    except NotOnboarded as error:
        product = await product_for(session, actor, product_id)
        return await _show(session, actor, product, now, error.text)
    return see_other(f"{_LIST}/{product_id}", _said(typed, product.state))


def _changes(typed: dict[str, str]) -> dict[str, Any]:
    if "state" in typed:
        on_sale = typed["state"] == ProductState.ON_SALE
        return {"state": ProductState.ON_SALE if on_sale else ProductState.OFF}
    check = Check()
    price_fen = check.yuan("price", typed.get("price"), "价格")
    check.done()
    return {"price_fen": price_fen}


def _said(typed: dict[str, str], state: ProductState) -> str:
    if state == ProductState.REVIEW:
        return "记下了，等站里看一看，看过就接着卖。"
    if "state" not in typed:
        return "价格改好了。"
    if typed["state"] == ProductState.ON_SALE:
        return "又开始卖了，买家看得到了。"
    return "先不卖了，买家看不到了。想卖的时候再打开。"


@get(f"{_LIST}/{{product_id:int}}/price", opt=allow(ARTISANS), include_in_schema=False)
async def price_page(
    product_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """The question of another price."""
    return _price_form(await product_for(session, actor, product_id), "", {})


def _price_form(product: Product, typed: str, errors: dict[str, str]) -> Template:
    # The form asks for the price alone; a price below the floor is that question's fault.
    floor = f"不能低于说好的底价 {product.floor_fen / 100:g} 元。"
    at_field = {"price": errors.get("price", floor)} if errors else {}
    return page(
        "catalog/artisan_product_price.html",
        status=422 if errors else 200,
        product=product,
        typed=typed,
        errors=at_field,
    )


@post(f"{_LIST}/{{product_id:int}}/stock", opt=allow(ARTISANS), include_in_schema=False)
async def change_stock(
    product_id: FromPath[int],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """One more or one fewer, from what the page showed; the same tap twice counts once."""
    typed = await read_form(request)
    product = await product_for(session, actor, product_id)
    reason = typed.get("reason") or COUNTED
    try:
        async with session.begin_nested():
            counted = await stock.change(
                session, actor, product, typed.get("change"), reason, now, seen=typed.get("seen")
            )
    except Invalid as error:
        return await _show(session, actor, product, now, _sentences(error), 422)
    except StockPromised as error:
        return await _show(session, actor, product, now, error.text)
    return see_other(f"{_LIST}/{product_id}", f"记好了，现在有 {counted.on_hand} 件。")


@post(f"{_LIST}/{{product_id:int}}/stock/undo", opt=allow(ARTISANS), include_in_schema=False)
async def take_back_count(
    product_id: FromPath[int],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The last count was a slip."""
    movement_id = read_number((await read_form(request)).get("movement", "")) or 0
    product = await product_for(session, actor, product_id)
    try:
        async with session.begin_nested():
            counted = await recount.take_back_count(session, actor, product, movement_id, now)
    except (NotTakenBack, StockPromised) as error:
        return await _show(session, actor, product, now, error.text)
    return see_other(f"{_LIST}/{product_id}", f"收回了，现在有 {counted.on_hand} 件。")


@get(f"{_LIST}/{{product_id:int}}/count", opt=allow(ARTISANS), include_in_schema=False)
async def count_page(
    product_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """The question of how many there are now, for more than a piece or two."""
    product = await product_for(session, actor, product_id)
    return _count_form(product, "", {})


@post(f"{_LIST}/{{product_id:int}}/count", opt=allow(ARTISANS), include_in_schema=False)
async def count(
    product_id: FromPath[int],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """What was counted; the difference to what the page showed is the change."""
    typed = await read_form(request)
    product = await product_for(session, actor, product_id)
    try:
        by, seen = _difference(typed)
        if by:
            async with session.begin_nested():
                await stock.change(session, actor, product, by, COUNTED, now, seen=seen)
    except Invalid as error:
        return _count_form(product, typed.get("count", ""), {"count": _sentences(error)})
    except StockPromised as error:
        return _count_form(product, typed.get("count", ""), {"": error.text}, 409)
    return see_other(f"{_LIST}/{product_id}", "件数记好了。")


def _sentences(error: Invalid) -> str:
    """All that is wrong, for a form with one question."""
    return " ".join(error.errors.values())


def _difference(typed: dict[str, str]) -> tuple[int, int]:
    check = Check()
    counted = check.integer("count", typed.get("count"), "件数", least=0, most=MOST_PIECES)
    seen = check.integer("count", typed.get("seen"), "原来的件数", least=0, most=MOST_PIECES)
    check.done()
    return counted - seen, seen


def _count_form(
    product: Product, typed: str, errors: dict[str, str], status: int = 422
) -> Template:
    return page(
        "catalog/artisan_product_count.html",
        status=status if errors else 200,
        product=product,
        typed=typed,
        errors=errors,
    )


@get(f"{_LIST}/{{product_id:int}}/photos", opt=allow(ARTISANS), include_in_schema=False)
async def photo_page(
    product_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """The question of one more photo."""
    product = await product_for(session, actor, product_id)
    return _photo_form(product, offering.new_form(), {})


@post(
    f"{_LIST}/{{product_id:int}}/photos",
    opt=allow(ARTISANS),
    include_in_schema=False,
    request_max_body_size=MOST_UPLOAD,
)
async def add_photo(
    product_id: FromPath[int],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    storage: NamedDependency[Storage],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """One more photo of a product that is there."""
    form = (await read_form(request)).get("form") or offering.new_form()
    product = await product_for(session, actor, product_id)
    folder, photo = _folder(request, actor, form), await read_file(request, "photo")
    try:
        await offering.add_photo_once(session, storage, actor, folder, product, photo, now)
    except Invalid as error:
        return _photo_form(product, form, error.errors)
    return see_other(f"{_LIST}/{product_id}", "照片收到了，过一会儿就能看到。")


def _photo_form(product: Product, form: str, errors: dict[str, str]) -> Template:
    return page(
        "catalog/artisan_product_photo.html",
        status=422 if errors else 200,
        product=product,
        form=form,
        errors=errors,
    )


ROUTES: list[ControllerRouterHandler] = [
    list_page,
    new_page,
    new,
    show,
    change,
    price_page,
    change_stock,
    take_back_count,
    count_page,
    count,
    photo_page,
    add_photo,
]
