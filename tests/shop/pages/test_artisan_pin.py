"""The PIN before money, on the phone."""

from pathlib import Path

from sqlalchemy import update

from catalog.db import Sessions
from shop.models import MemberSession
from shop.pin import MOST_TRIES
from tests.making import NOON
from tests.shop.pages.test_card import phones
from tests.web import Browser, browser, settings_for

MONEY = (
    "/workshop/earnings",
    "/workshop/earnings/account?since=2026-10-01&until=2026-10-31",
    "/workshop/earnings/account/statement.xlsx",
    "/workshop/letters",
)


async def close_money(sessions: Sessions) -> None:
    """Ten minutes later."""
    async with sessions.begin() as session:
        await session.execute(update(MemberSession).values(money_until=NOON))


async def enter(web: Browser, path: str) -> None:
    await web.get(path)
    assert (await web.submit(path)).status_code == 303


async def test_who_came_by_card_sets_a_pin_and_is_asked_again_later(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with phones(sessions, database_url, tmp_path) as (_, path, web, _):
        await enter(web, path)
        for address in MONEY:
            answer = await web.get(address)
            assert answer.url.path == "/workshop/earnings/pin"
            assert answer.url.params["next"] == address
            assert "给看钱设一个密码" in answer.text
        await web.get(MONEY[1])
        typed = {"next": MONEY[1], "pin": "1111"}
        answer = await web.submit("/workshop/earnings/pin", typed)
        assert (answer.status_code, "太好猜了" in answer.text) == (422, True)
        answer = await web.submit("/workshop/earnings/pin", {**typed, "pin": "2580"})
        assert "再输一遍一样的" in answer.text
        again = {"next": MONEY[1], "first": "2580"}
        answer = await web.submit("/workshop/earnings/pin", {**again, "pin": "2581"})
        assert (answer.status_code, "两次不一样" in answer.text) == (422, True)
        assert "给看钱设一个密码" in answer.text
        answer = await web.submit("/workshop/earnings/pin", {**again, "pin": "2580"})
        assert (answer.status_code, answer.headers["location"]) == (303, MONEY[1])
        for address in MONEY:
            assert (await web.get(address)).url.path == address.partition("?")[0]
        assert (
            await web.get("/workshop/earnings/pin?next=https://evil.example")
        ).url.path == MONEY[0]
        await close_money(sessions)
        assert "看钱以前，输密码" in (await web.get(MONEY[0])).text
        answer = await web.submit("/workshop/earnings/pin", {"next": "//evil", "pin": "1379"})
        assert (answer.status_code, "不对，还能试 4 次。" in answer.text) == (422, True)
        answer = await web.submit("/workshop/earnings/pin", {"next": "//evil", "pin": "2580"})
        assert answer.headers["location"] == MONEY[0]
        await close_money(sessions)
        answer = await web.submit("/workshop/earnings/pin", {"next": MONEY[3], "pin": "2580"})
        assert answer.headers["location"] == MONEY[3]
        assert f'href="{MONEY[3]}"' in (await web.get(MONEY[0])).text
        # The work itself is not money.
        await close_money(sessions)
        assert (await web.get("/workshop")).url.path == "/workshop"


async def test_after_five_wrong_ones_the_station_is_to_be_called(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with phones(sessions, database_url, tmp_path) as (family, path, web, _):
        await enter(web, path)
        await web.get(MONEY[0])
        await web.submit("/workshop/earnings/pin", {"pin": "2580"})
        await web.submit("/workshop/earnings/pin", {"first": "2580", "pin": "2580"})
        await close_money(sessions)
        await web.get(MONEY[0])
        for _ in range(MOST_TRIES):
            await web.submit("/workshop/earnings/pin", {"pin": "1379"})
        answer = await web.submit("/workshop/earnings/pin", {"pin": "2580"})
        assert answer.status_code == 429
        assert "打电话给社工站" in answer.text
        assert 'href="tel:09370000000"' in answer.text
        assert (await web.get(MONEY[0])).url.path == "/workshop/earnings/pin"
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        assert (await web.get(MONEY[0])).url.path == MONEY[0]
