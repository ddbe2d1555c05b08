"""What a family has earned: the ledger's own sum and entries, told by order."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from catalog.access import Actor
from catalog.checks import BEIJING
from catalog.db import Sessions
from catalog.models import Role
from shop import ledger, work_steps
from shop.earnings import list_earnings
from shop.web.render import beijing_day
from tests.making import NOON, act, make_member, make_product
from tests.shop.money import give_back, pay_out, sell
from tests.shop.pages.family import Family, make_family, order_paid, order_unpaid
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
        await work_steps.decline(session, act(family.artisan), returned.id, "摔裂了", NOON)
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
        assert "¥555" not in page


async def test_a_family_reads_what_was_sold_kept_paid_and_when_the_rest_is(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    family = await make_family(sessions)
    product = await make_product(sessions, family.workshop)
    today = datetime.now(UTC).astimezone(BEIJING).date()
    await sell(sessions, product, payable_on=today, fee_bp=500)
    await sell(sessions, product, payable_on=today + timedelta(days=3))
    await sell(sessions, product)
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        page = (await web.get("/workshop/earnings")).text
        soon = beijing_day(today + timedelta(days=3))
        for text in (
            '<strong class="price">¥814.60</strong>',
            "¥262.60 已经可以结了，下次结账付给您。",
            "还要等的 ¥552：最早 <strong>" + soon,
            "其中 ¥276 买家还没收到。",
            "<dt>您卖了（连邮费）</dt><dd>¥828</dd>",
            "<dt>社工站留的</dt><dd>−¥13.40</dd>",
            "<dt>已经付给您</dt><dd>¥0</dd>",
            "<dt>还欠您</dt><dd>¥814.60</dd>",
        ):
            assert text in page


async def test_a_family_paid_too_much_is_told_that_nothing_is_asked_back(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    family = await make_family(sessions)
    product = await make_product(sessions, family.workshop)
    order = await sell(sessions, product, payable_on=NOON.date())
    await pay_out(sessions, *[await _manager(sessions, family) for _ in range(2)])
    await give_back(sessions, order.work_orders[0])
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        page = (await web.get("/workshop/earnings")).text
        assert "社工站多付了您" in page
        assert '<strong class="price">¥276</strong>' in page
        assert "这笔不用您掏钱，下次结账先扣掉。" in page
        assert "现金，单号 88" in page


async def _manager(sessions: Sessions, family: Family) -> Actor:
    return act(await make_member(sessions, family.station, Role.MANAGER))


async def test_a_family_reads_and_keeps_its_own_statement_only(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    family = await make_family(sessions)
    neighbours = await make_family(sessions, family.station, "李家木雕")
    await sell(sessions, await make_product(sessions, family.workshop))
    theirs = await make_product(sessions, neighbours.workshop, name="茶盘")
    await sell(sessions, theirs, goods_fen=55500)
    november = "?since=2026-11-01&until=2026-11-30"
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        page = (await web.get("/workshop/earnings/account" + november)).text
        assert "2026年11月的账" in page
        assert "+¥268" in page
        assert "茶盘" not in page
        rows = (await web.get("/workshop/earnings/account/statement.csv" + november)).text
        assert "268.00" in rows
        assert "555.00" not in rows
        path = f"/desk/money/workshops/{neighbours.workshop.id}"
        assert (await web.get(path)).status_code == 403
        assert (
            "这个月没有账目。"
            in (await web.get("/workshop/earnings/account?since=2020-01-01&until=2020-01-31")).text
        )


async def test_a_family_that_has_sold_nothing_is_told_so(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    family = await make_family(sessions)
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        page = (await web.get("/workshop/earnings")).text
        assert "还没有卖出去的" in page
        assert '<strong class="price">¥0</strong>' in page
