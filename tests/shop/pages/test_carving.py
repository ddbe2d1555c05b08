"""What is made to order at the checkout: said before paying, ticked for this very purchase."""

import re
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from catalog.checks import BEIJING
from catalog.db import Sessions
from catalog.models import Kind, Photo, PhotoState, Product, Workshop
from shop.likeness import likenesses
from shop.models import Order, OrderLine
from tests.making import BUYER, NOON, make_product, make_station, make_workshop
from tests.shop.pages.buyer import minutes_ago, phone, value_of, words
from tests.shop.sales import hold, order, pay, want

TICKS = {"custom_agreed": "1", "likeness_agreed": "1"}
RULE = "我知道定做的作品不支持七天无理由退货"
LIKENESS = "我知道木纹和神情会和照片不一样"
SEVEN_DAYS = "现货支持七天无理由退货：签收第二天起算，寄回的邮费由您出。"


async def carved_and_finished(sessions: Sessions) -> tuple[Product, Product]:
    """A board of seven days with three ready photos and one that is not, and a plaque."""
    workshop = await make_workshop(sessions, await make_station(sessions))
    board = await make_product(
        sessions, workshop, name="竖匾", kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7
    )
    plaque = await make_product(sessions, workshop, name="鲤鱼")
    async with sessions.begin() as session:
        for n in range(4):
            session.add(
                Photo(
                    station_id=board.station_id,
                    product_id=board.id,
                    position=n,
                    state=PhotoState.WAITING if n == 0 else PhotoState.READY,
                    folder=f"folder{n}",
                    original_key=f"originals/{n}",
                    width=800,
                    height=600,
                    created_at=NOON,
                )
            )
    return board, plaque


def ticked(page: str) -> set[str]:
    """The boxes of the page that are ticked."""
    boxes = re.findall(r'<input[^>]*type="checkbox"[^>]* name="([^"]*)"([^>]*)>', page)
    assert {name for name, _ in boxes} == TICKS.keys()
    return {name for name, more in boxes if " checked" in more}


async def orders(sessions: Sessions) -> list[Order]:
    async with sessions() as session:
        return list(await session.scalars(select(Order).order_by(Order.id)))


async def test_the_day_the_steps_the_rule_and_two_pictures_stand_before_the_price(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    board, plaque = await carved_and_finished(sessions)
    now = minutes_ago(1)
    # The family has seven days of work in hand, and this buyer wants two boards.
    await pay(sessions, await order(sessions, want(board), now=now))
    held = await hold(sessions, want(board, 2), want(plaque), now=now)
    async with phone(database_url, tmp_path) as web:
        page = (await web.get(f"/checkout/{held.token}")).text
    said = words(page)
    by = (now.astimezone(BEIJING) + timedelta(days=21)).date()
    assert f"竖匾 ：今天付款， {by.month}月{by.day}日 前做好" in said
    assert "选料、开料、粗雕、细雕、打磨、上油、包装" in said
    assert "动工以前 ，您在订单页上随时可以取消，钱全部退回。 动工以后 要先问社工站。" in said
    assert (RULE in said, LIKENESS in said, SEVEN_DAYS in said) == (True, True, True)
    terms = page.partition('class="likeness"')[2].partition("</div>")[0]
    assert [n for n in range(4) if f"/photos/folder{n}/m.jpg" in terms] == [1, 2]
    assert ticked(page) == set()


async def test_each_box_must_be_ticked_for_this_purchase_and_stays_as_it_was(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    board, plaque = await carved_and_finished(sessions)
    held = await hold(sessions, want(board), want(plaque), now=minutes_ago(1))
    path = f"/checkout/{held.token}"
    async with phone(database_url, tmp_path) as web:
        await web.get(path)
        for left in TICKS:
            others = {name: "1" for name in TICKS if name != left}
            answer = await web.submit(path, {**BUYER, **others})
            assert answer.status_code == 422
            assert f'id="f-{left}-error"' in answer.text
            assert ticked(answer.text) == TICKS.keys() - {left}
            assert value_of(answer.text, "detail") == BUYER["detail"]
        nothing = words((await web.submit(path, {})).text)
        assert "请填写收件人。" in nothing
        assert "请勾选：定做的作品不支持七天无理由退货。" in nothing
        assert await orders(sessions) == []
        answer = await web.submit(path, {**BUYER, **TICKS})
    assert answer.status_code == 303
    (placed,) = await orders(sessions)
    assert placed.custom_agreed_at is not None
    assert placed.likeness_agreed_at is not None
    async with sessions() as session:
        lines = await session.execute(select(OrderLine.product_id, OrderLine.likeness))
        assert {row.product_id: row.likeness for row in lines} == {
            board.id: ["folder1", "folder2"],
            plaque.id: [],
        }


async def test_where_its_own_pictures_are_few_the_family_s_others_stand_beside(
    sessions: Sessions,
) -> None:
    board, plaque = await carved_and_finished(sessions)
    async with sessions.begin() as session:
        photos = await session.scalars(select(Photo).order_by(Photo.position))
        waiting, own, other, hidden = photos
        other.product_id = plaque.id
        hidden.product_id = plaque.id
    async with sessions() as session:
        shown = await likenesses(session, {board.id, plaque.id})
        assert {one: [photo.id for photo in found] for one, found in shown.items()} == {
            board.id: [own.id, other.id],
            plaque.id: [other.id, hidden.id],
        }
        assert waiting.state == PhotoState.WAITING
        assert await likenesses(session, set()) == {}


async def test_finished_pieces_alone_ask_for_no_tick_and_keep_none(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    _, plaque = await carved_and_finished(sessions)
    held = await hold(sessions, want(plaque), now=minutes_ago(1))
    path = f"/checkout/{held.token}"
    async with phone(database_url, tmp_path) as web:
        said = words((await web.get(path)).text)
        answer = await web.submit(path, {**BUYER, **TICKS})
    assert (RULE in said, SEVEN_DAYS in said) == (False, True)
    assert answer.status_code == 303
    (placed,) = await orders(sessions)
    assert (placed.custom_agreed_at, placed.likeness_agreed_at) == (None, None)


async def test_where_all_is_carved_no_seven_days_are_promised(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    board, _ = await carved_and_finished(sessions)
    held = await hold(sessions, want(board), now=minutes_ago(1))
    async with phone(database_url, tmp_path) as web:
        said = words((await web.get(f"/checkout/{held.token}")).text)
    assert (RULE in said, SEVEN_DAYS in said) == (True, False)


async def test_who_comes_second_for_the_last_days_is_told_so_and_pays_nothing(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    board, _ = await carved_and_finished(sessions)
    async with sessions.begin() as session:
        family = await session.get_one(Workshop, board.workshop_id)
        family.capacity_days = 7
    now = minutes_ago(1)
    held = await hold(sessions, want(board), now=now)
    async with phone(database_url, tmp_path) as web:
        await web.get(f"/checkout/{held.token}")
        await order(sessions, want(board), now=now)
        answer = await web.submit(f"/checkout/{held.token}", {**BUYER, **TICKS, "way": "card"})
        assert answer.status_code == 409
        said = words(answer.text)
        again = await web.get(f"/checkout/{held.token}")
    assert "这家的活刚刚满了" in said
    assert "这家手上的活满了，大约" in said
    assert "没有收您的钱。" in said
    assert again.status_code == 409
    assert len(await orders(sessions)) == 1
