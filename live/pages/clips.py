"""The desk's short videos: made, listed with what came by each, changed, taken out of use."""

from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import CATALOG_EDITORS, SHOW_EDITORS, SHOW_VIEWERS, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotFound
from catalog.forms import read_form, read_number
from catalog.products import Wanted, find_products, product_for
from live import clips
from live.figures import Figures
from live.links import retire_link
from live.scans import count_by_link
from live.shows import CHANNELS

EDITORS = CATALOG_EDITORS | SHOW_EDITORS
CHOICES = 24


@get("/desk/clips", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def clips_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    figures: NamedDependency[Figures],
    before: FromQuery[str] = "",
) -> Template:
    """All short videos, each with its code, its scans and what was sold by it."""
    found = await clips.list_clips(session, actor.station_id, before=read_number(before))
    ids = [clip.link_id for clip in found]
    return page(
        "live/clips.html",
        clips=found,
        scans=await count_by_link(session, ids),
        sold=await figures.sold_by_link(session, ids),
        older=found[-1].id if len(found) == clips.PAGE else None,
        paged=bool(before),
        may_edit=actor.role in EDITORS,
    )


@get("/desk/clips/new", opt=allow(EDITORS), include_in_schema=False)
async def new_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    product: FromQuery[str] = "",
    airing: FromQuery[str] = "",
    q: FromQuery[str] = "",
) -> Template:
    """First which piece, then the rest; an airing says which piece by itself."""
    product_id, airing_id = read_number(product), read_number(airing)
    if airing_id:
        cut = await clips.cut_for(session, actor, airing_id)
        product_id = cut.product.id
    if not product_id:
        wanted = Wanted(station_id=actor.station_id, words=q, most=CHOICES)
        found, _ = await find_products(session, wanted)
        return page("live/clips_choose.html", products=found, q=q)
    return await _new(session, actor, product_id, {"airing": airing})


@post("/desk/clips/new", opt=allow(EDITORS), include_in_schema=False)
async def add(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """On to the list with the new code, or the form again with what was wrong."""
    typed = await read_form(request)
    try:
        clip = await clips.add_clip(session, actor, typed, now)
    except Invalid as refusal:
        await session.rollback()
        product_id = read_number(typed.get("product", ""))
        if not product_id:
            raise NotFound("clip without a product") from refusal
        return await _new(session, actor, product_id, typed, refusal)
    return see_other("/desk/clips", f"做好了，“{clip.title}”的码是 {clip.link.code}。")


@get("/desk/clips/{clip_id:int}/edit", opt=allow(EDITORS), include_in_schema=False)
async def edit_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    clip_id: FromPath[int],
) -> Template:
    """The form of a short video as it is."""
    clip = await clips.clip_for(session, actor, clip_id)
    form = {"title": clip.title, "channel": clip.channel, "file_url": clip.file_url}
    return _form(form, clip.link.product, clip=clip)


@post("/desk/clips/{clip_id:int}/edit", opt=allow(EDITORS), include_in_schema=False)
async def change(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    clip_id: FromPath[int],
) -> Template | Redirect:
    """Back to the list, or the form again with what was wrong."""
    typed = await read_form(request)
    try:
        await clips.change_clip(session, actor, clip_id, typed, now)
    except Invalid as refusal:
        await session.rollback()
        clip = await clips.clip_for(session, actor, clip_id)
        return _form(typed, clip.link.product, clip=clip, refusal=refusal)
    return see_other("/desk/clips", "已保存。")


@post("/desk/clips/{clip_id:int}/retire", opt=allow(EDITORS), include_in_schema=False)
async def retire(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    clip_id: FromPath[int],
) -> Redirect:
    """Its code out of use for ever; the video and its figures stay in the list."""
    clip = await clips.clip_for(session, actor, clip_id)
    link = await retire_link(session, actor, clip.link.code, now)
    return see_other("/desk/clips", f"{link.code} 已经停用。")


async def _new(
    session: AsyncSession,
    actor: Actor,
    product_id: int,
    typed: dict[str, str],
    refusal: Invalid | None = None,
) -> Template:
    product = await product_for(session, actor, product_id)
    cuts = await clips.cuts_of(session, actor, product.id)
    return _form(typed, product, cuts=cuts, refusal=refusal)


def _form(
    typed: dict[str, str],
    product: Any,
    *,
    cuts: list[clips.Cut] | None = None,
    clip: Any = None,
    refusal: Invalid | None = None,
) -> Template:
    empty = dict.fromkeys(("title", "channel", "file_url", "airing", "cut_from", "cut_to"), "")
    return page(
        "live/clips_form.html",
        status=422 if refusal else 200,
        errors=refusal.errors if refusal else {},
        form=empty | typed,
        product=product,
        clip=clip,
        cuts=[(cut.airing.id, cut.text) for cut in cuts or ()],
        channels=[(name, name) for name in CHANNELS],
    )


ROUTES: list[ControllerRouterHandler] = [clips_page, new_page, add, edit_page, change, retire]
