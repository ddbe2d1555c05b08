"""Below the maker's floor: only with the maker's word, for that show, down to that price."""

from typing import Any

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid
from catalog.models import AuditEntry, Product
from live.lineup import put_line_up
from live.models import PriceConsent, Show
from tests.live.acting import item_of, sibling
from tests.live.test_lineup import make_show, put
from tests.making import NOON, make_product

WORD = {"given_by": "王师傅", "way": "phone", "price_fen": 18000}
TOO_LOW = "不能低于作坊的底价 200 元。"


@pytest.fixture
async def product(sessions: Sessions) -> Product:
    return await make_product(sessions, floor_fen=20000)


def at(product: Product, fen: int, **consent: Any) -> dict[str, Any]:
    return {"product": product.id, "show_price_fen": fen, "consent": consent or None}


async def words(sessions: Sessions) -> list[tuple[int, int, int, str, str]]:
    async with sessions() as session:
        rows = await session.scalars(select(PriceConsent).order_by(PriceConsent.id))
        return [(r.show_id, r.product_id, r.price_fen, r.given_by, r.way) for r in rows]


async def faults(
    sessions: Sessions, host: Actor, show: Show, *rows: dict[str, Any]
) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        await put(sessions, host, show, *rows)
    return refused.value.errors


async def test_a_price_below_the_floor_waits_for_the_makers_word(
    sessions: Sessions, product: Product
) -> None:
    host, show = await make_show(sessions, product)
    said = await faults(sessions, host, show, at(product, 19999))
    assert said == {"items.0.show_price_fen": TOO_LOW}
    await put(sessions, host, show, at(product, 18000, **WORD))
    assert await words(sessions) == [(show.id, product.id, 18000, "王师傅", "phone")]
    assert (await item_of(sessions, show, product)).show_price_fen == 18000
    # The word stands: down to its price nothing more is asked, below it is.
    await put(sessions, host, show, at(product, 18500))
    said = await faults(sessions, host, show, at(product, 17999))
    assert said == {"items.0.show_price_fen": "作坊只同意到 180 元，不能再低。"}
    assert (await item_of(sessions, show, product)).show_price_fen == 18500


async def test_a_word_is_for_one_show_and_one_product(sessions: Sessions, product: Product) -> None:
    other = await sibling(sessions, product, floor_fen=20000)
    host, show = await make_show(sessions, product)
    await put(sessions, host, show, at(product, 18000, **WORD))
    said = await faults(sessions, host, show, at(product, 18000), at(other, 18000))
    assert said == {"items.1.show_price_fen": TOO_LOW}
    next_host, next_show = await make_show(sessions, product)
    said = await faults(sessions, next_host, next_show, at(product, 18000))
    assert said == {"items.0.show_price_fen": TOO_LOW}
    assert len(await words(sessions)) == 1


async def test_the_last_word_counts_and_the_same_word_is_kept_once(
    sessions: Sessions, product: Product
) -> None:
    host, show = await make_show(sessions, product)
    for _ in range(3):
        await put(sessions, host, show, at(product, 18000, **WORD))
    assert len(await words(sessions)) == 1
    later = {"given_by": "王老爷子", "way": "in_person", "price_fen": 19000}
    said = await faults(sessions, host, show, at(product, 18000, **later))
    assert said == {"items.0.show_price_fen": "作坊只同意到 190 元，不能再低。"}
    assert len(await words(sessions)) == 1
    await put(sessions, host, show, at(product, 19000, **later))
    said = await faults(sessions, host, show, at(product, 18000))
    assert said == {"items.0.show_price_fen": "作坊只同意到 190 元，不能再低。"}
    assert [word[2] for word in await words(sessions)] == [18000, 19000]


async def test_a_word_that_is_not_whole_is_refused_at_what_is_missing(
    sessions: Sessions, product: Product
) -> None:
    host, show = await make_show(sessions, product)
    for wrong, field, sentence in (
        ({"given_by": ""}, "given_by", "请填写是谁同意的。"),
        ({"given_by": "长" * 41}, "given_by", "是谁同意的最多 40 个字，现在有 41 个。"),
        ({"way": "telepathy"}, "way", "请选择是怎么同意的。"),
        ({"price_fen": -1}, "price_fen", "同意的价要大于 0。"),
        ({"price_fen": "x"}, "price_fen", "同意的价要填数字。"),
    ):
        said = await faults(sessions, host, show, at(product, 18000, **{**WORD, **wrong}))
        assert said[f"items.0.consent.{field}"] == sentence
    typed = {"given_by": "王师傅", "way": "wechat", "price": "一百八"}
    said = await faults(sessions, host, show, at(product, 18000, **typed))
    assert said["items.0.consent.price"] == "同意的价要填数字，比如 268 或 268.50。"
    assert await words(sessions) == []


async def test_without_a_price_of_its_own_the_word_is_for_the_show_price(
    sessions: Sessions, product: Product
) -> None:
    host, show = await make_show(sessions, product)
    row = at(product, 0, given_by="王师傅", way="written", price="") | {
        "show_price_fen": None,
        "show_price": "185.50",
    }
    await put(sessions, host, show, row)
    assert [word[2] for word in await words(sessions)] == [18550]


async def test_a_word_that_is_not_needed_is_not_kept(sessions: Sessions, product: Product) -> None:
    host, show = await make_show(sessions, product)
    await put(sessions, host, show, at(product, 20000, **WORD))
    assert await words(sessions) == []


async def test_nothing_is_kept_of_a_word_when_another_row_is_refused(
    sessions: Sessions, product: Product
) -> None:
    other = await sibling(sessions, product, on_hand=1)
    host, show = await make_show(sessions, product)
    rows = (at(product, 18000, **WORD), {"product": other.id, "allotment": 2})
    said = await faults(sessions, host, show, *rows)
    assert list(said) == ["items.1.allotment"]
    assert await words(sessions) == []


async def test_the_audit_trail_has_who_agreed_and_for_whom_it_was_written(
    sessions: Sessions, product: Product
) -> None:
    host, show = await make_show(sessions, product)
    async with sessions.begin() as session:
        await put_line_up(session, host, show.id, [at(product, 18000, **WORD)], NOON)
    async with sessions() as session:
        entry = await session.scalar(select(AuditEntry).where(AuditEntry.action == "price.consent"))
    assert entry is not None
    assert (entry.member_id, entry.on_behalf_of) == (host.member_id, product.workshop_id)
    assert entry.before == {"floor_fen": 20000}
    assert entry.after == {"show": show.id, "product": product.id, **WORD}
