"""What an overlay draws, as far as the channel and the state of things allow."""

from base64 import b64decode
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import msgspec
import pytest
import zxingcpp
from PIL import Image
from sqlalchemy import update

from catalog.db import Sessions
from catalog.models import Kind, Product
from live.board import Board, board
from live.links import link_line_up
from live.models import LineUpItem, Link, Overlay, Placement, Policy, Show, Side
from live.on_air import end_show
from live.overlay_view import (
    Availability,
    Card,
    Drawing,
    Next,
    code_picture,
    draw,
    drawing_now,
    example,
)
from tests.live.acting import host_of, item_of, make_link, sibling, take_pieces
from tests.making import NOON, make_live_show, make_product

SHOP = "https://shop.example"


def overlay_of(show: Show, **values: Any) -> Overlay:
    facts = {"station_id": show.station_id, "policy": Policy.QR, "side": Side.RIGHT} | values
    return Overlay(channel="抖音", token_hash="", created_at=NOON, **facts)


@pytest.fixture
async def piece(sessions: Sessions) -> Product:
    return await make_product(sessions, kind=Kind.ONE_OF_A_KIND, on_hand=1, wood="核桃木")


@pytest.fixture
async def show(sessions: Sessions, piece: Product) -> Show:
    second = await sibling(sessions, piece, name="平安竖匾")
    show = await make_live_show(sessions, [piece, second], price_fen=24100)
    await make_link(sessions, piece, show)
    return show


async def drawn(sessions: Sessions, show: Show, **values: Any) -> Drawing:
    async with sessions() as session:
        return await drawing_now(session, overlay_of(show, **values), SHOP)


async def card(sessions: Sessions, show: Show, **values: Any) -> Card:
    drawing = await drawn(sessions, show, **values)
    assert drawing.card is not None
    return drawing.card


def says(picture: str) -> tuple[str, tuple[int, int]]:
    """What a code says, and how large its picture is."""
    image = Image.open(BytesIO(b64decode(picture.removeprefix("data:image/png;base64,"))))
    (found,) = zxingcpp.read_barcodes(image)
    return found.text, image.size


async def test_the_piece_that_is_shown_with_all_that_is_true_of_it(
    sessions: Sessions, show: Show, piece: Product
) -> None:
    drawing = await drawn(sessions, show)
    now = await item_of(sessions, show, piece)
    assert drawing.card is not None
    assert says(drawing.card.qr) == ("HTTPS://SHOP.EXAMPLE/Q/7K3FD", (330, 330))
    assert drawing == Drawing(
        "right",
        rehearsal=False,
        card=Card(
            item_id=now.id,
            name="福字圆挂",
            maker="王家木作 · 核桃木",
            photo=None,
            availability=Availability.FREE,
            stock="仅此一件",
            held_until=None,
            price_fen=24100,
            qr=drawing.card.qr,
            code="7K3FD",
            how="扫码看详情，或在商城输入这个码",
        ),
        next=Next("平安竖匾", None),
    )


async def test_a_channel_sees_what_its_policy_lets_it(sessions: Sessions, show: Show) -> None:
    full = await card(sessions, show)
    price = await card(sessions, show, policy=Policy.PRICE)
    assert price == replace(full, qr="", code="")
    spoken = await card(sessions, show, policy=Policy.SPOKEN)
    assert spoken == replace(full, qr="", price_fen=None, how="记下这个码，到商城里输入")


async def test_the_code_that_is_spoken_is_the_short_one(
    sessions: Sessions, show: Show, piece: Product
) -> None:
    async with sessions.begin() as session:
        session.add(
            Link(
                station_id=show.station_id,
                code="4M8T",
                product_id=piece.id,
                show_id=show.id,
                placement=Placement.SPOKEN,
                created_at=NOON,
            )
        )
    both = await card(sessions, show)
    assert (both.code, says(both.qr)[0]) == ("4M8T", "HTTPS://SHOP.EXAMPLE/Q/7K3FD")
    assert (await card(sessions, show, policy=Policy.SPOKEN)).code == "4M8T"


async def test_a_retired_code_leaves_the_screen_for_the_shows_own(
    sessions: Sessions, show: Show
) -> None:
    async with sessions.begin() as session:
        await session.execute(update(Link).values(retired_at=NOON))
    bare = await card(sessions, show)
    assert (bare.qr, bare.code, bare.price_fen) == ("", "", 24100)
    async with sessions.begin() as session:
        session.add(
            Link(
                station_id=show.station_id,
                code="9WXYZ",
                show_id=show.id,
                placement=Placement.CARD,
                created_at=NOON,
            )
        )
    assert says((await card(sessions, show)).qr)[0] == "HTTPS://SHOP.EXAMPLE/Q/9WXYZ"
    async with sessions.begin() as session:
        await link_line_up(session, await host_of(sessions, show), show.id, NOON)
    assert (await card(sessions, show)).code != "9WXYZ"


async def stock_of(sessions: Sessions, show: Show) -> tuple[Availability, str, bool]:
    shown = await card(sessions, show)
    assert bool(shown.qr) == bool(shown.code)
    return shown.availability, shown.stock, bool(shown.qr)


