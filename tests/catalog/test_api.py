"""Products, photos, stock and workshops through the JSON interface."""

from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import select

from catalog.db import Database, Sessions
from catalog.models import AuditEntry, Job, Photo, Product, ProductState, Role, Stock
from catalog.photos import RENDER_JOB, render_photo
from media.storage import Storage
from tests.making import NOON, make_member, make_product, make_station, make_workshop
from tests.programs import STRANGER, bearer, interface, refused

NEW: dict[str, Any] = {"name": "鲤鱼挂件", "kind": "batch", "price_fen": 12800}


async def test_a_product_is_made_changed_photographed_and_counted(
    sessions: Sessions, database: Database, database_url: str, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    manager = await bearer(sessions, await make_member(sessions, station, Role.MANAGER))
    async with interface(database_url, tmp_path) as api:
        made = await api.post(
            "/api/products",
            json={**NEW, "name_en": "Carp", "workshop": workshop.id, "on_hand": 4},
            headers=manager,
        )
        assert made.status_code == 201
        product = made.json()
        number = product["id"]
        assert product == {
            "id": number,
            "station": station.id,
            "name": "鲤鱼挂件",
            "name_en": "Carp",
            "slug": f"carp-{number}",
            "kind": "batch",
            "state": "on_sale",
            "price_fen": 12800,
            "floor_fen": 0,
            "meaning": "",
            "wood": "",
            "size": "",
            "weight_g": 0,
            "work_days": 0,
            "workshop": {"id": workshop.id, "name": "王家木作", "slug": f"w{workshop.id}"},
            "stock": {"on_hand": 4, "held": 0, "free": 4},
            "photos": [],
        }

        changed = await api.patch(
            f"/api/products/{number}", json={"price_fen": 9900, "wood": "梨木"}, headers=manager
        )
        assert changed.status_code == 200
        assert changed.json() == {**product, "price_fen": 9900, "wood": "梨木"}

        counted = await api.post(
            f"/api/products/{number}/stock",
            json={"change": -1, "reason": "裂了一件"},
            headers=manager,
        )
        assert counted.status_code == 200
        assert counted.json() == {"on_hand": 3, "held": 0, "free": 3}

        photo = await api.post(
            f"/api/products/{number}/photos",
            files={"photo": ("a.png", _picture())},
            headers=manager,
        )
        assert photo.status_code == 201
        waiting = {
            "id": photo.json()["id"],
            "state": "waiting",
            "width": 60,
            "height": 40,
            "urls": None,
            "problem": "",
        }
        assert photo.json() == waiting
        assert (await api.get(f"/api/products/{number}")).json()["photos"] == []
        seen = await api.get(f"/api/products/{number}", headers=manager)
        assert seen.json()["photos"] == [waiting]

        await _render(database, api.app.state.storage)
        urls = (await api.get(f"/api/products/{number}")).json()["photos"][0]["urls"]
        assert {k: sorted(v) for k, v in urls.items()} == {
            "avif": ["l", "m", "s"],
            "webp": ["l", "m", "s"],
            "jpg": ["l", "m", "s"],
        }
        for sizes in urls.values():
            for address in sizes.values():
                assert (await api.get(address)).status_code == 200
    async with sessions() as session:
        channels = set(await session.scalars(select(AuditEntry.channel)))
    assert channels == {"api"}


def _picture() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (60, 40), "#a33").save(buffer, "PNG")
    return buffer.getvalue()


async def _render(database: Database, storage: Storage) -> None:
    async with database.reading() as session:
        job = await session.scalar(select(Job).where(Job.name == RENDER_JOB))
    assert job is not None
    await render_photo(database, storage, job.id, job.args["photo_id"], NOON)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"price_fen": "abc"}, "price_fen"),
    ({"price_fen": 12.5}, "price_fen"),
    ({"price_fen": True}, "price_fen"),
    ({"price_fen": None}, "price_fen"),
    ({"price_fen": 0}, "price_fen"),
    ({"price_fen": 10**30}, "price_fen"),
    ({"floor_fen": 99999}, "floor_fen"),
    ({"name": "  "}, "name"),
    ({"name": "非遗福字"}, "name"),
    ({"wood": "小叶紫檀"}, "wood"),
    ({"name": ["a"]}, "name"),
    ({"kind": "rare"}, "kind"),
    ({"workshop": 0}, "workshop"),
    ({"workshop": 2**80}, "workshop"),
    ({"on_hand": -1}, "on_hand"),
    ({"weight_g": 10**12}, "weight_g"),
    ({"colour": "red"}, "colour"),
]


