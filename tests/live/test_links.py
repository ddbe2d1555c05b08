"""Codes: made once, found as people type them, retired for ever."""

import asyncio

import pytest
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid, NotFound
from catalog.models import Role
from live.errors import LinkRetired
from live.links import (
    add_link,
    find_link,
    link_for,
    link_for_product,
    link_line_up,
    link_tags,
    link_to_print,
    link_url,
    links_of_show,
    list_links,
    retire_link,
    tags_of,
)
from live.models import Link, Placement
from media.codes import ALPHABET
from tests.live.acting import host_of, make_link, sibling
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station


async def stranger(sessions: Sessions) -> Actor:
    return act(await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER))


async def count(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(Link)) or 0


def test_the_address_in_a_code_is_all_capitals() -> None:
    assert link_url("https://shop.example/", "7K3FD") == "HTTPS://SHOP.EXAMPLE/Q/7K3FD"


async def test_codes_are_five_symbols_that_nobody_confuses(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host = await host_of(sessions, await make_live_show(sessions, [product]))
    async with sessions.begin() as session:
        made = [
            await add_link(
                session,
                host,
                product_id=product.id,
                show_id=None,
                placement=Placement.CARD,
                now=NOON,
            )
            for _ in range(20)
        ]
    assert all(len(link.code) == 5 and set(link.code) <= set(ALPHABET) for link in made)
    assert len({link.code for link in made}) == 20
    assert not set("0O1ILU") & set(ALPHABET)


async def test_a_code_that_is_only_spoken_has_four_symbols(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host = await host_of(sessions, await make_live_show(sessions, [product]))
    async with sessions.begin() as session:
        lengths = {
            placement: len(
                (await link_for_product(session, host, product.id, None, placement, NOON)).code
            )
            for placement in Placement
        }
    assert lengths == dict.fromkeys(Placement, 5) | {Placement.SPOKEN: 4}


async def test_a_code_is_found_as_people_type_it(sessions: Sessions) -> None:
    link = await make_link(sessions, await make_product(sessions))
    async with sessions() as session:
        for typed in ("7K3FD", " 7k3fd ", "7k-3fd", "７Ｋ３ＦＤ", "7 K 3 F D"):
            assert (await find_link(session, typed)).id == link.id
        for typed in ("7K3F", "7K3FDD", "", "%"):
            with pytest.raises(NotFound):
                await find_link(session, typed)


async def test_a_product_has_one_code_a_place(sessions: Sessions) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    host = await host_of(sessions, show)

    async def code(show_id: int | None, placement: Placement) -> str:
        async with sessions.begin() as session:
            link = await link_for_product(session, host, product.id, show_id, placement, NOON)
        return link.code

    codes = {await code(s, p) for s in (None, show.id) for p in (Placement.TAG, Placement.CARD)}
    assert len(codes) == 4
    tag = await code(None, Placement.TAG)
    assert tag in codes
    async with sessions.begin() as session:
        await retire_link(session, host, tag, NOON)
    assert await code(None, Placement.TAG) not in codes


async def test_a_link_must_open_something_of_the_station(sessions: Sessions) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    host, other = await host_of(sessions, show), await stranger(sessions)
    for actor, product_id, show_id, refusal in (
        (host, None, None, Invalid),
        (other, product.id, None, NotFound),
        (other, None, show.id, NotFound),
        (host, 999_999, None, NotFound),
    ):
        with pytest.raises(refusal):
            async with sessions.begin() as session:
                await add_link(
                    session,
                    actor,
                    product_id=product_id,
                    show_id=show_id,
                    placement=Placement.CARD,
                    now=NOON,
                )
    assert await count(sessions) == 0


async def test_a_retired_code_stays_retired_and_is_not_printed(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host = await host_of(sessions, await make_live_show(sessions, [product]))
    await make_link(sessions, product)
    async with sessions.begin() as session:
        assert (await link_to_print(session, host, "7K3FD")).retired_at is None
        await retire_link(session, host, "7K3FD", NOON)
        await retire_link(session, host, "7K3FD", NOON.replace(hour=9))
    async with sessions() as session:
        assert (await find_link(session, "7K3FD")).retired_at == NOON
        with pytest.raises(LinkRetired):
            await link_to_print(session, host, "7K3FD")


async def test_another_station_neither_sees_nor_retires_a_code(sessions: Sessions) -> None:
    await make_link(sessions, await make_product(sessions))
    other = await stranger(sessions)
    for asked in (
        lambda s: link_for(s, other, "7K3FD"),
        lambda s: link_to_print(s, other, "7K3FD"),
        lambda s: retire_link(s, other, "7K3FD", NOON),
    ):
        with pytest.raises(NotFound):
            async with sessions.begin() as session:
                await asked(session)
    async with sessions() as session:
        assert (await find_link(session, "7K3FD")).retired_at is None
        assert await list_links(session, other.station_id) == []


async def test_the_list_is_searched_and_turned_by_page(sessions: Sessions) -> None:
    product = await make_product(sessions)
    lotus = await sibling(sessions, product, name="莲花盘")
    show = await make_live_show(sessions, [product])
    await make_link(sessions, product, None, "22222")
    await make_link(sessions, lotus, None, "33333")
    last = await make_link(sessions, product, show, "44444")

    async def codes(**wanted: object) -> list[str]:
        async with sessions() as session:
            found = await list_links(session, product.station_id, **wanted)  # type: ignore[arg-type]
        return [link.code for link in found]

    assert await codes() == ["44444", "33333", "22222"]
    assert await codes(words="莲花") == ["33333"]
    assert await codes(words="周日 福字") == ["44444"]
    assert await codes(words="2222 2") == []
    assert await codes(words="22222") == ["22222"]
    assert await codes(words="%") == []
    assert await codes(before=last.id, most=1) == ["33333"]
    assert await codes(before=2**80, most=1) == ["44444"]


async def test_a_line_up_gets_one_set_of_codes_however_often_asked(sessions: Sessions) -> None:
    product = await make_product(sessions)
    second = await sibling(sessions, product)
    show = await make_live_show(sessions, [product, second])
    host = await host_of(sessions, show)

    async def link() -> None:
        async with sessions.begin() as session:
            await link_line_up(session, host, show.id, NOON)

    await asyncio.gather(link(), link(), link())
    async with sessions() as session:
        made = await links_of_show(session, show.id)
    assert [(link.product_id, link.placement) for link in made] == [
        (None, Placement.CARD),
        (product.id, Placement.OVERLAY),
        (second.id, Placement.OVERLAY),
    ]
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await link_line_up(session, await stranger(sessions), show.id, NOON)


async def test_tags_are_made_where_missing_and_listed_in_order(sessions: Sessions) -> None:
    product = await make_product(sessions)
    second = await sibling(sessions, product)
    show = await make_live_show(sessions, [product])
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        assert await tags_of(session, host, [product.id], None) == []
        await link_tags(session, host, [product.id], None, NOON)
        await link_tags(session, host, [second.id, product.id], None, NOON)
        tags = await tags_of(session, host, [second.id, product.id, 2**80, -1], None)
        of_the_show = await tags_of(session, host, [product.id], show.id)
    assert [tag.product_id for tag in tags] == [second.id, product.id]
    assert of_the_show == []
    assert await count(sessions) == 2