async def test_a_held_piece_may_be_queued_for_and_a_sold_one_has_no_code(
    sessions: Sessions, show: Show, piece: Product
) -> None:
    async with sessions.begin() as session:
        await take_pieces(session, "7K3FD", 1)
    held = await card(sessions, show)
    assert (held.availability, held.how) == (
        Availability.HELD,
        "扫码可以排队，放回时先通知您",
    )
    assert held.qr
    item = await item_of(sessions, show, piece)
    async with sessions.begin() as session:
        await session.execute(
            update(LineUpItem).where(LineUpItem.id == item.id).values(holding=0, sold=1)
        )
    assert await stock_of(sessions, show) == (Availability.SOLD, "已售", False)
    assert (await card(sessions, show, policy=Policy.SPOKEN)).code == ""


async def test_sold_out_by_hand_is_sold_out(sessions: Sessions, show: Show, piece: Product) -> None:
    item = await item_of(sessions, show, piece)
    mark = update(LineUpItem).where(LineUpItem.id == item.id)
    async with sessions.begin() as session:
        await session.execute(mark.values(sold_out_at=NOON))
    assert await stock_of(sessions, show) == (Availability.SOLD, "已售", False)
    async with sessions.begin() as session:
        await session.execute(mark.values(sold_out_at=None))
    assert await stock_of(sessions, show) == (Availability.FREE, "仅此一件", True)


@pytest.mark.parametrize(
    ("kind", "free", "holds", "stock"),
    [
        (Kind.BATCH, 7, 2, "余 7 件"),
        (Kind.BATCH, 1, 0, "最后一件"),
        # It may not be the last: what is on hold can come back.
        (Kind.BATCH, 1, 2, "余 1 件"),
        (Kind.MADE_TO_ORDER, None, 3, "接受定做"),
    ],
)
async def test_how_many_there_are_in_words_that_are_true(
    sessions: Sessions, kind: Kind, free: int | None, holds: int, stock: str
) -> None:
    product = await make_product(sessions, kind=kind, on_hand=0)
    show = await make_live_show(sessions, [product])
    shown = await redrawn(sessions, show, free=free, holds=holds)
    assert (shown.availability, shown.stock) == (Availability.FREE, stock)


async def redrawn(sessions: Sessions, show: Show, *, paused: bool = False, **values: Any) -> Card:
    """The card for a board whose first item has these values."""
    async with sessions() as session:
        latest: Board = await board(session, show.id)
        items = [msgspec.structs.replace(latest.items[0], **values), *latest.items[1:]]
        latest = msgspec.structs.replace(latest, items=items, paused=paused)
        drawing = await draw(session, overlay_of(show), latest, SHOP)
    assert drawing.card is not None
    return drawing.card


async def test_a_clock_runs_only_where_one_really_ends(sessions: Sessions, show: Show) -> None:
    until = NOON + timedelta(minutes=9)
    held: dict[str, Any] = {"free": 0, "holds": 1}
    running = await redrawn(sessions, show, **held, held_until=until)
    assert (running.stock, running.held_until) == ("预留中", until)
    paying = await redrawn(sessions, show, **held, held_until=None)
    assert (paying.stock, paying.held_until) == ("有人在付款", None)
    paused = await redrawn(sessions, show, **held, held_until=until, paused=True)
    assert (paused.stock, paused.held_until) == ("预留中，先不计时", None)


async def test_nothing_is_drawn_off_air_or_after_revocation(sessions: Sessions, show: Show) -> None:
    assert await drawn(sessions, show, revoked_at=NOON) == Drawing("right")
    async with sessions.begin() as session:
        await end_show(session, await host_of(sessions, show), show.id, NOON)
    assert await drawn(sessions, show, side=Side.LEFT) == Drawing("left")


async def test_off_air_the_latest_line_up_serves_as_an_example(
    sessions: Sessions, show: Show
) -> None:
    async with sessions.begin() as session:
        await end_show(session, await host_of(sessions, show), show.id, NOON)
    async with sessions() as session:
        drawing = await example(session, overlay_of(show), SHOP)
        elsewhere = await example(session, overlay_of(show, station_id=show.station_id + 1), SHOP)
    assert drawing.card is not None
    assert (drawing.card.name, drawing.next) == ("福字圆挂", Next("平安竖匾", None))
    assert elsewhere == Drawing("right")


async def test_a_rehearsal_says_so(sessions: Sessions, show: Show) -> None:
    async with sessions.begin() as session:
        await session.execute(update(Show).where(Show.id == show.id).values(rehearsal=True))
    assert (await drawn(sessions, show)).rehearsal


@pytest.mark.parametrize(
    ("letters", "width", "module_px"),
    [(8, 330, 10), (26, 370, 10), (60, 450, 10), (85, 441, 9), (150, 427, 7), (220, 483, 7)],
)
def test_modules_are_ten_pixels_and_never_below_seven(
    letters: int, width: int, module_px: int
) -> None:
    url = f"HTTPS://{'A' * letters}/Q/7K3FD"
    assert says(code_picture(url)) == (url, (width, width))
    assert width % module_px == 0
