"""Products at the desk: the list, and the form for a new one."""

from pathlib import Path

from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.models import Kind, Product, Role, Stock
from catalog.pages import desk_products
from catalog.products import add_product
from tests.desk import only, open_desk
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop

EDITORS = only(Role.MANAGER, Role.HOST, Role.ASSISTANT, Role.ORDER_DESK)
TYPED = {
    "name": "松鹤 <b>牌</b> 🦢", "name_en": "Crane", "kind": "batch", "state": "draft",
    "meaning": "松鹤延年", "wood": "梨木", "size": "280×280", "weight_g": "1500",
    "price": "¥1,328.50", "floor": "300", "work_days": "", "stock": "4",
}  # fmt: skip


async def count(sessions: Sessions) -> int:
    async with sessions() as session:
        return int(await session.scalar(select(func.count(Product.id))) or 0)


async def test_the_pages_are_for_those_who_edit_the_catalog(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        for path in ("/desk/products", "/desk/products/new"):
            assert await desk.statuses(path) == EDITORS


async def test_a_product_is_made_from_what_was_typed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        await desk.enter(Role.ASSISTANT)
        page = await desk.web.get(f"/desk/products/new?workshop={workshop.id}")
        assert f'<option value="{workshop.id}" selected>' in page.text
        answer = await desk.web.submit(
            "/desk/products/new", {**TYPED, "workshop_id": str(workshop.id)}
        )
        async with sessions() as session:
            product = (await session.scalars(select(Product))).one()
            stock = await session.get_one(Stock, product.id)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/desk/products/{product.id}"
        assert (product.name, product.kind, product.state) == (TYPED["name"], "batch", "draft")
        assert (product.price_fen, product.floor_fen, stock.on_hand) == (132850, 30000, 4)
        page = await desk.web.get(answer.headers["location"])
        assert "已保存。现在可以加照片。" in page.text
        assert "松鹤 &lt;b&gt;牌&lt;/b&gt; 🦢" in page.text
        assert 'value="1328.50"' in page.text


async def test_a_form_with_faults_comes_back_as_it_was(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    wrong = {
        "": {
            "name": "请填写名称。",
            "price": "价格要填数字，比如 268 或 268.50。",
            "kind": "请选择做法。",
            "state": "请选择状态。",
            "workshop_id": "请选择作坊。",
        },
        "-1": {
            "price": "价格不能是负数。",
            "floor": "底价不能是负数。",
            "stock": "库存要在 0 到 9999 之间。",
        },
        "1000000000": {
            "weight_g": "重量要在 0 到 500000 之间。",
            "price": "价格要填数字，比如 268 或 268.50。",
            "stock": "库存要在 0 到 9999 之间。",
        },
        "2000000": {"price": "价格太大了，最多 1,000,000 元。"},
        "<script>alert(1)</script>": {"price": "价格要填数字，比如 268 或 268.50。"},
    }
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        await desk.enter(Role.MANAGER)
        await desk.web.get("/desk/products/new")
        for typed, errors in wrong.items():
            values = {**TYPED, "workshop_id": str(workshop.id), **dict.fromkeys(errors, typed)}
            answer = await desk.web.submit("/desk/products/new", values)
            assert answer.status_code == 422
            for field, text in errors.items():
                assert f'id="f-{field}-error">{text}<' in answer.text
            assert f"还有 {len(errors)} 处要改" in answer.text
            if "meaning" not in errors:
                assert 'value="松鹤延年"' in answer.text
            assert "<script>alert" not in answer.text
        assert 'value="&lt;script&gt;alert(1)&lt;/script&gt;"' in desk.web.page
        assert await count(sessions) == 0


async def test_too_much_is_refused_and_kept(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        await desk.enter(Role.MANAGER)
        await desk.web.get("/desk/products/new")
        values = {**TYPED, "workshop_id": str(workshop.id), "name": "长" * 61, "floor": "2000"}
        answer = await desk.web.submit("/desk/products/new", values)
        assert answer.status_code == 422
        assert "名称最多 60 个字，现在有 61 个。" in answer.text
        assert f'value="{"长" * 61}"' in answer.text
        assert "底价不能高于价格。" in answer.text
        values = {**TYPED, "workshop_id": str(workshop.id), "kind": "one_of_a_kind"}
        answer = await desk.web.submit("/desk/products/new", values)
        assert "库存要在 0 到 1 之间。" in answer.text
        assert await count(sessions) == 0


async def test_another_stations_workshop_is_not_there(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        other = await make_workshop(sessions, await make_station(sessions, "other"))
        await desk.enter(Role.MANAGER)
        await desk.web.get("/desk/products/new")
        answer = await desk.web.submit(
            "/desk/products/new", {**TYPED, "workshop_id": str(other.id)}
        )
        assert answer.status_code == 404
        assert await count(sessions) == 0


async def test_the_list_is_narrowed_and_paged(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.HOST)
        assert "还没有作品" in (await desk.web.get("/desk/products")).text
        workshop = await make_workshop(sessions, desk.station)
        await make_product(sessions, workshop, name="驼铃方屏", kind=Kind.MADE_TO_ORDER, on_hand=0)
        await make_product(sessions, workshop, name="草稿挂件", state="draft")
        await make_product(
            sessions,
            await make_workshop(sessions, await make_station(sessions, "b")),
            name="别站的",
        )
        every = (await desk.web.get("/desk/products")).text
        assert ["驼铃方屏" in every, "草稿挂件" in every, "别站的" in every] == [True, True, False]
        for query, shown in (
            ("q=方屏", ["驼铃方屏"]),
            ("kind=made_to_order", ["驼铃方屏"]),
            ("state=draft", ["草稿挂件"]),
            (f"workshop={workshop.id}", ["驼铃方屏", "草稿挂件"]),
            ("workshop=999", []),
            ("kind=gift&state=x&workshop=x&before=x&q=%00", ["驼铃方屏", "草稿挂件"]),
            (f"before={'9' * 40}", ["驼铃方屏", "草稿挂件"]),
        ):
            answer = await desk.web.get(f"/desk/products?{query}")
            assert answer.status_code == 200
            found = [name for name in ("驼铃方屏", "草稿挂件") if f"<strong>{name}<" in answer.text]
            assert found == shown
        assert "没有找到" in (await desk.web.get("/desk/products?q=没有的")).text
        manager = act(await make_member(sessions, desk.station, Role.MANAGER))
        async with sessions.begin() as session:
            for n in range(desk_products.MOST_ROWS - 1):
                values = {"name": f"{n}号", "kind": "batch", "price_fen": 1, "stock": 1}
                values |= {"workshop_id": workshop.id}
                await add_product(session, manager, values, NOON)
        first = (await desk.web.get("/desk/products?state=&q=")).text
        assert "更早的" in first
        assert "驼铃方屏" not in first
        older = first.partition('class="pages"')[2].partition('href="')[2].partition('"')[0]
        second = (await desk.web.get(older)).text
        assert "<strong>驼铃方屏<" in second
        assert "回到最新" in second
        assert "更早的" not in second
