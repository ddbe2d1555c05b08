"""Calendar feeds at the desk and as calendar programs fetch them."""

import re
from pathlib import Path

from icalendar import Calendar
from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import Role
from live.models import CalendarFeed, ShowState
from tests.desk import Desk, open_desk
from tests.live.pages.test_calendar import SATURDAY_EVENING, plan

FEEDS = "/desk/calendar/feeds"


async def made(desk: Desk, whose: str) -> str:
    """The address of a new feed, below the site's own."""
    await desk.web.get(FEEDS)
    answer = await desk.web.submit(FEEDS, {"whose": whose})
    assert answer.status_code == 200, answer.text
    found = re.search(r'value="https?://[^/"]+(/calendar/[^"]+\.ics)"', answer.text)
    assert found is not None
    return found[1]


async def test_a_feed_is_made_shown_once_read_and_revoked(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        host = await desk.enter(Role.HOST)
        show = await plan(sessions, host, SATURDAY_EVENING)
        address = await made(desk, "station")
        assert address not in (await desk.web.get(FEEDS)).text
        desk.web.client.cookies.clear()
        answer = await desk.web.client.get(address)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
        assert answer.headers["cache-control"] == "private, no-cache"
        (event,) = Calendar.from_ical(answer.content).walk("VEVENT")
        assert event["uid"] == f"show-{show.id}@127.0.0.1"
        tag = answer.headers["etag"]
        same = await desk.web.client.get(address, headers={"If-None-Match": tag})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        async with sessions.begin() as session:
            kept = await session.merge(show)
            kept.state = ShowState.DRAFT
        changed = await desk.web.client.get(address, headers={"If-None-Match": tag})
        assert changed.status_code == 200
        assert Calendar.from_ical(changed.content).walk("VEVENT") == []
        async with sessions() as session:
            feed = await session.scalar(select(CalendarFeed))
        assert feed is not None
        await desk.enter(Role.HOST)
        await desk.web.get(FEEDS)
        answer = await desk.web.submit(f"{FEEDS}/{feed.id}/revoke")
        assert answer.status_code == 303
        desk.web.client.cookies.clear()
        gone = await desk.web.client.get(address)
        unknown = await desk.web.client.get("/calendar/nobody-has-this.ics")
        assert (gone.status_code, unknown.status_code) == (404, 404)
        # But for the time of the answer, the two are the same page.
        stated = re.compile(r'name="server-time" content="[^"]+"')
        assert stated.sub("", gone.text) == stated.sub("", unknown.text)
        for wrong in ("/calendar/x", "/calendar/.ics", f"/calendar/{'x' * 900}.ics"):
            assert (await desk.web.client.get(wrong)).status_code == 404


async def test_a_volunteer_has_a_feed_of_their_own_and_no_other(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.HOST)
        await made(desk, "station")
        await desk.enter(Role.VOLUNTEER)
        page = (await desk.web.get(FEEDS)).text
        assert "还没有订阅地址" in page
        assert 'value="station"' not in page
        assert (await desk.web.submit(FEEDS, {"whose": "station"})).status_code == 403
        await made(desk, "mine")
        async with sessions() as session:
            first, own = await session.scalars(select(CalendarFeed).order_by(CalendarFeed.id))
        await desk.web.get(FEEDS)
        assert (await desk.web.submit(f"{FEEDS}/{first.id}/revoke")).status_code == 403
        await desk.web.get(FEEDS)
        assert (await desk.web.submit(f"{FEEDS}/{own.id}/revoke")).status_code == 303
        async with sessions() as session:
            first, own = await session.scalars(select(CalendarFeed).order_by(CalendarFeed.id))
        assert first.revoked_at is None
        assert own.revoked_at is not None


async def test_too_many_feeds_are_refused_in_place(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.MANAGER)
        for _ in range(10):
            await made(desk, "mine")
        await desk.web.get(FEEDS)
        answer = await desk.web.submit(FEEDS, {"whose": "mine"})
        assert answer.status_code == 422
        assert "已经有 10 个订阅地址在用" in answer.text
