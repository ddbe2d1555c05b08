"""What a family has earned: the ledger's own sum and entries, told by order."""

from pathlib import Path

from catalog.db import Sessions
from shop import ledger, routing
from shop.earnings import list_earnings
from tests.making import NOON, act, make_product
from tests.shop.pages.family import make_family, order_paid, order_unpaid
from tests.web import browser, settings_for


async def test_the_page_shows_the_ledgers_sum_and_every_entry(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    family = await make_family(sessions)
    neighbours = await make_family(sessions, family.station, "李家木雕")
    # Goods that cost what their postage costs must still be told apart from it.
    product = await make_product(sessions, family.workshop, price_fen=800)
    theirs = await make_product(sessions, neighbours.workshop, price_fen=55500)
    sold = await order_paid(sessions, (product, 1), (theirs, 1))
    returned = await order_paid(sessions, (product, 2))
    await order_unpaid(sessions, (theirs, 1))
    async with sessions.begin() as session:
        await routing.decline(session, act(family.artisan), returned.id, "摔裂了", NOON)
    async with sessions() as session:
        told = await list_earnings(session, family.station.id, family.workshop.id)
        owed = await ledger.balance_fen(session, family.workshop.id)
    assert [(e.kind, e.what, e.work_order_id, e.amount_fen) for e in told] == [
        ("refund", "福字圆挂 ×2", returned.id, -2400),
        ("postage", "福字圆挂 ×2", returned.id, 800),
        ("sale", "福字圆挂 ×2", returned.id, 1600),
        ("postage", "福字圆挂 ×1", sold.id, 800),
        ("sale", "福字圆挂 ×1", sold.id, 800),
    ]
    assert owed == sum(entry.amount_fen for entry in told) == 1600
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        page = (await web.get("/workshop/earnings")).text
        assert '<strong class="price">¥16</strong>' in page
        assert page.count("<li ") == 5
        assert "−¥24" in page
        assert page.count("+¥8<") == 3
        assert "11月22日 12:00" in page
        assert "555" not in page


async def test_a_family_that_has_sold_nothing_is_told_so(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    family = await make_family(sessions)
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        page = (await web.get("/workshop/earnings")).text
        assert "还没有卖出去的" in page
        assert '<strong class="price">¥0</strong>' in page
