"""What is read out of a sale: a masked name and a city, and nothing else of the buyer."""

import pytest
from sqlalchemy import event, select

from catalog.db import Database, Sessions
from catalog.errors import NotFound
from catalog.models import AuditEntry, Product, Role
from live import announcements
from live.announcements import Sold, city_name, feed, masked, put_back, read_out
from live.models import Announcement, Show
from tests.live.acting import host_of, item_of, sibling
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("王芳", "王*"),
        ("王", "王*"),
        (" 陈 大为 ", "陈*"),
        ("欧阳修文", "欧阳*"),
        ("司马光", "司马*"),
        ("欧阳", "欧*"),
        ("阿卜杜拉·买买提", "阿*"),
        ("John Smith", "J*"),
        ("émile", "É*"),
        ("e\u0301mile", "É*"),
        ("🌸王芳🌸", "王*"),
        ("13800138000", "一位买家"),
        ("王13800138000", "王*"),
        ("😀", "一位买家"),
        ("", "一位买家"),
        ("<b>赵</b>", "B*"),
        ("\u202e\u200d李四", "李*"),
        ("𠮷田", "𠮷*"),
    ],
)
def test_of_a_name_no_more_than_the_surname_is_said(name: str, said: str) -> None:
    assert masked(name) == said


@pytest.mark.parametrize(
    ("city", "said"),
    [
        ("兰州", "兰州"),
        ("兰州市", "兰州"),
        (" 杭州市 ", "杭州"),
        ("兰州市城关区东岗西路 1 号", "兰州"),
        ("东岗西路 1 号 13800138000", "东岗西路"),
        ("甘南藏族自治州", "甘南藏族"),
        ("阿里地区", "阿里"),
        ("锡林郭勒盟", "锡林郭勒"),
        ("市", "市"),
        ("沙市", "沙市"),
        ("城关区东岗西路和平小区三单元", ""),
        ("New York", "New York"),
        ("Llanfairpwllgwyngyllgogerych", ""),
        ("13800138000", ""),
        ("🏙", ""),
        ("", ""),
    ],
)
def test_a_city_is_said_as_people_say_it_and_no_address(city: str, said: str) -> None:
    assert city_name(city) == said


def test_what_is_said_fits_its_columns() -> None:
    for text in ("𠮷" * 40, "W" * 40, "欧阳" * 20, "市" * 30):
        assert len(masked(text)) <= 20
        assert len(city_name(text)) <= 20


@pytest.fixture
async def product(sessions: Sessions) -> Product:
    return await make_product(sessions)


@pytest.fixture
async def show(sessions: Sessions, product: Product) -> Show:
    return await make_live_show(sessions, [product, await sibling(sessions, product, name="骆驼")])


async def sell(sessions: Sessions, show: Show, *names: str) -> list[int]:
    items = [item.id for item in show.items]
    sold = [Sold(items[n % 2], n + 1, name, "兰州市", NOON) for n, name in enumerate(names)]
    async with sessions.begin() as session:
        await announcements.add_all(session, sold)
    async with sessions() as session:
        return list(await session.scalars(select(Announcement.id).order_by(Announcement.id)))


async def test_sales_of_a_batch_are_one_statement_and_know_their_show(
    database: Database, sessions: Sessions, show: Show
) -> None:
    statements: list[str] = []

    @event.listens_for(database.engines[0].sync_engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    async with sessions.begin() as session:
        await announcements.add_all(session, [])
    assert [s for s in statements if "announcements" in s] == []
    await sell(sessions, show, "王芳", "李四", "欧阳修文")
    written = [s for s in statements if s.startswith("INSERT INTO announcements")]
    assert len(written) == 1
    async with sessions() as session:
        unread, read = await feed(session, show.id)
    assert [(a.who, a.city, a.quantity, a.item.product.name, a.at) for a in unread] == [
        ("王*", "兰州", 1, "福字圆挂", NOON),
        ("李*", "兰州", 2, "骆驼", NOON),
        ("欧阳*", "兰州", 3, "福字圆挂", NOON),
    ]
    assert {(a.show_id, a.station_id) for a in unread} == {(show.id, show.station_id)}
    assert read == []


async def test_what_is_read_out_leaves_the_list_and_may_be_put_back(
    sessions: Sessions, show: Show
) -> None:
    first, second = await sell(sessions, show, "王芳", "李四")
    host = await host_of(sessions, show)
    for _ in range(2):
        async with sessions.begin() as session:
            await read_out(session, host, show.id, first, NOON)
    async with sessions() as session:
        unread, read = await feed(session, show.id)
    assert ([a.id for a in unread], [a.id for a in read]) == ([second], [first])
    for _ in range(2):
        async with sessions.begin() as session:
            await put_back(session, host, show.id, first, NOON)
    async with sessions() as session:
        unread, read = await feed(session, show.id)
        entries = await session.scalars(
            select(AuditEntry.action).where(AuditEntry.action.startswith("announcement"))
        )
        assert list(entries) == ["announcement.read", "announcement.put_back"]
    assert ([a.id for a in unread], read) == ([first, second], [])


async def test_another_show_s_or_station_s_announcements_are_not_found(
    sessions: Sessions, product: Product, show: Show
) -> None:
    (first,) = await sell(sessions, show, "王芳")
    host = await host_of(sessions, show)
    other = await make_live_show(sessions, [await sibling(sessions, product)])
    stranger = act(await make_member(sessions, await make_station(sessions, "other"), Role.HOST))
    for actor, show_id, announcement in (
        (host, other.id, first),
        (stranger, show.id, first),
        (host, show.id, 999_999),
        (host, show.id, 2**80),
    ):
        for do in (read_out, put_back):
            with pytest.raises(NotFound):
                async with sessions.begin() as session:
                    await do(session, actor, show_id, announcement, NOON)
    assert (await item_of(sessions, show, product)).sold == 0
    async with sessions() as session:
        assert (await session.get_one(Announcement, first)).read_at is None
