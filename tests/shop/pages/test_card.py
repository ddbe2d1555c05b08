"""What a card opens on a phone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from catalog.db import Sessions
from catalog.models import Member, Role
from shop.cards import revoke_card
from shop.signin import hash_token
from shop.web.visit import PHONE_COOKIE, SESSION_COOKIE
from tests.making import NOON, make_member
from tests.shop.pages.family import Family, make_family
from tests.shop.test_cards import card_now, desk_of, issue
from tests.web import Browser, browser, settings_for


@asynccontextmanager
async def phones(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> AsyncIterator[tuple[Family, str, Browser, Browser]]:
    """A family, its card's address, and two phones."""
    family = await make_family(sessions)
    token = await issue(sessions, await desk_of(sessions, family), family)
    settings = settings_for(database_url, tmp_path)
    async with browser(settings) as mine, browser(settings) as other:
        yield family, f"/K/{token}", mine, other


async def test_a_look_binds_nothing_and_the_press_signs_in(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with phones(sessions, database_url, tmp_path) as (_, path, mine, _):
        for _ in range(2):
            page = (await mine.get(path)).text
            assert "您是artisan吗？" in page
            assert "这张卡就只认这部手机" in page
        assert SESSION_COOKIE not in mine.client.cookies
        assert (await card_now(sessions, path[3:])).phone_hash == ""
        answer = await mine.submit(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/workshop")
        set_cookies = answer.headers.get_list("set-cookie")
        kept = next(one for one in set_cookies if one.startswith(PHONE_COOKIE))
        for part in ("HttpOnly", "Max-Age=34560000", "SameSite=lax", "Path=/"):
            assert part in kept
        card = await card_now(sessions, path[3:])
        assert card.phone_hash == hash_token(mine.client.cookies[PHONE_COOKIE])
        assert (await mine.get("/workshop")).status_code == 200
        assert (await mine.get(path)).url.path == "/workshop"


async def test_the_same_phone_comes_in_again_by_small_letters_too(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with phones(sessions, database_url, tmp_path) as (_, path, mine, _):
        await mine.get(path)
        await mine.submit(path)
        mine.client.cookies.delete(SESSION_COOKIE)
        page = (await mine.get(path.lower())).text
        assert "您是artisan吗？" in page
        assert "只认这部手机" not in page
        assert (await mine.submit(path.lower())).status_code == 303
        assert (await mine.get("/workshop")).url.path == "/workshop"


async def test_another_phone_reads_whom_to_call(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with phones(sessions, database_url, tmp_path) as (family, path, mine, other):
        await mine.get(path)
        await mine.submit(path)
        await other.get(path)
        answer = await other.submit(path)
        assert answer.status_code == 409
        assert "这张卡认的是另一部手机" in answer.text
        assert 'href="tel:09370000000"' in answer.text
        assert SESSION_COOKIE not in other.client.cookies
        assert PHONE_COOKIE not in other.client.cookies
        assert (await other.get("/workshop")).url.path == "/sign-in"
        manager = await make_member(sessions, family.station, Role.MANAGER)
        await other.sign_in(manager.login)
        page = (await other.get("/desk/troubles")).text
        assert "王家木作的artisan的卡，被另一部手机扫了" in page
        assert f'href="/desk/workshops/{family.workshop.id}"' in page


async def test_a_card_that_opens_nothing_says_so_plainly(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with phones(sessions, database_url, tmp_path) as (family, path, mine, other):
        answer = await mine.get(path[:-1])
        assert (answer.status_code, "认不出来" in answer.text) == (404, True)
        assert "tel:" not in answer.text
        await mine.get(path)
        await mine.submit(path)
        await other.get(path)
        desk = await desk_of(sessions, family)
        async with sessions.begin() as session:
            await revoke_card(session, desk, family.workshop.id, family.artisan.id, NOON)
        # The phone is signed out at once.
        assert (await mine.get("/workshop")).url.path == "/sign-in"
        for answer in (await other.submit(path), await other.get(path)):
            assert (answer.status_code, "已经不用了" in answer.text) == (410, True)
            assert 'href="tel:09370000000"' in answer.text
        again = await issue(sessions, desk, family)
        async with sessions.begin() as session:
            (await session.get_one(Member, family.artisan.id)).active = False
        answer = await mine.get(f"/K/{again}")
        assert (answer.status_code, "现在不能用" in answer.text) == (403, True)


async def test_a_press_without_the_pages_token_is_refused(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with phones(sessions, database_url, tmp_path) as (_, path, mine, _):
        assert (await mine.client.post(path)).status_code == 403
        assert (await card_now(sessions, path[3:])).phone_hash == ""
