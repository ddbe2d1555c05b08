"""Signing in through the page."""

from pathlib import Path

from catalog.db import Sessions
from catalog.models import Role
from tests.making import make_member, make_station
from tests.web import browser, settings_for


async def test_a_wrong_password_is_refused_and_the_right_one_taken(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    member = await make_member(sessions, await make_station(sessions), Role.MANAGER)
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.get("/sign-in")
        answer = await web.submit("/sign-in", {"login": member.login, "password": "wrong one"})
        assert answer.status_code == 403
        assert "登录名或密码不对" in answer.text
        assert f'value="{member.login}"' in answer.text
        await web.sign_in(member.login)


async def test_a_form_without_its_token_is_refused(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    member = await make_member(sessions, await make_station(sessions), Role.MANAGER)
    async with browser(settings_for(database_url, tmp_path)) as web:
        answer = await web.submit("/sign-in", {"login": member.login, "password": "wrong one"})
        assert answer.status_code == 403
        assert "放得太久" in answer.text
