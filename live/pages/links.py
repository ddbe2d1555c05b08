"""The desk's links: codes listed, made, retired; as pictures and on paper."""

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import CATALOG_EDITORS, SHOW_EDITORS, SHOW_VIEWERS, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import Check
from catalog.errors import Invalid, NotFound
from catalog.forms import read_form
from catalog.models import Product
from catalog.photos import printable_photo
from catalog.products import Wanted, find_products
from catalog.words import yuan
from live import links
from live.models import Link, Placement, ShowState
from live.scans import count_by_link
from live.shows import list_shows, show_for
from media.paper import Card, Tag, print_card, print_tags
from media.qr import qr_png, qr_svg
from media.storage import Storage

EDITORS = CATALOG_EDITORS | SHOW_EDITORS
PLACEMENT_NAMES = {
    Placement.CARD: "卡片",
    Placement.TAG: "吊牌",
    Placement.OVERLAY: "直播画面",
    Placement.VIDEO: "短视频",
    Placement.SPOKEN: "口播",
}
MOST_MODULE_PX = 40
MOST_TAGS = 210
CHOICES = 100


@get("/desk/links", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def links_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    q: FromQuery[str] = "",
    before: FromQuery[int | None] = None,
) -> Template:
    """All codes, or those that `q` names, with how often each was scanned."""
    return await _links(session, actor, q, before)


