"""The desk's overlays: made with an address shown once, changed by a tap, revoked."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from catalog.access import SHOW_VIEWERS
from catalog.db import Sessions
from catalog.models import Role
from live.models import Overlay, Policy, Side
from live.overlays import overlays_of
from tests.desk import Desk, only, open_desk
from tests.live.acting import make_link
from tests.making import make_live_show, make_product, make_station, make_workshop

HOME = "/desk/overlays"
QR_RIGHT = {"policy": "qr", "side": "right"}


@pytest.fixture
async def desk(sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(
        sessions, database_url, tmp_path, PUBLIC_URL="https://shop.example"
    ) as desk:
        yield desk


async def all_of(desk: Desk) -> list[Overlay]:
    async with desk.sessions() as session:
        return await overlays_of(session, desk.station.id)


async def make(desk: Desk, channel: str = "抖音") -> Overlay:
    await desk.enter(Role.HOST)
    await desk.web.get(HOME)
    answer = await desk.web.submit(HOME, {"channel": channel, **QR_RIGHT})
    assert answer.status_code == 200, answer.text
    return (await all_of(desk))[-1]


async def test_the_address_is_shown_once_and_opens_the_overlay(desk: Desk) -> None:
    await desk.enter(Role.HOST)
    assert "还没有叠加层" in (await desk.web.get(HOME)).text
    page = (await desk.web.submit(HOME, {"channel": "抖音", **QR_RIGHT})).text
    shown = [html.unescape(value) for value in re.findall(r'value="(https://[^"]+)"', page)]
    token = shown[0].removeprefix("https://shop.example/overlay/").partition("?")[0]
    assert shown == [
        f"https://shop.example/overlay/{token}?canvas={canvas}"
        for canvas in ("1920x1080", "1080x1920")
    ]
    assert (await desk.web.get(f"/overlay/{token}")).status_code == 200
    page = (await desk.web.get(HOME)).text
    assert token not in page
    assert "抖音" in page
    assert "还没有打开过" in page


async def test_a_wrong_form_comes_back_as_it_was_typed(desk: Desk) -> None:
    await make(desk)
    answer = await desk.web.submit(HOME, {"channel": "", "policy": "price", "side": "left"})
    assert answer.status_code == 422
    assert "请选择平台。" in answer.text
    assert re.search(r'value="price" checked', answer.text)
    assert '<option value="left" selected>' in answer.text
    answer = await desk.web.submit(HOME, {"channel": "抖音", **QR_RIGHT})
    assert answer.status_code == 422
    assert "抖音已经有一个在用的地址" in answer.text
    assert len(await all_of(desk)) == 1


async def test_who_may_look_make_switch_and_revoke(desk: Desk) -> None:
    overlay = await make(desk)
    viewers = only(*SHOW_VIEWERS)
    assert await desk.statuses(HOME) == viewers
    assert await desk.statuses(f"{HOME}/{overlay.id}/preview") == viewers

    async def submitted(path: str, values: dict[str, str]) -> int:
        await desk.web.get(HOME)
        return (await desk.web.submit(path, values)).status_code

    for role in (Role.ASSISTANT, Role.VOLUNTEER):
        await desk.enter(role)
        page = (await desk.web.get(HOME)).text
        assert "做一个地址" not in page
        assert "停用…" not in page
        assert await submitted(HOME, {"channel": "快手", **QR_RIGHT}) == 403
        assert await submitted(f"{HOME}/{overlay.id}/revoke", {}) == 403
        switched = 303 if role == Role.ASSISTANT else 403
        assert await submitted(f"{HOME}/{overlay.id}/policy", {"policy": "price"}) == switched
        assert await submitted(f"{HOME}/{overlay.id}/side", {"side": "left"}) == switched
    (found,) = await all_of(desk)
    assert (found.policy, found.side) == (Policy.PRICE, Side.LEFT)


async def test_a_policy_that_there_is_not_is_refused_in_place(desk: Desk) -> None:
    overlay = await make(desk)
    answer = await desk.web.submit(f"{HOME}/{overlay.id}/policy", {"policy": "everything"})
    assert answer.status_code == 422
    assert "请选择画面上放什么。" in answer.text
    answer = await desk.web.submit(f"{HOME}/{overlay.id}/side", {})
    assert answer.status_code == 422
    (found,) = await all_of(desk)
    assert (found.policy, found.side) == (Policy.QR, Side.RIGHT)


async def test_a_revoked_one_leaves_the_page(desk: Desk) -> None:
    overlay = await make(desk)
    answer = await desk.web.submit(f"{HOME}/{overlay.id}/revoke")
    assert answer.status_code == 303
    page = (await desk.web.get(HOME)).text
    assert "抖音的地址已经停用，画面上什么都不显示了。" in page
    assert await all_of(desk) == []
    assert (await desk.web.get(f"{HOME}/{overlay.id}/preview")).status_code == 404


async def test_another_stations_overlay_is_not_there(desk: Desk) -> None:
    overlay = await make(desk)
    await desk.enter(Role.MANAGER, await make_station(desk.sessions, "other"))
    for path, values in (
        ("policy", {"policy": "price"}),
        ("side", {"side": "left"}),
        ("revoke", {}),
    ):
        assert "抖音</h2>" not in (await desk.web.get(HOME)).text
        answer = await desk.web.submit(f"{HOME}/{overlay.id}/{path}", values)
        assert answer.status_code == 404
    assert (await desk.web.get(f"{HOME}/{overlay.id}/preview")).status_code == 404
    (found,) = await all_of(desk)
    assert (found.policy, found.side) == (Policy.QR, Side.RIGHT)


async def test_the_preview_is_the_real_page_framed_by_the_desk(desk: Desk) -> None:
    overlay = await make(desk)
    preview = f"{HOME}/{overlay.id}/preview"
    page = (await desk.web.get(HOME)).text
    assert preview not in page
    assert "排好一场的讲解单" in page
    product = await make_product(desk.sessions, await make_workshop(desk.sessions, desk.station))
    show = await make_live_show(desk.sessions, [product])
    await make_link(desk.sessions, product, show)
    assert f"{preview}?canvas=1080x1920" in (await desk.web.get(HOME)).text
    answer = await desk.web.get(f"{preview}?canvas=1080x1920")
    assert "福字圆挂" in answer.text
    assert "7K3FD" in answer.text
    assert "data-events" not in answer.text
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert (await desk.web.get(f"{preview}?canvas=800x600")).status_code == 404
