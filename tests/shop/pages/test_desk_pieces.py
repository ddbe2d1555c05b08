"""The cards of a work order's pieces, at the desk and on the page that they open."""

from pathlib import Path

from sqlalchemy import delete, select

from catalog.db import Sessions
from catalog.models import Kind, PhotoState, Role
from shop import work_steps
from shop.models import Order, PieceCard, Stage, StagePhoto
from tests.desk import Desk, only, open_desk
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.paper import codes_on
from tests.shop.pages.buyer import words
from tests.shop.sales import order, pay, want

VIEWERS = only(Role.MANAGER, Role.HOST, Role.ORDER_DESK, Role.FINANCE)


async def sell(desk: Desk, **values: object) -> tuple[Order, str]:
    """A paid and accepted order of two pieces, and the address of its cards."""
    family = await make_workshop(desk.sessions, desk.station)
    product = await make_product(desk.sessions, family, wood="榆木", work_days=3, **values)
    placed = await pay(desk.sessions, await order(desk.sessions, want(product, 2)))
    await step(desk, placed, "accept")
    return placed, f"/desk/work-orders/{placed.work_orders[0].id}/cards"


async def step(desk: Desk, placed: Order, name: str) -> None:
    manager = act(await make_member(desk.sessions, desk.station, Role.MANAGER))
    async with desk.sessions.begin() as session:
        await getattr(work_steps, name)(session, manager, placed.work_orders[0].id, NOON)


async def codes(sessions: Sessions) -> list[str]:
    async with sessions() as session:
        return list(await session.scalars(select(PieceCard.code).order_by(PieceCard.number)))


async def test_cards_are_printed_and_their_codes_open_their_pages(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        placed, path = await sell(desk)
        await desk.enter(Role.ORDER_DESK)
        assert "还没有出身卡" in (await desk.web.get(path)).text
        assert (await desk.web.get(f"{path}.pdf")).status_code == 404
        await step(desk, placed, "ready")
        assert await desk.statuses(path) == VIEWERS
        assert await desk.statuses(f"{path}.pdf") == VIEWERS
        await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get(path)).text
        assert page.count("真品，已售") == 2
        pdf = (await desk.web.get(f"{path}.pdf")).content
        read = sorted(codes_on(pdf, tmp_path / "cards.pdf"))
        public = str(desk.web.client.base_url).rstrip("/").upper()
        made = await codes(sessions)
        assert read == sorted(f"{public}/P/{code}" for code in made)
        assert f'href="{path}"' in (await desk.web.get(path.removesuffix("/cards"))).text
        desk.web.client.cookies.clear()
        for number, code in enumerate(made, 1):
            said = words((await desk.web.get(f"/P/{code}")).text)
            for part in (
                f"第 {number} 件",
                "真品，已售",
                "福字圆挂",
                "榆木",
                "约 24 小时",
                "这家的一位师傅",
            ):
                assert part in said, part
            for secret in ("王芳", "13800138000", placed.code, "城关"):
                assert secret not in said
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        assert (await desk.web.get(path)).status_code == 404
        assert (await desk.web.get(f"{path}.pdf")).status_code == 404


async def test_missing_cards_are_issued_by_a_button(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        placed, path = await sell(desk)
        await desk.enter(Role.ORDER_DESK)
        await desk.web.get("/desk/work-orders")
        early = await desk.web.submit(path)
        assert early.status_code == 409
        assert "还没有做好，先不发出身卡。" in early.text
        await step(desk, placed, "ready")
        async with sessions.begin() as session:
            await session.execute(delete(PieceCard))
        assert "补发 2 张" in (await desk.web.get(path)).text
        answer = await desk.web.submit(path)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert len(await codes(sessions)) == 2
        assert "补发 2 张" not in (await desk.web.get(path)).text.partition("<main")[2].replace(
            "补发了 2 张", ""
        )
        await desk.enter(Role.HOST)
        await desk.web.get(path)
        assert (await desk.web.submit(path)).status_code == 403


async def test_a_page_shows_the_making_until_the_card_is_void(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        placed, path = await sell(desk, kind=Kind.MADE_TO_ORDER, on_hand=0)
        await step(desk, placed, "ready")
        part, manager = placed.work_orders[0], await desk.enter(Role.MANAGER)
        kept = {"station_id": part.station_id, "work_order_id": part.id, "original_key": "o"}
        kept |= {"width": 4, "height": 3, "made_by": manager.id, "created_at": NOON}
        async with sessions.begin() as session:
            session.add_all(
                StagePhoto(stage=stage, folder=stage, state=state, removed_at=removed, **kept)
                for stage, state, removed in (
                    (Stage.OILING, PhotoState.READY, None),
                    (Stage.WOOD, PhotoState.READY, None),
                    (Stage.ROUGH, PhotoState.WAITING, None),
                    (Stage.FINE, PhotoState.READY, NOON),
                )
            )
        code = (await codes(sessions))[0]
        page = (await desk.web.get(f"/p/{code.lower()}")).text
        said = words(page)
        assert "做好 2026年11月22日" in said
        assert said.index("选料") < said.index("上油")
        assert "/photos/wood/m.jpg" in page
        assert "/photos/rough/" not in page
        assert "/photos/fine/" not in page
        async with sessions.begin() as session:
            await work_steps.call_off(session, act(manager), part.id, "不要了", NOON)
        page = (await desk.web.get(f"/p/{code}")).text
        assert "这张卡已经作废" in page
        assert "真品" not in page
        assert "/photos/wood/" not in page
        assert "作废" in (await desk.web.get(path)).text
        assert (await desk.web.get(f"{path}.pdf")).status_code == 404
        unknown = await desk.web.get("/p/222222222222")
        assert unknown.status_code == 404
        assert "没有找到这一页" in unknown.text
