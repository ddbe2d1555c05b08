"""The desk's show pages: scheduling, changing, starting, ending, and who may."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import Member, Role
from live.lineup import put_line_up
from live.models import Show, ShowState
from live.scheduling import schedule_show
from tests.live.acting import item_of, make_photo, member_of, pieces, settle_points
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station
from tests.web import Browser, browser, settings_for

# What is scheduled must lie ahead, whenever this runs.
FORM = {
    "title": "周六晚 · 木雕专场",
    "starts_at": "2093-11-28T19:30",
    "ends_at": "2093-11-28T21:30",
    "place": "文化站二楼",
    "channels": ["抖音", "视频号"],
}


@pytest.fixture
async def host(sessions: Sessions) -> Member:
    return await make_member(sessions, await make_station(sessions), Role.HOST)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Any:
    return settings_for(database_url, tmp_path)


async def shows(sessions: Sessions) -> list[Show]:
    async with sessions() as session:
        return list(await session.scalars(select(Show).order_by(Show.id)))


async def open_form(web: Browser, host: Member) -> dict[str, Any]:
    await web.sign_in(host.login)
    assert (await web.get("/desk/shows/new")).status_code == 200
    return FORM | {"host_id": str(host.id)}


async def test_a_show_is_scheduled_seen_and_changed(
    sessions: Sessions, host: Member, settings: Any
) -> None:
    async with browser(settings) as web:
        form = await open_form(web, host)
        answer = await web.submit("/desk/shows/new", form)
        (show,) = await shows(sessions)
        assert answer.headers["location"] == f"/desk/shows/{show.id}/line-up"
        assert (show.starts_at.hour, show.channels) == (11, ["抖音", "视频号"])
        listed = (await web.get("/desk/shows")).text
        assert "2093年11月28日 周六" in listed
        assert "19:30–21:30" in listed
        assert "北京时间" in listed
        page = (await web.get(f"/desk/shows/{show.id}")).text
        assert "11月28日 19:30–21:30" in page
        edit = (await web.get(f"/desk/shows/{show.id}/edit")).text
        assert 'value="2093-11-28T19:30"' in edit
        assert 'value="视频号" checked' in edit
        answer = await web.submit(f"/desk/shows/{show.id}/edit", form | {"channels": ["快手"]})
        assert answer.status_code == 303
    (show,) = await shows(sessions)
    assert show.channels == ["快手"]


BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"ends_at": "2093-11-28T19:00"}, "结束时间要在开始时间之后。"),
    ({"ends_at": "2093-11-30T11:30"}, "一场最长 12 小时。"),
    ({"host_id": "999999"}, "请选择本站的主播或管理员。"),
    ({"host_id": "9" * 40}, "主播要填整数。"),
    ({"starts_at": ""}, "请填写开始时间。"),
    ({"title": "长" * 61}, "名称最多 60 个字，现在有 61 个。"),
    ({"channels": ["广播"]}, "平台请从这些里选"),
)


async def test_a_bad_form_comes_back_with_all_that_was_typed(
    sessions: Sessions, host: Member, settings: Any
) -> None:
    async with browser(settings) as web:
        form = await open_form(web, host) | {"place": "<i>院子</i>"}
        for typed, sentence in BAD:
            answer = await web.submit("/desk/shows/new", form | typed)
            assert answer.status_code == 422
            assert sentence in answer.text
            assert 'value="&lt;i&gt;院子&lt;/i&gt;"' in answer.text
            assert f'value="{typed.get("title", form["title"])}"' in answer.text
            if "channels" not in typed:
                assert 'value="抖音" checked' in answer.text
    assert await shows(sessions) == []


async def test_a_title_with_html_is_shown_as_it_was_typed(
    sessions: Sessions, host: Member, settings: Any
) -> None:
    async with browser(settings) as web:
        form = await open_form(web, host) | {"title": "<script>alert(1)</script>"}
        await web.submit("/desk/shows/new", form)
        (show,) = await shows(sessions)
        for path in ("/desk/shows", f"/desk/shows/{show.id}", f"/desk/shows/{show.id}/line-up"):
            page = (await web.get(path)).text
            assert "&lt;script&gt;alert(1)" in page
            assert "<script>alert" not in page


async def test_an_overlap_is_told_in_the_form_with_the_other_shows_name(
    sessions: Sessions, host: Member, settings: Any
) -> None:
    async with browser(settings) as web:
        form = await open_form(web, host)
        await web.submit("/desk/shows/new", form)
        await web.get("/desk/shows/new")
        answer = await web.submit("/desk/shows/new", form | {"title": "撞上的"})
        assert answer.status_code == 409
        assert "这位主播已经排了“周六晚 · 木雕专场”（11月28日 19:30–21:30）" in answer.text
        assert 'value="撞上的"' in answer.text
        assert 'value="文化站二楼"' in answer.text
        assert 'value="抖音" checked' in answer.text
        moved = form | {"starts_at": "2093-11-29T19:30", "ends_at": "2093-11-29T21:30"}
        await web.submit("/desk/shows/new", moved)
        _, second = await shows(sessions)
        await web.get(f"/desk/shows/{second.id}/edit")
        answer = await web.submit(f"/desk/shows/{second.id}/edit", form)
        assert answer.status_code == 409
    _, second = await shows(sessions)
    assert second.starts_at.day == 29


async def test_of_two_who_save_at_once_one_is_told_in_the_form(
    sessions: Sessions, host: Member, settings: Any
) -> None:
    async with browser(settings) as one, browser(settings) as other:
        form = await open_form(one, host)
        await open_form(other, host)
        answers = await asyncio.gather(*(w.submit("/desk/shows/new", form) for w in (one, other)))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    refused = max(answers, key=lambda answer: answer.status_code)
    assert 'value="周六晚 · 木雕专场"' in refused.text
    assert len(await shows(sessions)) == 1


async def test_a_show_goes_on_air_and_off_again(sessions: Sessions, settings: Any) -> None:
    product = await make_product(sessions, on_hand=5)
    manager = await member_of(sessions, product, Role.MANAGER)
    async with sessions.begin() as session:
        show = await schedule_show(
            session,
            act(manager),
            {"title": "专场", "starts_at": NOON, "ends_at": NOON + timedelta(hours=2)},
            NOON,
        )
    path = f"/desk/shows/{show.id}"
    async with browser(settings) as web:
        await web.sign_in(manager.login)
        await web.get(path)
        answer = await web.submit(f"{path}/state", {"state": "ready"})
        assert (answer.status_code, "讲解单还是空的" in answer.text) == (422, True)
        answer = await web.submit(f"{path}/start")
        assert (answer.status_code, "先排上作品再开播" in answer.text) == (409, True)
        rows = {"items.0.product": str(product.id), "items.0.allotment": "3", "save": "1"}
        assert (await web.submit(f"{path}/line-up", rows)).status_code == 303
        answer = await web.submit(f"{path}/state", {"state": "ready"})
        assert (answer.status_code, "实物还没有清点" in answer.text) == (409, True)
        await settle_points(sessions, show.id, datetime.now(UTC))
        await web.get(path)
        assert (await web.submit(f"{path}/state", {"state": "ready"})).status_code == 303
        answer = await web.submit(f"{path}/start")
        assert answer.headers["location"] == f"{path}/console"
        item = await item_of(sessions, show, product)
        answer = await web.submit(f"{path}/now", {"item": str(item.id)})
        assert answer.status_code == 303
        assert (await web.submit(f"{path}/state", {"state": "draft"})).status_code == 422
        await web.get(path)
        assert 'id="end"' in web.page
        assert (await web.submit(f"{path}/end")).headers["location"] == path
        await web.get(path)
        assert 'id="end"' not in web.page
        answer = await web.submit(f"{path}/now", {"item": str(item.id)})
        assert answer.status_code == 409
        assert "没有在直播" in answer.text
        answer = await web.submit(f"{path}/edit", FORM | {"host_id": str(manager.id)})
        assert (answer.status_code, "已经结束" in answer.text) == (409, True)
    (kept,) = await shows(sessions)
    assert kept.state == ShowState.ENDED
    assert await pieces(sessions, product) == (5, 0)


async def test_an_item_that_is_not_there_is_not_found(sessions: Sessions, settings: Any) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    manager = await member_of(sessions, product, Role.MANAGER)
    async with browser(settings) as web:
        await web.sign_in(manager.login)
        for item in ("", "abc", "-1", "9" * 40, "²"):
            await web.get(f"/desk/shows/{show.id}")
            answer = await web.submit(f"/desk/shows/{show.id}/now", {"item": item})
            assert answer.status_code == 404, item
    assert (await shows(sessions))[0].now_item_id == show.now_item_id


async def test_the_list_is_filtered_by_state(sessions: Sessions, settings: Any) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    manager = await member_of(sessions, product, Role.MANAGER)
    async with browser(settings) as web:
        await web.sign_in(manager.login)
        assert show.title in (await web.get("/desk/shows?state=live")).text
        assert show.title in (await web.get("/desk/shows?state=nonsense")).text
        empty = (await web.get("/desk/shows?state=draft")).text
        assert show.title not in empty
        assert "没有这样的场次" in empty


async def test_another_stations_show_is_not_found_and_not_changed(
    sessions: Sessions, settings: Any
) -> None:
    show = await make_live_show(sessions, [await make_product(sessions)])
    other = await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER)
    base = f"/desk/shows/{show.id}"
    async with browser(settings) as web:
        await web.sign_in(other.login)
        await web.get("/desk/shows/new")
        for path in ("", "/edit", "/line-up", "/console", "/console/events", "/tags.pdf"):
            assert (await web.client.get(base + path)).status_code == 404
        for path in ("/edit", "/line-up", "/state", "/start", "/end", "/now", "/links", "/tags"):
            values = {"save": "1", "state": "draft", "item": str(show.now_item_id)}
            assert (await web.submit(base + path, values)).status_code == 404, path
            await web.get("/desk/shows/new")
        assert (await web.client.get(f"/desk/shows/{2**80}")).status_code == 404
        assert show.title not in (await web.get("/desk/shows")).text
    (kept,) = await shows(sessions)
    assert (kept.state, kept.now_item_id) == (ShowState.LIVE, show.now_item_id)


async def test_a_volunteer_looks_and_changes_nothing(sessions: Sessions, settings: Any) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    base = f"/desk/shows/{show.id}"
    volunteer = await member_of(sessions, product, Role.VOLUNTEER)
    async with browser(settings) as web:
        await web.sign_in(volunteer.login)
        for path in ("/desk/shows", base, f"{base}/console", "/desk/links"):
            page = await web.get(path)
            assert page.status_code == 200, path
            assert "data-opens" not in page.text
        for path in ("/desk/shows/new", f"{base}/edit", f"{base}/line-up"):
            assert (await web.client.get(path)).status_code == 403, path
        for path in (
            "/desk/shows/new", "/desk/links", "/desk/tags",
            *(base + p for p in ("/edit", "/line-up", "/state", "/start", "/end", "/now", "/links")),
        ):  # fmt: skip
            await web.get(base)
            answer = await web.submit(path, {"item": str(show.now_item_id)})
            assert answer.status_code == 403, path
    (kept,) = await shows(sessions)
    assert (kept.state, kept.now_item_id) == (ShowState.LIVE, show.now_item_id)


async def test_an_assistant_switches_and_does_not_end(sessions: Sessions, settings: Any) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    assistant = await member_of(sessions, product, Role.ASSISTANT)
    base = f"/desk/shows/{show.id}"
    async with browser(settings) as web:
        await web.sign_in(assistant.login)
        await web.get(f"{base}/console")
        answer = await web.submit(f"{base}/now", {"item": str(show.now_item_id)})
        assert answer.status_code == 303
        assert (await web.submit(f"{base}/end")).status_code == 403


async def test_rehearsal_and_cover_are_chosen_in_the_form_and_seen(
    sessions: Sessions, settings: Any
) -> None:
    product = await make_product(sessions)
    photo = await make_photo(sessions, product)
    manager = await member_of(sessions, product, Role.MANAGER)
    async with browser(settings) as web:
        form = await open_form(web, manager) | {"rehearsal": "1"}
        past = form | {"starts_at": "2020-11-28T19:30", "ends_at": "2020-11-28T21:30"}
        answer = await web.submit("/desk/shows/new", past)
        assert answer.status_code == 422
        assert "开始时间已经过去了" in answer.text
        assert 'value="2020-11-28T19:30"' in answer.text
        assert 'name="rehearsal" value="1" checked' in answer.text
        assert await shows(sessions) == []
        await web.submit("/desk/shows/new", form)
        (show,) = await shows(sessions)
        assert show.rehearsal is True
        async with sessions.begin() as session:
            await put_line_up(session, act(manager), show.id, [{"product": product.id}], NOON)
        edit = f"/desk/shows/{show.id}/edit"
        assert f'name="cover_photo_id" value="{photo.id}"' in (await web.get(edit)).text
        answer = await web.submit(edit, form | {"cover_photo_id": str(photo.id)})
        assert answer.status_code == 303
        assert f'value="{photo.id}" checked' in (await web.get(edit)).text
        await web.submit(f"/desk/shows/{show.id}/state", {"state": "ready"})
        assert f'src="/photos/{photo.folder}/m.jpg"' in (await web.get(f"/shows/{show.id}")).text
        calendar = (await web.get("/desk/calendar?view=week&day=2093-11-28")).text
        assert f'src="/photos/{photo.folder}/m.jpg"' in calendar
        await web.get(edit)
        await web.submit(edit, form | {"rehearsal": "", "cover_photo_id": ""})
    (kept,) = await shows(sessions)
    assert (kept.rehearsal, kept.cover_photo_id) == (False, None)
