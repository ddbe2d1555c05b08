"""What is told of a family, at the desk."""

import re
import subprocess
from pathlib import Path

from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import FamilyFact, Maker, Role, Workshop
from tests.desk import Desk, only, open_desk
from tests.making import make_station, make_workshop

STAFF = only(Role.MANAGER, Role.HOST, Role.ASSISTANT, Role.ORDER_DESK, Role.FINANCE)
YES = {"on_page": "1", "agreed_on": "2026-11-20", "witness": "村文书老魏"}


async def facts(sessions: Sessions) -> list[FamilyFact]:
    async with sessions() as session:
        return list(await session.scalars(select(FamilyFact).order_by(FamilyFact.position)))


async def begin(desk: Desk) -> tuple[Workshop, str]:
    family = await make_workshop(desk.sessions, desk.station)
    await desk.enter(Role.MANAGER)
    path = f"/desk/workshops/{family.id}/facts"
    page = (await desk.web.get(path)).text
    assert f'<a href="{path}" aria-current="page">家里的事</a>' in page
    assert "还没有记" in page
    return family, path


async def test_facts_are_added_answered_changed_and_taken_down(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, path = await begin(desk)
        for text in ("三代<木匠>。", "冬天雕花。"):
            answer = await desk.web.submit(path, {"text": text})
            assert (answer.status_code, answer.headers["location"]) == (303, path)
        page = (await desk.web.get(path)).text
        assert "三代&lt;木匠&gt;。" in page
        assert page.count("家里没有答应，哪里都不说") == 2
        first, second = await facts(sessions)
        seen = {**YES, "seen": "三代<木匠>。"}
        assert (await desk.web.submit(f"{path}/{first.id}/agree", seen)).status_code == 303
        page = (await desk.web.get(path)).text
        assert "11月20日同意，村文书老魏在场" in page
        await desk.web.submit(f"{path}/{second.id}/move", {"to": "up"})
        await desk.web.submit(f"{path}/{first.id}/words", {"text": "四代木匠。"})
        assert [(f.text, f.on_page) for f in await facts(sessions)] == [
            ("冬天雕花。", False),
            ("四代木匠。", False),
        ]
        await desk.web.get(path)
        await desk.web.submit(f"{path}/{first.id}/remove")
        assert "拿下的（1）" in (await desk.web.get(path)).text
        await desk.web.submit(f"{path}/{first.id}/put-back")
        assert "拿下的" not in (await desk.web.get(path)).text
        assert (await desk.web.submit(f"{path}/{first.id}/burn")).status_code == 404


async def test_a_form_with_faults_comes_back_as_it_was(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, path = await begin(desk)
        answer = await desk.web.submit(path, {"text": "爷爷有病。", "on_air": "1"})
        assert answer.status_code == 422
        for part in (
            ">爷爷有病。</textarea>",
            'href="#f-witness-new">请填写谁在场作证。',
            'id="f-delicate_agreed-new"',
            "单独问过家里、家里说行，再勾这一格。",
        ):
            assert part in re.sub(r"\n", "", answer.text), part
        assert re.search(r'id="f-on_air-new"[^>]* checked', answer.text)
        assert await facts(sessions) == []
        await desk.web.submit(path, {"text": "冬天雕花。"})
        (fact,) = await facts(sessions)
        await desk.web.get(path)
        other = {**YES, "seen": "冬天画样。"}
        answer = await desk.web.submit(f"{path}/{fact.id}/agree", other)
        assert answer.status_code == 422
        assert "这句话刚刚有人改过" in answer.text
        assert "<details open>" in answer.text
        assert 'value="村文书老魏"' in answer.text
        assert not (await facts(sessions))[0].on_page
        answer = await desk.web.submit(f"{path}/{fact.id}/words", {"text": "非遗手艺。"})
        assert answer.status_code == 422
        assert "“非遗”要有凭证才能说" in answer.text
        assert ">非遗手艺。</textarea>" in answer.text.replace("\n", "")


async def test_a_name_is_agreed_to_by_itself(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        family, path = await begin(desk)
        async with sessions.begin() as session:
            whose = {"station_id": family.station_id, "workshop_id": family.id}
            maker = Maker(name="王师傅", about="雕刻", on_air=True, on_page=True, **whose)
            session.add(maker)
        assert "没有记下谁同意的" in (await desk.web.get(path)).text
        seen = {**YES, "seen": "王师傅：雕刻"}
        assert (await desk.web.submit(f"{path}/{maker.id}/name", seen)).status_code == 303
        async with sessions() as session:
            told = await session.get_one(Maker, maker.id)
        assert (told.on_page, told.on_air, told.witness) == (True, False, "村文书老魏")


async def test_others_see_what_may_be_told_and_change_nothing(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, path = await begin(desk)
        await desk.web.submit(path, {"text": "冬天雕花。", **YES})
        await desk.web.submit(path, {"text": "爷爷有病。"})
        first, _ = await facts(sessions)
        assert await desk.statuses(path) == STAFF
        assert await desk.statuses(f"{path}/sheet.pdf") == only(Role.MANAGER)
        await desk.enter(Role.HOST)
        page = (await desk.web.get(path)).text
        assert "冬天雕花。" in page
        assert "爷爷有病" not in page
        assert "还有 1 条家里没有答应，只有站长看得到。" in page
        assert f'action="{path}' not in page
        await desk.web.get("/desk/workshops")
        assert (await desk.web.submit(path, {"text": "别的"})).status_code == 403
        assert (await desk.web.submit(f"{path}/{first.id}/remove")).status_code == 403
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        assert (await desk.web.get(path)).status_code == 404
        await desk.web.get("/desk/workshops")
        assert (await desk.web.submit(f"{path}/{first.id}/remove")).status_code == 404
        assert [fact.removed_at for fact in await facts(sessions)] == [None, None]


async def test_the_sheet_has_everything_that_is_asked(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        family, path = await begin(desk)
        await desk.web.submit(path, {"text": "爷爷有病。"})
        async with sessions.begin() as session:
            whose = {"station_id": family.station_id, "workshop_id": family.id}
            session.add(Maker(name="王师傅", about="雕刻", **whose))
        answer = await desk.web.get(f"{path}/sheet.pdf")
        assert answer.headers["content-type"] == "application/pdf"
        (tmp_path / "sheet.pdf").write_bytes(answer.content)
        read = ["pdftotext", "-raw", str(tmp_path / "sheet.pdf"), "-"]
        text = subprocess.run(read, check=True, capture_output=True).stdout.decode()  # noqa: ASYNC221
        for part in ("王家木作", "爷爷有病。", "王师傅：雕刻", "请单独问"):
            assert part in text
