"""The frame of the desk: where each role may go, and the way out."""

import re
from pathlib import Path

from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.models import Role
from shop.models import MemberSession
from tests.desk import open_desk
from tests.making import make_member, make_workshop

EVERYWHERE = [
    "/desk", "/desk/inbox", "/desk/shows", "/desk/calendar", "/desk/volunteers", "/desk/orders",
    "/desk/work-orders", "/desk/packing", "/desk/calls", "/desk/requests", "/desk/money", "/desk/receipts", "/desk/reports",
    "/desk/products", "/desk/workshops", "/desk/links", "/desk/people", "/desk/station",
]  # fmt: skip


def places(page: str) -> list[str]:
    nav = re.search(r"<nav.*?</nav>", page, re.DOTALL)
    assert nav is not None
    return re.findall(r'href="([^"]*)"', nav[0])


async def test_the_navigation_leads_each_role_only_where_it_may_go(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        for role in (Role.MANAGER, Role.ASSISTANT, Role.FINANCE, Role.VOLUNTEER):
            await desk.enter(role)
            shown = places((await desk.web.get("/desk")).text)
            answers = {path: (await desk.web.get(path)).status_code for path in EVERYWHERE}
            assert shown == [path for path in EVERYWHERE if answers[path] == 200]
            assert set(answers.values()) <= {200, 403}
        await desk.enter(Role.MANAGER)
        assert places((await desk.web.get("/desk")).text) == EVERYWHERE


async def test_an_artisan_has_no_desk_and_a_stranger_is_sent_to_sign_in(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        answer = await desk.web.get("/desk/orders")
        assert answer.url.path == "/sign-in"
        assert 'name="next" value="/desk/orders"' in answer.text
        workshop = await make_workshop(sessions, desk.station)
        await desk.become(await make_member(sessions, desk.station, Role.ARTISAN, workshop))
        for path in EVERYWHERE:
            assert (await desk.web.get(path)).status_code == 403


async def test_one_signs_in_and_out_of_the_desk(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        member = await make_member(sessions, desk.station, Role.VOLUNTEER)
        await desk.web.sign_in(member.login)
        assert 'action="/sign-out"' in desk.web.page
        cookie = desk.web.client.cookies.get("xb_session")
        answer = await desk.web.submit("/sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        async with sessions() as session:
            assert await session.scalar(select(func.count(MemberSession.id))) == 0
        # The cookie is worth nothing any more, for a browser that kept it too.
        desk.web.client.cookies.set("xb_session", str(cookie))
        assert (await desk.web.get("/desk")).url.path == "/sign-in"
