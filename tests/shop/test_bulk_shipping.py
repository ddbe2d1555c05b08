"""Many parcels at once: every line says what it would do, right ones go, the others stay."""

import pytest

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid
from catalog.models import Role
from shop import work_steps
from shop.bulk_shipping import MOST_LINES, Line, decoded, read_lines, send_lines
from shop.models import WorkOrderState
from tests.making import NOON, act, make_member, make_station
from tests.shop.parcel_desk import finished, one_workshop, sold, stands
from tests.shop.sales import order, pay, staff, two_workshops, want


async def look(sessions: Sessions, actor: Actor, text: str) -> list[Line]:
    async with sessions() as session:
        return await read_lines(session, actor, text)


async def send(sessions: Sessions, actor: Actor, text: str, *sure: str) -> tuple[int, list[Line]]:
    async with sessions.begin() as session:
        lines = await read_lines(session, actor, text)
        return await send_lines(session, actor, lines, sure, NOON)


async def test_right_lines_go_and_wrong_ones_stay_as_they_were_typed(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    parts = [await finished(sessions, workshop) for _ in range(4)]
    new = await sold(sessions, workshop)
    codes = [part.order.code for part in parts]
    text = "\n".join(
        [
            "订单号,快递公司,单号",
            f"{codes[0]},顺丰,SF1234567890123",
            "",
            f"{parts[1].id}\t邮政快递\t9800 1234 00001",
            f"{codes[2].lower()}，中通快递，75123456789012",
            f"{codes[3]} 顺丰",
            f"{codes[3]},马帮,123456",
            f"{codes[3]},顺丰,单号",
            "NOSUCH22,顺丰,SF1234567890124",
            f"{new.order.code},顺丰,SF1234567890125",
        ]
    )
    seen = await look(sessions, manager, text)
    assert [line.number for line in seen] == list(range(1, 9))
    assert [line.problem for line in seen[:3]] == ["", "", ""]
    assert [line.problem.partition("，")[0] for line in seen[3:]] == [
        "要有订单号、快递公司、快递单号",
        "不认识“马帮”",
        "快递单号至少要 5 个字。",
        "没有“NOSUCH22”这个订单号或工单号。",
        "还没有接单",
    ]
    assert [(await stands(sessions, part)).state for part in parts] == [WorkOrderState.READY] * 4
    sent, left = await send(sessions, manager, text)
    assert (sent, [line.typed for line in left]) == (3, [line.typed for line in seen[3:]])
    assert [(await stands(sessions, part)).tracking for part in parts] == [
        "SF1234567890123", "9800123400001", "75123456789012", "",
    ]  # fmt: skip
    # Sent again, what has gone is done, and nothing changes.
    sent, again = await send(sessions, manager, text)
    assert (sent, len(again)) == (0, 5)


async def test_odd_numbers_wait_for_a_yes(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    first, second, third = [await finished(sessions, workshop) for _ in range(3)]
    text = "\n".join(
        [
            f"{first.id},中通,SF1234567890123",
            f"{second.id},圆通,YT1234567890123",
            f"{third.id},圆通,YT1234567890123",
            f"{third.id},圆通,YT1234567890124",
        ]
    )
    seen = await look(sessions, manager, text)
    assert seen[0].question == "这个单号像是顺丰的，快递公司选的是中通，对吗？"
    assert seen[2].question == "第 2 行也是这个单号，真是装在一个包裹里吗？"
    assert seen[3].problem == "第 3 行已经写过这张工单。"
    sent, left = await send(sessions, manager, text, seen[2].key)
    assert (sent, [line.number for line in left]) == (2, [1, 4])
    now = [await stands(sessions, part) for part in (first, second, third)]
    assert [part.tracking for part in now] == ["", "YT1234567890123", "YT1234567890123"]
    # A yes is to one number: with another it is asked again.
    other = f"{first.id},中通,SF1234567890124"
    sent, _ = await send(sessions, manager, other, seen[0].key)
    assert sent == 0
    sent, _ = await send(sessions, manager, other, f"{first.id}:SF1234567890124")
    assert sent == 1


async def test_an_order_of_two_families_is_asked_which(sessions: Sessions) -> None:
    products = await two_workshops(sessions)
    placed = await pay(sessions, await order(sessions, *(want(product) for product in products)))
    manager = act(await staff(sessions, products[0]))
    first, second = placed.work_orders
    async with sessions.begin() as session:
        for part in placed.work_orders:
            await work_steps.accept(session, manager, part.id, NOON)
    [line] = await look(sessions, manager, f"{placed.code},顺丰,SF1234567890123")
    assert line.problem == (
        f"这个订单有几张工单，请写工单号：{first.id}（{first.workshop.name}）、"
        f"{second.id}（{second.workshop.name}）。"
    )
    assert (await send(sessions, manager, f"{first.id},顺丰,SF1234567890123"))[0] == 1
    # Only one is left to send, so the order's code says which.
    assert (await send(sessions, manager, f"{placed.code},顺丰,SF1234567890123"))[0] == 1
    [line] = await look(sessions, manager, f"{second.id},顺丰,SF9999999999999")
    assert line.problem == "已经寄出了，单号是 顺丰 SF1234567890123。"


async def test_other_stations_orders_are_not_there(sessions: Sessions) -> None:
    workshop, _ = await one_workshop(sessions)
    part = await finished(sessions, workshop)
    other = await make_station(sessions, "other")
    stranger = act(await make_member(sessions, other, Role.MANAGER))
    for name in (part.order.code, str(part.id)):
        sent, [line] = await send(sessions, stranger, f"{name},顺丰,SF1234567890123")
        assert (sent, line.problem) == (0, f"没有“{name}”这个订单号或工单号。")
    assert (await stands(sessions, part)).state == WorkOrderState.READY


async def test_a_list_has_an_end(sessions: Sessions) -> None:
    _, manager = await one_workshop(sessions)
    with pytest.raises(Invalid) as refusal:
        await look(sessions, manager, "x,顺丰,12345\n" * (MOST_LINES + 1))
    assert refusal.value.errors == {"text": "一次最多 200 行，现在有 201 行，请分几次。"}


def test_files_of_excel_in_china_are_read() -> None:
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        assert decoded("7K3F,顺丰,SF1".encode(encoding)) == "7K3F,顺丰,SF1"
