"""Two people at one line-up: the second learns what the first did, and nothing is lost unseen."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from catalog.access import Actor
from catalog.db import Sessions
from catalog.models import Product
from live.errors import LineUpChanged
from live.lineup import put_line_up
from live.lineup_versions import Changes, changes_since, last_saved, version_of
from live.models import Show
from live.shows import show_for
from tests.live.acting import sibling
from tests.live.test_lineup import kept, make_show, put
from tests.making import NOON, make_product


async def version(sessions: Sessions, host: Actor, show: Show) -> str:
    async with sessions() as session:
        return version_of((await show_for(session, host, show.id)).items)


async def changes(sessions: Sessions, host: Actor, show: Show, seen: str) -> Changes:
    async with sessions() as session:
        return changes_since(seen, (await show_for(session, host, show.id)).items)


async def test_the_same_rows_have_the_same_version_and_others_another(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host, show = await make_show(sessions, product)
    assert await version(sessions, host, show) == ""
    row = {"product": product.id, "minutes": 5}
    await put(sessions, host, show, row)
    first = await version(sessions, host, show)
    await put(sessions, host, show, row)
    assert await version(sessions, host, show) == first
    seen = {first}
    for change in (
        {"minutes": 6}, {"show_price_fen": 100}, {"allotment": 1},
        {"talking_points": "话"}, {"do_not_say": "话"}, {"speaker": "小李"},
    ):  # fmt: skip
        await put(sessions, host, show, row | change)
        seen.add(await version(sessions, host, show))
    assert len(seen) == 7


async def test_what_changed_since_is_told_by_product(sessions: Sessions) -> None:
    a = await make_product(sessions)
    b, c, d = [await sibling(sessions, a) for _ in range(3)]
    host, show = await make_show(sessions, a)
    await put(sessions, host, show, *({"product": p.id} for p in (a, b, c)))
    seen = await version(sessions, host, show)
    assert await changes(sessions, host, show, seen) == Changes([], [], [], moved=False)
    await put(
        sessions, host, show, {"product": d.id}, {"product": c.id, "minutes": 9}, {"product": a.id}
    )
    assert await changes(sessions, host, show, seen) == Changes([d.id], [b.id], [c.id], moved=True)
    nonsense = "x.y-.-²-" + "9" * 40 + f".1-{a.id}"
    assert await changes(sessions, host, show, nonsense) == Changes(
        [d.id, c.id], [], [a.id], moved=False
    )


async def test_who_saved_last_is_known(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host, show = await make_show(sessions, product)
    async with sessions() as session:
        assert await last_saved(session, show) is None
    await put(sessions, host, show, {"product": product.id})
    async with sessions() as session:
        assert await last_saved(session, show) == (host.name, NOON)


async def both_save(
    sessions: Sessions, save: Callable[[Actor, Show, str, Product], Awaitable[bool]]
) -> tuple[list[bool], int]:
    """Two open the empty line-up, each adds a product and saves; who got through, how many rows."""
    first = await make_product(sessions)
    second = await sibling(sessions, first)
    host, show = await make_show(sessions, first)
    seen = await version(sessions, host, show)
    saved = await asyncio.gather(*(save(host, show, seen, p) for p in (first, second)))
    return sorted(saved), len(await kept(sessions, host, show))


async def test_of_two_who_save_at_once_the_second_is_refused(sessions: Sessions) -> None:
    async def save(host: Actor, show: Show, seen: str, product: Product) -> bool:
        rows = [{"product": product.id}]
        try:
            async with sessions.begin() as session:
                await put_line_up(session, host, show.id, rows, NOON, seen=seen)
        except LineUpChanged:
            return False
        return True

    assert await both_save(sessions, save) == ([False, True], 1)


async def test_the_naive_way_both_believe_that_they_saved(sessions: Sessions) -> None:
    """Who looks before the lock, and not under it, overwrites what came in between."""
    looked = asyncio.Barrier(2)

    async def save(host: Actor, show: Show, seen: str, product: Product) -> bool:
        if await version(sessions, host, show) != seen:
            return False
        await looked.wait()
        await put(sessions, host, show, {"product": product.id})
        return True

    assert await both_save(sessions, save) == ([True, True], 1)


async def test_a_version_that_no_longer_stands_changes_nothing(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host, show = await make_show(sessions, product)
    await put(sessions, host, show, {"product": product.id, "minutes": 7})
    before = await kept(sessions, host, show)
    for stale in ("", "nonsense", f"{product.id}.00000000"):
        with pytest.raises(LineUpChanged):
            async with sessions.begin() as session:
                await put_line_up(session, host, show.id, [], NOON, seen=stale)
    assert await kept(sessions, host, show) == before
