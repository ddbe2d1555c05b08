"""Short videos: a code of their own, a span within the airing they were cut from."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid, NotFound
from catalog.models import AuditEntry, Product, Role
from live.clips import add_clip, change_clip, clip_for, cut_for, cuts_of, list_clips
from live.links import retire_link
from live.models import Airing, Clip, Link, Placement, Show
from live.on_air import end_show
from tests.live.acting import host_of, sibling
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station

START = NOON + timedelta(seconds=20, milliseconds=400)
END = NOON + timedelta(minutes=5)


async def aired(sessions: Sessions, product: Product, start: datetime = START) -> tuple[Actor, int]:
    """A host, and an airing of the product of whose ends neither is a whole minute."""
    show = await make_live_show(sessions, [product])
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        await end_show(session, host, show.id, start + (END - START))
        airing = (await session.scalars(select(Airing).where(Airing.show_id == show.id))).one()
        airing.started_at = start
    return host, airing.id


async def make(sessions: Sessions, actor: Actor, of: Product, **typed: str) -> Clip:
    values = {"product": str(of.id), "title": "三分钟看懂"} | typed
    async with sessions.begin() as session:
        return await add_clip(session, actor, values, NOON)


async def nothing_kept(sessions: Sessions) -> bool:
    async with sessions() as session:
        counts = [await session.scalar(select(func.count()).select_from(t)) for t in (Clip, Link)]
        told = await session.scalar(
            select(func.count()).where(AuditEntry.action.in_(("clip.add", "link.add")))
        )
    return [*counts, told] == [0, 0, 0]


async def test_a_clip_has_a_code_of_its_own(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host, _ = await aired(sessions, product)
    address = "https://video.example/1?a=<b>"
    first = await make(sessions, host, product, channel="抖音", file_url=address)
    second = await make(sessions, host, product)
    async with sessions() as session:
        clips = await list_clips(session, product.station_id)
        told = list(await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
        older = await list_clips(session, product.station_id, before=second.id)
    assert [clip.id for clip in clips] == [second.id, first.id]
    assert [clip.id for clip in older] == [first.id]
    links = [clip.link for clip in clips]
    assert {(link.product_id, link.show_id, link.placement) for link in links} == {
        (product.id, None, Placement.VIDEO)
    }
    assert links[0].code != links[1].code
    kept = clips[1]
    assert (kept.channel, kept.file_url, kept.airing_id, kept.cut_from, kept.cut_to) == (
        "抖音", address, None, None, None,
    )  # fmt: skip
    assert told[-4:] == ["link.add", "clip.add"] * 2


async def test_a_cut_lies_within_its_airing(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host, airing = await aired(sessions, product)
    whole = await make(sessions, host, product, airing=str(airing))
    part = await make(
        sessions, host, product, airing=str(airing), cut_from="12:01", cut_to="１２:０３:３０"
    )
    edges = await make(
        sessions, host, product, airing=str(airing), cut_from="12:00:20", cut_to="12:05:00"
    )
    assert (whole.cut_from, whole.cut_to) == (START, END)
    assert (part.cut_from, part.cut_to) == (
        NOON + timedelta(minutes=1),
        NOON + timedelta(minutes=3, seconds=30),
    )
    assert (edges.cut_from, edges.cut_to) == (START, END)
    async with sessions() as session:
        (cut,) = await cuts_of(session, host, product.id)
    assert cut.text == "11月22日 12:00:20–12:05:00 周日专场"


async def test_a_cut_may_go_past_midnight(sessions: Sessions) -> None:
    product = await make_product(sessions)
    start = NOON + timedelta(hours=11, minutes=58)
    host, airing = await aired(sessions, product, start)
    clip = await make(sessions, host, product, airing=str(airing), cut_from="23:59", cut_to="00:01")
    assert clip.cut_from == start + timedelta(minutes=1)
    assert clip.cut_to == start + timedelta(minutes=3)


async def test_what_makes_no_clip_is_said_and_nothing_is_kept(sessions: Sessions) -> None:
    product = await make_product(sessions)
    other = await sibling(sessions, product, name="莲花盘")
    host, airing = await aired(sessions, product)
    cut = {"airing": str(airing)}
    span = "这一段讲解是北京时间 12:00:20–12:05:00，时间要在这里面。"
    cases: list[tuple[dict[str, str], str, str]] = [
        ({"title": " "}, "title", "请填写标题。"),
        ({"title": "长" * 61}, "title", "标题最多 60 个字，现在有 61 个。"),
        ({"channel": "电视"}, "channel", "平台请从这些里选"),
        ({"file_url": "javascript:alert(1)"}, "file_url", "文件地址要以 http:// 或 https:// 开头"),
        ({"file_url": "https://"}, "file_url", "文件地址要以"),
        ({"file_url": "https://[x"}, "file_url", "文件地址要以"),
        ({"file_url": "https://a b"}, "file_url", "文件地址要以"),
        ({"product": "x"}, "product", "请选择作品。"),
        ({"airing": "x"}, "airing", "请选择是哪一段讲解。"),
        (cut | {"product": str(other.id)}, "airing", "这一段讲的是“福字圆挂”，不是选的这件作品。"),
        (cut | {"cut_from": "11:59"}, "cut_from", span),
        (cut | {"cut_to": "12:05:01"}, "cut_to", span),
        (cut | {"cut_from": "noon"}, "cut_from", "时间要写成 19:42 或 19:42:10。"),
        (cut | {"cut_from": "12:03", "cut_to": "12:02"}, "cut_to", "结束要在开始之后。"),
    ]
    for typed, field, sentence in cases:
        with pytest.raises(Invalid) as refused:
            await make(sessions, host, product, **typed)
        assert refused.value.errors[field].startswith(sentence), typed
    assert await nothing_kept(sessions)


async def test_an_airing_that_goes_on_is_not_cut_from(sessions: Sessions) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    host = await host_of(sessions, show)
    async with sessions() as session:
        airing = (await session.scalars(select(Airing).where(Airing.show_id == show.id))).one()
        assert await cuts_of(session, host, product.id) == []
        with pytest.raises(NotFound):
            await cut_for(session, host, airing.id)


async def test_a_clip_is_changed_and_keeps_its_code_and_its_cut(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host, airing = await aired(sessions, product)
    clip = await make(sessions, host, product, airing=str(airing))
    async with sessions.begin() as session:
        await change_clip(
            session, host, clip.id, {"title": "新的", "file_url": "http://v.example/2"}, NOON
        )
    async with sessions.begin() as session:
        with pytest.raises(Invalid):
            await change_clip(session, host, clip.id, {"title": ""}, NOON)
    async with sessions() as session:
        now = await clip_for(session, host, clip.id)
    assert (now.title, now.channel, now.file_url) == ("新的", "", "http://v.example/2")
    assert (now.cut_from, now.link.code) == (START, clip.link.code)


async def test_another_station_neither_sees_nor_touches_it(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host, airing = await aired(sessions, product)
    clip = await make(sessions, host, product)
    elsewhere = await make_station(sessions, "other")
    other = act(await make_member(sessions, elsewhere, Role.MANAGER))
    async with sessions() as session:
        assert await list_clips(session, elsewhere.id) == []
        assert await cuts_of(session, other, product.id) == []
        for asked in (
            lambda: clip_for(session, other, clip.id),
            lambda: clip_for(session, host, 2**80),
            lambda: cut_for(session, other, airing),
            lambda: cut_for(session, host, 2**80),
            lambda: change_clip(session, other, clip.id, {"title": "x"}, NOON),
            lambda: add_clip(session, other, {"product": str(product.id), "title": "x"}, NOON),
            lambda: retire_link(session, other, clip.link.code, NOON),
        ):
            with pytest.raises(NotFound):
                await asked()
    async with sessions() as session:
        assert (await clip_for(session, host, clip.id)).title == "三分钟看懂"
        assert await session.scalar(select(func.count()).select_from(Show)) == 1