@post("/desk/links", opt=allow(EDITORS), include_in_schema=False)
async def add(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """A new code, or the form again with what was wrong."""
    typed = await read_form(request)
    try:
        product_id, show_id, placement = _read(typed)
        link = await links.add_link(
            session, actor, product_id=product_id, show_id=show_id, placement=placement, now=now
        )
    except Invalid as refusal:
        await session.rollback()
        return await _links(session, actor, "", None, typed, refusal)
    return see_other(f"/desk/links?q={link.code}", f"做好了：{link.code}")


@post("/desk/links/{code:str}/retire", opt=allow(EDITORS), include_in_schema=False)
async def retire(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    code: FromPath[str],
) -> Redirect:
    """Out of use for ever."""
    link = await links.retire_link(session, actor, code, now)
    return see_other("/desk/links", f"{link.code} 已经停用。")


@get("/desk/links/{file:str}", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def picture(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    public_url: NamedDependency[str],
    file: FromPath[str],
    module: FromQuery[int] = 10,
) -> Response[bytes]:
    """The code as `7K3FD.png`, `module` pixels to a module, or as `7K3FD.svg`."""
    code, _, kind = file.partition(".")
    if kind not in ("png", "svg"):
        raise NotFound(f"picture {file[:40]}")
    link = await links.link_to_print(session, actor, code)
    url = links.link_url(public_url, link.code)
    if kind == "svg":
        return _file(qr_svg(url).encode(), "image/svg+xml", f"{link.code}.svg")
    module = min(max(module, 1), MOST_MODULE_PX)
    return _file(qr_png(url, module), "image/png", f"{link.code}.png")


@get("/desk/links/{code:str}/card.pdf", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def card(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    storage: NamedDependency[Storage],
    public_url: NamedDependency[str],
    code: FromPath[str],
) -> Response[bytes]:
    """The A6 card of a product's code."""
    link = await links.link_to_print(session, actor, code)
    if link.product is None:
        raise NotFound(f"card of {link.code}: it opens a show")
    product = link.product
    facts = Card(
        url=links.link_url(public_url, link.code),
        code=link.code,
        name=product.name,
        workshop=product.workshop.name,
        village=product.workshop.village,
        wood=product.wood,
        size=product.size,
        price_text=f"¥{yuan(product.price_fen)}",
        photo=await printable_photo(storage, product.photos),
        station=actor.station_name,
    )
    return _file(await print_card(facts), "application/pdf", f"{link.code}.pdf")


@post("/desk/shows/{show_id:int}/links", opt=allow(EDITORS), include_in_schema=False)
async def link_line_up(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Redirect:
    """A code for the show and one for each product of its line-up, where they have none."""
    await links.link_line_up(session, actor, show_id, now)
    return see_other(f"/desk/shows/{show_id}", "讲解单的商品码都有了。")


@post("/desk/shows/{show_id:int}/tags", opt=allow(EDITORS), include_in_schema=False)
async def make_show_tags(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Redirect:
    """The codes that the show's tags lack, then the sheet."""
    show = await show_for(session, actor, show_id)
    products = [item.product_id for item in show.items]
    await links.link_tags(session, actor, products, show.id, now)
    return see_other(f"/desk/shows/{show.id}/tags.pdf")


@get("/desk/shows/{show_id:int}/tags.pdf", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def show_tags(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    public_url: NamedDependency[str],
    show_id: FromPath[int],
) -> Response[bytes]:
    """The tags of a line-up at the show's prices."""
    show = await show_for(session, actor, show_id)
    prices = {item.product_id: item.show_price_fen for item in show.items if item.show_price_fen}
    products = [item.product_id for item in show.items]
    found = await links.tags_of(session, actor, products, show.id)
    return await _sheet(found, public_url, prices, f"show-{show.id}-tags.pdf")


@post("/desk/tags", opt=allow(EDITORS), include_in_schema=False)
async def make_tags(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The code that a product's tag lacks, then its sheet."""
    typed = await read_form(request)
    product_id = _number(typed.get("product", ""))
    if not product_id:
        return await _links(
            session, actor, "", None, typed, Invalid({"product": "请选择要打印吊牌的作品。"})
        )
    await links.link_tags(session, actor, [product_id], None, now)
    return see_other(f"/desk/tags.pdf?product={product_id}")


@get("/desk/tags.pdf", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def tags(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    public_url: NamedDependency[str],
    product: FromQuery[list[int]],
) -> Response[bytes]:
    """The tags of these products, in the order asked for."""
    found = await links.tags_of(session, actor, product[:MOST_TAGS], None)
    return await _sheet(found, public_url, {}, "tags.pdf")


async def _sheet(
    found: list[Link], public_url: str, prices: dict[int, int], name: str
) -> Response[bytes]:
    facts = [
        Tag(
            url=links.link_url(public_url, link.code),
            code=link.code,
            name=link.product.name,
            workshop=link.product.workshop.name,
            price_text=f"¥{yuan(prices.get(link.product.id, link.product.price_fen))}",
        )
        for link in found
        if link.product is not None
    ]
    if not facts:
        raise NotFound("no tag has a code yet")
    return _file(await print_tags(facts), "application/pdf", name)


def _file(data: bytes, media_type: str, name: str) -> Response[bytes]:
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(data, media_type=media_type, headers=headers)


def _read(typed: dict[str, str]) -> tuple[int | None, int | None, Placement]:
    check = Check()
    product_id, show_id = _number(typed.get("product", "")), _number(typed.get("show", ""))
    placement = check.choice("placement", typed.get("placement"), "用在哪里", Placement)
    check.done()
    assert placement is not None
    return product_id or None, show_id or None, placement


def _number(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else 0


async def _links(
    session: AsyncSession,
    actor: Actor,
    q: str,
    before: int | None,
    typed: dict[str, str] | None = None,
    refusal: Invalid | None = None,
) -> Template:
    found = await links.list_links(session, actor.station_id, words=q, before=before)
    products = await _choices(session, actor, q) or await _choices(session, actor, "")
    open_states = (ShowState.DRAFT, ShowState.READY, ShowState.LIVE)
    shows = await list_shows(session, actor.station_id, states=open_states)
    return page(
        "live/links.html",
        status=422 if refusal else 200,
        errors=refusal.errors if refusal else {},
        form={"product": "", "show": "", "placement": "card"} | (typed or {}),
        links=found,
        scans=await count_by_link(session, [link.id for link in found]),
        q=q,
        older=found[-1].id if len(found) == links.PAGE else None,
        products=[(p.id, f"{p.name}（{p.workshop.name}）") for p in products],
        choices=CHOICES,
        shows=[(show.id, show.title) for show in shows],
        placements=PLACEMENT_NAMES,
        may_edit=actor.role in EDITORS,
    )


async def _choices(session: AsyncSession, actor: Actor, words: str) -> list[Product]:
    wanted = Wanted(station_id=actor.station_id, words=words, most=CHOICES)
    found, _ = await find_products(session, wanted)
    return found


ROUTES: list[ControllerRouterHandler] = [
    links_page,
    add,
    retire,
    picture,
    card,
    link_line_up,
    make_show_tags,
    show_tags,
    make_tags,
    tags,
]
