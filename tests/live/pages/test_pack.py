"""The address of a show's paper pack."""

import subprocess
from pathlib import Path

import pytest

from catalog.access import SHOW_VIEWERS
from catalog.db import Sessions
from catalog.models import Role
from live.links import link_line_up
from tests.desk import only, open_desk
from tests.live.acting import host_of, sibling
from tests.making import make_live_show, make_product, make_station, make_workshop
from tests.paper import codes_on

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def text_of(paper: Path) -> str:
    said = subprocess.run(["pdftotext", str(paper), "-"], check=True, capture_output=True)
    return said.stdout.decode()


async def test_a_shows_pack_has_its_pieces_times_and_code(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        first = await make_product(sessions, workshop, name="驼铃方屏")
        second = await sibling(sessions, first, name="丰年竖匾")
        show = await make_live_show(sessions, [first, second], allotment=1, price_fen=19900)
        path = f"/desk/shows/{show.id}/pack.pdf"
        await desk.enter(Role.HOST)
        bare = await desk.web.get(path)
        assert bare.headers["content-type"] == "application/pdf"
        assert codes_on(bare.content, tmp_path / "bare.pdf") == []
        async with sessions.begin() as session:
            await link_line_up(session, await host_of(sessions, show), show.id, show.starts_at)
        pdf = (await desk.web.get(path)).content
        (own,) = codes_on(pdf, tmp_path / "pack.pdf")
        assert "/Q/" in own
        text = text_of(tmp_path / "pack.pdf")
        for part in (
            "周日专场",
            "驼铃方屏",
            "丰年竖匾",
            "12:00",
            "12:05",
            "¥199",
            "有 3 件，留 1 件",
        ):
            assert part in text
        assert await desk.statuses(path) == only(*SHOW_VIEWERS)
        await desk.enter(Role.HOST, await make_station(sessions, "other"))
        assert (await desk.web.get(path)).status_code == 404