async def test_a_wrong_field_is_named_and_nothing_is_kept(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    manager = await bearer(sessions, await make_member(sessions, station, Role.MANAGER))
    async with interface(database_url, tmp_path) as api:
        for wrong, field in WRONG:
            body = {**NEW, "workshop": workshop.id, **wrong}
            answer = await api.post("/api/products", json=body, headers=manager)
            assert list(refused(answer, 422, "invalid")["errors"]) == [field]
    async with sessions() as session:
        assert await session.scalar(select(Product.id)) is None


async def test_bodies_that_are_no_such_object_are_refused(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    manager = await bearer(sessions, await make_member(sessions, station, Role.MANAGER))
    json_of = {**manager, "Content-Type": "application/json"}
    async with interface(database_url, tmp_path) as api:
        for broken in (b"{", b"\xff", b"[" * 200_000, b'{"name":"\\ud800"}', b'{"name":1e999}'):
            answer = await api.post("/api/products", content=broken, headers=json_of)
            refused(answer, 400, "http_400")
        for content, fields in ((b"", [""]), (b"null", [""]), (b"[]", [""]), (b"{}", ["name"])):
            answer = await api.post("/api/products", content=content, headers=json_of)
            assert list(refused(answer, 422, "invalid")["errors"]) == fields
        huge = b'{"name":"' + b"a" * 1_100_000 + b'"}'
        answer = await api.post("/api/products", content=huge, headers=json_of)
        refused(answer, 413, "too_large")


async def test_what_is_no_photo_is_refused(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    product = await make_product(sessions, await make_workshop(sessions, station))
    manager = await bearer(sessions, await make_member(sessions, station, Role.MANAGER))
    async with interface(database_url, tmp_path) as api:
        at = f"/api/products/{product.id}/photos"
        for files in ({"photo": ("a.txt", b"not a picture")}, {"photo": ("a.png", b"")}):
            answer = await api.post(at, files=files, headers=manager)
            assert list(refused(answer, 422, "invalid")["errors"]) == ["photo"]
        answer = await api.post(at, files={"picture": ("a.png", _picture())}, headers=manager)
        assert list(refused(answer, 422, "invalid")["errors"]) == ["photo"]
        refused(await api.post(at, json={"photo": "x"}, headers=manager), 400, "http_400")
        answer = await api.post(
            "/api/products/999/photos", files={"photo": ("a.png", _picture())}, headers=manager
        )
        refused(answer, 404, "not_found")
    async with sessions() as session:
        assert await session.scalar(select(Photo.id)) is None


async def test_stock_can_not_go_below_what_is_there(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    product = await make_product(sessions, await make_workshop(sessions, station), on_hand=2)
    async with sessions.begin() as session:
        (await session.get_one(Stock, product.id)).held = 1
    manager = await bearer(sessions, await make_member(sessions, station, Role.MANAGER))
    async with interface(database_url, tmp_path) as api:
        at = f"/api/products/{product.id}/stock"
        down = await api.post(at, json={"change": -2, "reason": "盘点"}, headers=manager)
        refused(down, 409, "stock_promised")
        below = await api.post(at, json={"change": -3, "reason": "盘点"}, headers=manager)
        assert list(refused(below, 422, "invalid")["errors"]) == ["change"]
        why = await api.post(at, json={"change": 1, "reason": ""}, headers=manager)
        assert list(refused(why, 422, "invalid")["errors"]) == ["reason"]
        seen = await api.get(f"/api/products/{product.id}")
    assert seen.json()["stock"] == {"on_hand": 2, "held": 1, "free": 1}


async def test_who_sees_which_products(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station, other = await make_station(sessions), await make_station(sessions, "other")
    wang = await make_workshop(sessions, station)
    li = await make_workshop(sessions, station, "李家木作")
    far = await make_workshop(sessions, other, "远方木作")
    on_sale = await make_product(sessions, wang, name="甲", floor_fen=20000)
    draft = await make_product(sessions, wang, name="乙", state=ProductState.DRAFT)
    lis = await make_product(sessions, li, name="丙")
    fars = await make_product(sessions, far, name="丁")
    fars_draft = await make_product(sessions, far, name="戊", state=ProductState.DRAFT)
    desk = await bearer(sessions, await make_member(sessions, station, Role.ORDER_DESK))
    maker = await bearer(sessions, await make_member(sessions, station, Role.ARTISAN, wang))
    seen_by = {
        "stranger": (STRANGER, "", [fars, lis, on_sale]),
        "stranger, one station": (STRANGER, f"?station={station.id}", [lis, on_sale]),
        "stranger, one workshop": (STRANGER, f"?workshop={wang.id}", [on_sale]),
        "desk": (desk, "", [lis, draft, on_sale]),
        "desk, elsewhere": (desk, f"?station={other.id}", [fars]),
        "artisan": (maker, "", [draft, on_sale]),
    }
    async with interface(database_url, tmp_path) as api:
        for who, (headers, query, expected) in seen_by.items():
            items = (await api.get(f"/api/products{query}", headers=headers)).json()["items"]
            assert [item["name"] for item in items] == [p.name for p in expected], who
        refused(await api.get(f"/api/products?workshop={li.id}", headers=maker), 404, "not_found")
        for headers, product, status in (
            (STRANGER, on_sale, 200),
            (STRANGER, draft, 404),
            (desk, draft, 200),
            (desk, fars_draft, 404),
            (desk, fars, 200),
            (maker, draft, 200),
            (maker, lis, 200),
        ):
            answer = await api.get(f"/api/products/{product.id}", headers=headers)
            assert answer.status_code == status
        at = f"/api/products/{on_sale.id}"
        assert (await api.get(at, headers=maker)).json()["floor_fen"] == 20000
        assert "floor_fen" not in (await api.get(at)).json()
        for headers, product in ((maker, lis), (desk, fars)):
            answer = await api.patch(
                f"/api/products/{product.id}", json={"name": "改"}, headers=headers
            )
            refused(answer, 404, "not_found")


async def test_lists_are_narrowed_and_paged(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    workshop = await make_workshop(sessions, await make_station(sessions))
    made = [
        await make_product(sessions, workshop, name=f"葫芦{n}", on_hand=n % 2) for n in range(5)
    ]
    async with interface(database_url, tmp_path) as api:
        first = (await api.get("/api/products?limit=2")).json()
        assert [item["id"] for item in first["items"]] == [made[4].id, made[3].id]
        assert first["next"] == made[3].id
        rest = (await api.get(f"/api/products?limit=3&before={first['next']}")).json()
        assert [item["id"] for item in rest["items"]] == [p.id for p in made[2::-1]]
        assert rest["next"] is None
        found = (await api.get("/api/products", params={"q": "葫芦3 王家"})).json()["items"]
        assert [item["id"] for item in found] == [made[3].id]
        found = (await api.get("/api/products?in_stock=true&kind=batch")).json()["items"]
        assert [item["id"] for item in found] == [made[3].id, made[1].id]
        assert (await api.get("/api/products?kind=made_to_order")).json()["items"] == []
        for query, field in (("limit=101", "limit"), ("limit=0", "limit"), ("kind=x", "kind")):
            answer = await api.get(f"/api/products?{query}")
            assert list(refused(answer, 422, "invalid")["errors"]) == [field]
        refused(await api.get("/api/products/9007199254740991"), 404, "not_found")
        assert (await api.get("/api/products/%00")).status_code == 404


async def test_an_artisan_adds_to_the_own_workshop_only(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    wang = await make_workshop(sessions, station)
    li = await make_workshop(sessions, station, "李家木作")
    maker = await bearer(sessions, await make_member(sessions, station, Role.ARTISAN, wang))
    async with interface(database_url, tmp_path) as api:
        for body in (NEW, {**NEW, "workshop": li.id}):
            made = await api.post("/api/products", json=body, headers=maker)
            assert made.status_code == 201
            assert made.json()["workshop"]["id"] == wang.id


async def test_workshops_are_listed_and_added(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    manager = await bearer(sessions, await make_member(sessions, station, Role.MANAGER))
    body = {
        "name": "赵家石刻",
        "village": "红崖村",
        "phone": "13900139000",
        "story": "三代石匠。\n冬天也刻。",
        "makers": [{"name": "赵石匠", "about": "刻了四十年"}, {"name": "赵小石"}],
    }
    async with interface(database_url, tmp_path) as api:
        assert (await api.get("/api/workshops")).json() == {"items": [], "next": None}
        made = await api.post("/api/workshops", json=body, headers=manager)
        assert made.status_code == 201
        workshop = made.json()
        assert workshop == {
            "id": workshop["id"],
            "station": station.id,
            "name": "赵家石刻",
            "slug": f"w{workshop['id']}",
            "village": "红崖村",
            "craft": "",
            "story": "三代石匠。\n冬天也刻。",
            "active": True,
            "phone": "13900139000",
            "makers": [
                {"name": "赵石匠", "about": "刻了四十年"},
                {"name": "赵小石", "about": ""},
            ],
        }
        closed = {"name": "关了的", "active": False}
        assert (await api.post("/api/workshops", json=closed, headers=manager)).status_code == 201
        public = (await api.get("/api/workshops")).json()["items"]
        del workshop["phone"]
        assert public == [workshop]
        staff = (await api.get("/api/workshops", headers=manager)).json()["items"]
        assert [item["name"] for item in staff] == ["赵家石刻", "关了的"]
        for wrong, field in (
            ({"name": "甲", "phone": "12"}, "phone"),
            ({"name": "甲", "makers": [{"about": "无名"}]}, "makers.0.name"),
            ({"name": "甲", "story": "爷爷有病。"}, "story"),
            ({"name": "甲", "story": "非遗手艺。"}, "story"),
            ({"name": "甲", "makers": [{"name": "王大师"}]}, "makers"),
        ):
            answer = await api.post("/api/workshops", json=wrong, headers=manager)
            assert list(refused(answer, 422, "invalid")["errors"]) == [field]
