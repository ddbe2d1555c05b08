"""Shows, line-ups, the live board and links through the JSON interface."""

import asyncio
import json
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import zxingcpp
from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from PIL import Image

from catalog.db import Sessions
from catalog.models import Member, Product, Role, Station
from live.links import retire_link
from tests.live.acting import settle_points
from tests.making import (
    NOON,
    act,
    make_live_show,
    make_member,
    make_product,
    make_station,
    make_workshop,
)
from tests.programs import STRANGER, bearer, interface, refused
from tests.web import application, settings_for

# What is scheduled must lie ahead, whenever this runs.
WHEN = {"starts_at": "2093-12-01T19:00:00", "ends_at": "2093-12-01T21:00:00+08:00"}


async def make_host(sessions: Sessions) -> tuple[Station, Member, dict[str, str]]:
    station = await make_station(sessions)
    host = await make_member(sessions, station, Role.HOST)
    return station, host, await bearer(sessions, host)


async def test_a_show_from_its_date_to_its_report(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station, member, host = await make_host(sessions)
    workshop = await make_workshop(sessions, station)
    carp = await make_product(sessions, workshop, name="鲤鱼", on_hand=5)
    moon = await make_product(sessions, workshop, name="月亮", on_hand=5)
    async with interface(database_url, tmp_path) as api:
        made = await api.post(
            "/api/shows", json={"title": "冬至专场", "channels": ["抖音"], **WHEN}, headers=host
        )
        assert made.status_code == 201
        show = made.json()
        at = f"/api/shows/{show['id']}"
        assert show == {
            "id": show["id"],
            "station": station.id,
            "title": "冬至专场",
            "place": "",
            "channels": ["抖音"],
            "state": "draft",
            "starts_at": "2093-12-01T11:00:00Z",
            "ends_at": "2093-12-01T13:00:00Z",
            "started_at": None,
            "ended_at": None,
            "host": {"id": member.id, "name": member.name},
            "rehearsal": False,
            "cover": None,
            "now": None,
            "items": [],
        }
        changed = await api.patch(at, json={"place": "大院"}, headers=host)
        assert changed.json() == {**show, "place": "大院"}

        rows = [
            {
                "product": moon.id,
                "show_price_fen": 19900,
                "allotment": 2,
                "do_not_say": "最",
                "speaker": "小李",
            },
            {"product": carp.id},
        ]
        lined_up = await api.put(f"{at}/lineup", json={"items": rows}, headers=host)
        assert lined_up.status_code == 200
        first, second = lined_up.json()["items"]
        assert first == {
            "id": first["id"],
            "product": moon.id,
            "name": "月亮",
            "workshop": {"id": workshop.id, "name": "王家木作"},
            "price_fen": 19900,
            "show_price_fen": 19900,
            "minutes": 5,
            "allotment": 2,
            "allotment_left": 2,
            "talking_points": "",
            "do_not_say": "最",
            "speaker": "小李",
        }
        assert (second["price_fen"], second["show_price_fen"]) == (26800, None)

        refused(await api.get(at), 404, "not_found")
        await settle_points(sessions, show["id"], datetime.now(UTC))
        assert (await api.patch(at, json={"state": "ready"}, headers=host)).status_code == 200
        public = (await api.get(at)).json()
        assert "do_not_say" not in public["items"][0]
        assert "speaker" not in public["items"][0]
        assert "allotment" not in public["items"][0]

        started = await api.post(f"{at}/start", headers=host)
        assert started.status_code == 200
        assert (started.json()["state"], started.json()["now"]) == ("live", first["id"])
        turned = await api.post(f"{at}/now", json={"lineup_item": second["id"]}, headers=host)
        assert (turned.status_code, turned.json()["now"]) == (200, second["id"])
        board = (await api.get(f"{at}/board")).json()
        assert (board["now"], board["next"], board["sold"]) == (second["id"], None, 0)
        assert [item["free"] for item in board["items"]] == [5, 5]

        ended = await api.post(f"{at}/end", headers=host)
        assert (ended.status_code, ended.json()["state"]) == (200, "ended")
        assert ended.json()["items"][0]["allotment_left"] == 0
        assert (await api.post(f"{at}/end", headers=host)).json() == ended.json()

        report = (await api.get(f"/api/reports/shows/{show['id']}", headers=host)).json()
        assert [item["line_up_item"] for item in report["items"]] == [first["id"], second["id"]]
        spans = [item["airings"] for item in report["items"]]
        assert [len(span) for span in spans] == [1, 1]
        assert spans[0][0]["ended_at"] == spans[1][0]["started_at"]
        assert spans[1][0]["ended_at"] == ended.json()["ended_at"]
        figures = ("scans", "holds", "sold", "sold_fen")
        assert [report["totals"][name] for name in figures] == [0, 0, 0, 0]


async def test_what_can_not_be_scheduled(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station, _, host = await make_host(sessions)
    finance = await make_member(sessions, station, Role.FINANCE)
    product = await make_product(sessions, await make_workshop(sessions, station), on_hand=1)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"starts_at": "soon"}, "starts_at"),
        ({"ends_at": "2093-12-01T18:00:00"}, "ends_at"),
        ({"channels": ["电视"]}, "channels"),
        ({"channels": ["抖音"] * 9}, "channels"),
        ({"host": finance.id}, "host"),
        ({"title": ""}, "title"),
        ({"titel": "甲"}, "titel"),
    ]
    async with interface(database_url, tmp_path) as api:
        for faulty, field in wrong:
            body = {"title": "甲", **WHEN, **faulty}
            answer = await api.post("/api/shows", json=body, headers=host)
            assert list(refused(answer, 422, "invalid")["errors"]) == [field]
        show = await api.post("/api/shows", json={"title": "甲", **WHEN}, headers=host)
        again = await api.post("/api/shows", json={"title": "乙", **WHEN}, headers=host)
        refused(again, 409, "overlapping_show")
        at = f"/api/shows/{show.json()['id']}"
        refused(await api.post(f"{at}/start", headers=host), 409, "wrong_show_state")
        refused(
            await api.post(f"{at}/now", json={"lineup_item": 1}, headers=host),
            409,
            "wrong_show_state",
        )
        for row, field in (
            ({"product": product.id, "allotment": 2}, "items.1.allotment"),
            ({"product": 99_999}, "items.1.product"),
            ({"product": product.id, "minutes": "x"}, "items.1.minutes"),
            ({}, "items.1.product"),
        ):
            other = await make_product(sessions, product.workshop)
            body = {"items": [{"product": other.id}, row]}
            answer = await api.put(f"{at}/lineup", json=body, headers=host)
            assert list(refused(answer, 422, "invalid")["errors"]) == [field]
        assert (await api.get(at, headers=host)).json()["items"] == []
        assert len((await api.get("/api/shows", headers=host)).json()["items"]) == 1


