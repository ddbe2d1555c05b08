"""Styles and scripts: kept by browsers, and asked about again only where they may have changed."""

from pathlib import Path

import pytest

from shop.web.static import FOREVER
from tests.web import browser, settings_for


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_asked_for_by_its_version_is_kept_for_a_year(
    database_url: str, tmp_path: Path
) -> None:
    async with browser(settings_for(database_url, tmp_path)) as web:
        answer = await web.get("/static/app.css?v=0123456789")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/css; charset=utf-8"
        assert answer.headers["cache-control"] == FOREVER


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_scripts_ask_for_without_a_version_is_asked_about_again(
    database_url: str, tmp_path: Path
) -> None:
    async with browser(settings_for(database_url, tmp_path)) as web:
        first = await web.get("/static/app.js")
        assert first.headers["cache-control"] == "no-cache"
        known = {"If-None-Match": first.headers["etag"]}
        again = await web.client.get("/static/app.js", headers=known)
        assert (again.status_code, again.content) == (304, b"")
        changed = await web.client.get("/static/app.js", headers={"If-None-Match": '"older"'})
        assert (changed.status_code, changed.content) == (200, first.content)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nothing_else_is_served(database_url: str, tmp_path: Path) -> None:
    async with browser(settings_for(database_url, tmp_path)) as web:
        for name in ("none.css", "..%2Frender.py", "%2e%2e%2frender.py"):
            assert (await web.get(f"/static/{name}")).status_code == 404
