"""The public page of a show."""

from pathlib import Path

from catalog.db import Sessions
from catalog.models import Kind, ProductState
from live.models import ShowState
from live.on_air import end_show
from tests.live.acting import host_of, sibling
from tests.making import make_live_show, make_product
from tests.shop.pages.buyer import NASTY, change, phone, words
from tests.shop.sales import link_to, staff


async def test_a_draft_and_a_show_that_is_not_there(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    show = await make_live_show(sessions, [await make_product(sessions)])
    await change(sessions, show, state=ShowState.DRAFT)
    async with phone(database_url, tmp_path) as web:
        answers = [await web.get(f"/shows/{n}") for n in (show.id, 999, 10**30)]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert all("周日专场" not in answer.text for answer in answers)


async def test_on_air_it_shows_what_is_showing_and_the_prices_of_its_codes(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    one = await make_product(sessions, name="正在讲的", on_hand=5)
    two = await sibling(
        sessions, one, name="定做的", kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7
    )
    three = await sibling(sessions, one, name="收起来的")
    show = await make_live_show(sessions, [one, three], allotment=2, price_fen=20000)
    await change(sessions, three, state=ProductState.OFF)
    await change(sessions, show, title=NASTY[:60])
    manager = await staff(sessions, one)
    async with phone(database_url, tmp_path) as web:
        without = (await web.get(f"/shows/{show.id}")).text
        link = await link_to(sessions, one, show, by=manager)
        of_show = await link_to(sessions, None, show, by=manager)
        page = (await web.get(f"/shows/{show.id}")).text
    assert "正在讲 正在讲的 ¥268 还有 3 件" in words(without)
    assert f'href="/products/{one.slug}"' in without
    said = words(page)
    assert "北京时间 11月22日 12:00–14:00" in said
    assert "主播 host" in said
    assert "正在讲 正在讲的 ¥200 原价 ¥268 还有 5 件" in said
    assert "看这件" in said
    assert f'href="/products/{one.slug}?link={link.code}"' in page
    assert f'href="/products/{three.slug}' not in page
    assert of_show.code not in page
    assert "<script>alert" not in page
    assert two.name not in said


async def test_after_the_end_the_prices_are_the_normal_ones(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product], price_fen=20000)
    await link_to(sessions, product, show, by=await staff(sessions, product))
    async with sessions.begin() as session:
        await end_show(session, await host_of(sessions, show), show.id, show.starts_at)
    async with phone(database_url, tmp_path) as web:
        said = words((await web.get(f"/shows/{show.id}")).text)
    assert "已结束" in said
    assert "这一场的作品" in said
    assert "¥268" in said
    assert "¥200" not in said
    assert "正在讲" not in said