async def test_shows_are_paged_and_drafts_are_the_stations_own(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station, _, host = await make_host(sessions)
    far = await make_member(sessions, await make_station(sessions, "far"), Role.MANAGER)
    maker = await make_member(
        sessions, station, Role.ARTISAN, await make_workshop(sessions, station)
    )
    live = await make_live_show(
        sessions, [await make_product(sessions, await make_workshop(sessions, station))]
    )
    async with interface(database_url, tmp_path) as api:
        drafts = []
        for day in (1, 2, 3):
            times = {"starts_at": f"2093-12-0{day}T19:00:00", "ends_at": f"2093-12-0{day}T20:00:00"}
            made = await api.post("/api/shows", json={"title": "稿", **times}, headers=host)
            assert made.status_code == 201
            drafts.append(made.json()["id"])
        first = (await api.get("/api/shows?limit=2", headers=host)).json()
        assert [show["id"] for show in first["items"]] == [drafts[2], drafts[1]]
        rest = (await api.get(f"/api/shows?before={first['next']}", headers=host)).json()
        assert [show["id"] for show in rest["items"]] == [drafts[0], live.id]
        assert rest["next"] is None
        for who in (STRANGER, await bearer(sessions, far), await bearer(sessions, maker)):
            listed = await api.get(f"/api/shows?station={station.id}", headers=who)
            assert [show["id"] for show in listed.json()["items"]] == [live.id]
            refused(await api.get(f"/api/shows/{drafts[0]}", headers=who), 404, "not_found")
            refused(await api.get(f"/api/shows/{drafts[0]}/board", headers=who), 404, "not_found")
            answer = await api.get(f"/api/shows/{drafts[0]}/events", headers=who)
            refused(answer, 404, "not_found")
        refused(
            await api.post(f"/api/shows/{live.id}/end", headers=await bearer(sessions, far)),
            404,
            "not_found",
        )


async def test_a_link_and_its_pictures(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station, member, host = await make_host(sessions)
    product = await make_product(sessions, await make_workshop(sessions, station))
    show = await make_live_show(sessions, [product])
    async with interface(database_url, tmp_path) as api:
        base = str(api.base_url).rstrip("/")
        made = await api.post(
            "/api/links",
            json={"product": product.id, "show": show.id, "placement": "tag"},
            headers=host,
        )
        assert made.status_code == 201
        link = made.json()
        code = link["code"]
        assert link == {
            "code": code,
            "url": f"{base}/Q/{code}".upper(),
            "png": f"{base}/api/links/{code}.png",
            "svg": f"{base}/api/links/{code}.svg",
            "product": product.id,
            "show": show.id,
            "placement": "tag",
        }
        png = await api.get(link["png"].lower().replace(".PNG", ".png"))
        assert png.headers["content-type"] == "image/png"
        assert png.headers["cache-control"] == "public, max-age=86400"
        read = zxingcpp.read_barcodes(Image.open(BytesIO(png.content)).convert("L"))
        assert [symbol.text for symbol in read] == [link["url"]]
        svg = await api.get(link["svg"])
        assert svg.headers["content-type"].startswith("image/svg+xml")
        assert svg.content.startswith(b"<svg ")

        nothing = await api.post("/api/links", json={}, headers=host)
        assert list(refused(nothing, 422, "invalid")["errors"]) == ["product"]
        missing = await api.post("/api/links", json={"product": 99_999}, headers=host)
        refused(missing, 404, "not_found")
        refused(await api.get("/api/links/22222.png"), 404, "not_found")
        refused(await api.get(f"/api/links/{code}.gif"), 422, "invalid")
        async with sessions.begin() as session:
            await retire_link(session, act(member), code, NOON)
        refused(await api.get(link["png"]), 410, "link_retired")


async def test_events_carry_the_whole_board_at_once_and_at_each_change(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station, _, host = await make_host(sessions)
    workshop = await make_workshop(sessions, station)
    products: list[Product] = [await make_product(sessions, workshop) for _ in range(2)]
    show = await make_live_show(sessions, products)
    with application(settings_for(database_url, tmp_path)) as app:
        door = AsyncClient(transport=ASGITransport(app), base_url="http://testserver")
        async with app.lifespan(), door as api, asyncio.timeout(10):
            stream = Stream(app, f"/api/shows/{show.id}/events")
            first = await stream.board()
            assert stream.content_type.startswith("text/event-stream")
            assert first["show"] == show.id
            assert first["now"] == first["items"][0]["id"]
            assert first == (await api.get(f"/api/shows/{show.id}/board")).json()
            second = {"lineup_item": first["items"][1]["id"]}
            await api.post(f"/api/shows/{show.id}/now", json=second, headers=host)
            while (await stream.board())["now"] != second["lineup_item"]:
                pass
            await stream.leave()


class Stream:
    """A watcher at the application itself: test clients wait for the end of an answer."""

    def __init__(self, app: Litestar, path: str) -> None:
        self._out: asyncio.Queue[Any] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._text = ""
        self.content_type = ""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(b"host", b"testserver")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        self._task = asyncio.create_task(app(scope, self._receive, self._out.put))  # type: ignore[arg-type]
        self._asked = False

    async def _receive(self) -> Any:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def board(self) -> dict[str, Any]:
        """The next board that is sent."""
        while "\r\n\r\n" not in self._text:
            message = await self._out.get()
            if message["type"] == "http.response.start":
                self.content_type = dict(message["headers"])[b"content-type"].decode()
            self._text += message.get("body", b"").decode()
        event, _, self._text = self._text.partition("\r\n\r\n")
        name, data = event.split("\r\n")
        assert name == "event: board"
        board: dict[str, Any] = json.loads(data.removeprefix("data: "))
        return board

    async def leave(self) -> None:
        self._gone.set()
        await self._task


async def test_ready_and_start_answer_with_what_is_missing(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station, _, host = await make_host(sessions)
    product = await make_product(sessions, await make_workshop(sessions, station))
    async with interface(database_url, tmp_path) as api:
        show = (await api.post("/api/shows", json={"title": "甲", **WHEN}, headers=host)).json()
        at = f"/api/shows/{show['id']}"
        await api.put(f"{at}/lineup", json={"items": [{"product": product.id}]}, headers=host)
        answer = await api.patch(at, json={"state": "ready", "title": "乙"}, headers=host)
        problem = refused(answer, 409, "not_ready")
        assert problem["detail"].startswith("标记准备好还差 6 处：“福字圆挂”还没有商品码；")
        assert (await api.get(at, headers=host)).json()["title"] == "甲"
        for body in ({"despite": ""}, {"despite": "  "}):
            refused(await api.post(f"{at}/start", json=body, headers=host), 409, "not_ready")
        answer = await api.post(f"{at}/start", json={"because": "x"}, headers=host)
        refused(answer, 422, "invalid")
        answer = await api.post(f"{at}/start", json={"despite": "长" * 201}, headers=host)
        assert list(refused(answer, 422, "invalid")["errors"]) == ["despite"]
        assert (await api.get(at, headers=host)).json()["state"] == "draft"
        started = await api.post(f"{at}/start", json={"despite": "停电"}, headers=host)
        assert (started.status_code, started.json()["state"]) == (200, "live")


async def test_a_draft_starts_without_a_body_or_with_an_empty_one(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station, _, host = await make_host(sessions)
    product = await make_product(sessions, await make_workshop(sessions, station))
    async with interface(database_url, tmp_path) as api:
        for day, body in ((1, None), (2, {}), (3, {"despite": None})):
            when = {
                f"{end}s_at": f"2093-01-0{day}T1{n}:00:00" for n, end in enumerate(("start", "end"))
            }
            made = await api.post("/api/shows", json={"title": "甲", **when}, headers=host)
            at = f"/api/shows/{made.json()['id']}"
            await api.put(f"{at}/lineup", json={"items": [{"product": product.id}]}, headers=host)
            answer = await api.post(f"{at}/start", json=body, headers=host)
            assert (answer.status_code, answer.json()["state"]) == (200, "live"), body
            await api.post(f"{at}/end", headers=host)


async def test_a_price_below_the_floor_needs_the_makers_consent(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station, _, host = await make_host(sessions)
    workshop = await make_workshop(sessions, station)
    product = await make_product(sessions, workshop, floor_fen=20000)
    async with interface(database_url, tmp_path) as api:
        show = (await api.post("/api/shows", json={"title": "甲", **WHEN}, headers=host)).json()
        at = f"/api/shows/{show['id']}/lineup"
        row = {"product": product.id, "show_price_fen": 18000}
        consent = {"given_by": "王师傅", "way": "wechat", "price_fen": 18000}
        for extra, field in (
            ({}, "items.0.show_price_fen"),
            ({"consent": consent | {"price_fen": 18001}}, "items.0.show_price_fen"),
            ({"consent": consent | {"given_by": ""}}, "items.0.consent.given_by"),
            ({"consent": consent | {"way": "dream"}}, "items.0.consent.way"),
        ):
            answer = await api.put(at, json={"items": [row | extra]}, headers=host)
            assert field in refused(answer, 422, "invalid")["errors"], extra
        answer = await api.put(at, json={"items": [row | {"consent": consent}]}, headers=host)
        assert answer.json()["items"][0]["price_fen"] == 18000
        assert (await api.put(at, json={"items": [row]}, headers=host)).status_code == 200


async def test_five_hundred_rows_minutes_of_zero_and_too_many_pieces(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station, _, host = await make_host(sessions)
    product = await make_product(sessions, await make_workshop(sessions, station))
    async with interface(database_url, tmp_path) as api:
        show = (await api.post("/api/shows", json={"title": "甲", **WHEN}, headers=host)).json()
        at = f"/api/shows/{show['id']}"
        for rows, errors in (
            ([{"product": product.id}] * 500, {"items": "一场最多 100 件作品。"}),
            ([{"minutes": 0}], {"items.0.minutes": "分钟要在 1 到 240 之间。"}),
            ([{"allotment": 10**9}], {"items.0.allotment": "留货要在 0 到 9999 之间。"}),
            ([{"show_price_fen": -1}], {"items.0.show_price_fen": "直播价要大于 0。"}),
        ):
            body = {"items": [{"product": product.id, **row} for row in rows]}
            answer = await api.put(f"{at}/lineup", json=body, headers=host)
            assert refused(answer, 422, "invalid")["errors"] == errors
        assert (await api.get(at, headers=host)).json()["items"] == []
