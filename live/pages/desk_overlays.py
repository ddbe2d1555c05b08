"""The desk's overlays: an address for each channel, what it may show, and how it looks."""

from datetime import datetime, timedelta
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ON_AIR, SHOW_EDITORS, SHOW_VIEWERS, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotFound
from catalog.forms import read_form
from live import overlays
from live.models import Overlay, Policy, Side
from live.overlay_view import CANVASES, example, example_show
from live.pages.overlay import overlay_answer
from live.shows import CHANNELS

_POLICY_NOTES = {
    Policy.QR: "二维码、价格，还有能念的码。",
    Policy.PRICE: "画面上没有任何码。",
    Policy.SPOKEN: "没有二维码和价格，只有能念的码。",
}
SIDE_NAMES = {Side.LEFT: "左边", Side.RIGHT: "右边"}

# The programs are noted once a minute; two of them without a word is away.
_OPEN_WITHIN = timedelta(minutes=2)
_HOME = "/desk/overlays"


@get(_HOME, opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def overlays_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """All that are in use, with how each looks."""
    return await _overlays(session, actor, now)


@post(_HOME, opt=allow(SHOW_EDITORS), include_in_schema=False)
async def make(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    public_url: NamedDependency[str],
) -> Template:
    """The page with the new address, which is shown this once; or with what was wrong."""
    typed = await read_form(request)
    form = {name: typed.get(name, "") for name in ("channel", "policy", "side")}
    try:
        overlay, token = await overlays.make_overlay(session, actor, now, **form)
    except Invalid as refusal:
        await session.rollback()
        return await _overlays(session, actor, now, form=form, errors=refusal.errors)
    address = f"{public_url.rstrip('/')}/overlay/{token}"
    return await _overlays(session, actor, now, made=overlay, address=address)


@post("/desk/overlays/{overlay_id:int}/policy", opt=allow(ON_AIR), include_in_schema=False)
async def set_policy(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    overlay_id: FromPath[int],
) -> Template | Redirect:
    """What the channel may show; on air within a second."""
    policy = (await read_form(request)).get("policy", "")
    try:
        overlay = await overlays.set_policy(session, actor, overlay_id, policy, now)
    except Invalid as refusal:
        await session.rollback()
        return await _overlays(session, actor, now, errors=refusal.errors)
    return see_other(
        _HOME, f"{overlay.channel}的画面改成了：{overlays.POLICY_NAMES[overlay.policy]}。"
    )


@post("/desk/overlays/{overlay_id:int}/side", opt=allow(ON_AIR), include_in_schema=False)
async def set_side(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    overlay_id: FromPath[int],
) -> Template | Redirect:
    """On which side of the picture the card stands; on air within a second."""
    side = (await read_form(request)).get("side", "")
    try:
        overlay = await overlays.set_side(session, actor, overlay_id, side, now)
    except Invalid as refusal:
        await session.rollback()
        return await _overlays(session, actor, now, errors=refusal.errors)
    return see_other(_HOME, f"{overlay.channel}的卡片放到了{SIDE_NAMES[overlay.side]}。")


@post("/desk/overlays/{overlay_id:int}/revoke", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def revoke(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    overlay_id: FromPath[int],
) -> Redirect:
    """Nothing is shown at that address any more."""
    overlay = await overlays.revoke(session, actor, overlay_id, now)
    return see_other(_HOME, f"{overlay.channel}的地址已经停用，画面上什么都不显示了。")


@get("/desk/overlays/{overlay_id:int}/preview", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def preview(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    public_url: NamedDependency[str],
    overlay_id: FromPath[int],
    canvas: FromQuery[str] = "1920x1080",
) -> Template:
    """How it looks over a picture: what is on air, else the first piece of the latest line-up."""
    if canvas not in CANVASES:
        raise NotFound(f"canvas {canvas[:20]}")
    overlay = await overlays.overlay_for(session, actor, overlay_id)
    drawing = await example(session, overlay, public_url)
    photo = drawing.card.photo if drawing.card else None
    scene = f"{photo.base}/l.webp" if photo else ""
    return overlay_answer(drawing, canvas, scene=scene, framed=True)


async def _overlays(
    session: AsyncSession,
    actor: Actor,
    now: datetime,
    *,
    made: Overlay | None = None,
    address: str = "",
    form: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Template:
    found = await overlays.overlays_of(session, actor.station_id)
    taken = {overlay.channel for overlay in found}
    return page(
        "live/desk_overlays.html",
        status=422 if errors else 200,
        errors=errors or {},
        overlays=[(overlay, _seen(overlay, now)) for overlay in found],
        previews=await example_show(session, actor.station_id) is not None,
        made=made,
        address=address,
        canvases=tuple(CANVASES),
        form=form or {"channel": "", "policy": Policy.QR, "side": Side.RIGHT},
        channels=[(channel, channel) for channel in CHANNELS if channel not in taken],
        policies=[(p, name, _POLICY_NOTES[p]) for p, name in overlays.POLICY_NAMES.items()],
        sides=list(SIDE_NAMES.items()),
        may_make=actor.role in SHOW_EDITORS,
        may_switch=actor.role in ON_AIR,
    )


def _seen(overlay: Overlay, now: datetime) -> str:
    """open, away, or never."""
    if overlay.seen_at is None:
        return "never"
    return "open" if now - overlay.seen_at <= _OPEN_WITHIN else "away"


ROUTES: list[ControllerRouterHandler] = [
    overlays_page,
    make,
    set_policy,
    set_side,
    revoke,
    preview,
]
