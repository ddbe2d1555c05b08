"""Proofs of claims, at the desk."""

from pathlib import Path

from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import Claim, Product, Role
from tests.desk import Desk, only, open_desk
from tests.making import make_product, make_station, make_workshop
from tests.pictures import CARVING

EDITORS = only(Role.MANAGER, Role.HOST, Role.ASSISTANT, Role.ORDER_DESK)
SEEN = {"phrase": "老料", "proof": "拆旧房梁的照片<三张>"}


async def the_claim(sessions: Sessions) -> Claim:
    async with sessions() as session:
        return (await session.scalars(select(Claim))).one()


async def begin(desk: Desk) -> tuple[Product, str]:
    family = await make_workshop(desk.sessions, desk.station)
    product = await make_product(desk.sessions, family)
    return product, f"/desk/products/{product.id}/claims"


async def test_one_enters_and_another_confirms(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        product, path = await begin(desk)
        assert await desk.statuses(path) == EDITORS
        await desk.enter(Role.ASSISTANT)
        assert "还没有。" in (await desk.web.get(path)).text
        files = {"picture": ("proof.jpg", CARVING, "image/jpeg")}
        answer = await desk.web.submit(path, SEEN, files=files)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        claim = await the_claim(sessions)
        page = (await desk.web.get(path)).text
        assert "拆旧房梁的照片&lt;三张&gt;" in page
        assert "等另一个人确认" in page
        assert "我看过了，确认" not in page
        answer = await desk.web.submit(f"{path}/{claim.id}/confirm")
        assert answer.status_code == 403
        assert "登记的人不能自己确认" in answer.text
        assert (await the_claim(sessions)).confirmed_at is None
        await desk.enter(Role.MANAGER)
        picture = await desk.web.get(f"{path}/{claim.id}/picture")
        assert (picture.headers["content-type"], picture.content) == ("image/jpeg", CARVING)
        assert "我看过了，确认" in (await desk.web.get(path)).text
        assert (await desk.web.submit(f"{path}/{claim.id}/confirm")).status_code == 303
        assert "可以写" in (await desk.web.get(path)).text
        product_page = f"/desk/products/{product.id}"
        form = {"kind": "batch", "state": "on_sale", "name": "老料福字", "price": "268"}
        await desk.web.get(product_page)
        assert (await desk.web.submit(product_page, form)).status_code == 303
        await desk.web.get(path)
        answer = await desk.web.submit(f"{path}/{claim.id}/remove")
        assert answer.status_code == 409
        assert "还写着“老料”" in answer.text
        assert (await the_claim(sessions)).removed_at is None
        await desk.web.get(product_page)
        answer = await desk.web.submit(product_page, {**form, "name": "非遗福字"})
        assert answer.status_code == 422
        assert "“非遗”要有凭证才能说" in answer.text
        assert 'value="非遗福字"' in answer.text


async def test_what_was_typed_is_kept_and_others_have_no_say(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        product, path = await begin(desk)
        async with sessions.begin() as session:
            (await session.get_one(Product, product.id)).meaning = "百年手艺"
        await desk.enter(Role.HOST)
        assert "作品上写着“百年”，现在没有凭证。" in (await desk.web.get(path)).text
        answer = await desk.web.submit(path, {"phrase": "升值", "proof": "行家都这么说"})
        assert answer.status_code == 422
        assert "请选择要证明的话。" in answer.text
        assert ">行家都这么说</textarea>" in answer.text.replace("\n", "")
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        await desk.web.get("/desk/products")
        assert (await desk.web.get(path)).status_code == 404
        await desk.web.get("/desk/products")
        assert (await desk.web.submit(path, SEEN)).status_code == 404
        async with sessions() as session:
            assert (await session.scalars(select(Claim))).all() == []
