"""Packing: what is finished, and how little of a buyer stands on paper."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import NotAllowed
from catalog.models import AuditEntry, Kind, Station
from media.paper import Label
from shop import packing, work_steps
from shop.models import WorkOrderState
from shop.packing import covered_name, without_room
from shop.work_order_list import ticked
from tests.making import BUYER, NOON, make_workshop
from tests.shop.parcel_desk import finished, one_workshop, sold


def test_one_character_of_a_name_is_hidden() -> None:
    assert [covered_name(n) for n in ("王", "王芳", "王小芳", "Ana Duarte")] == [
        "*", "王*", "王*芳", "A*a Duarte",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("东岗西路 1 号", "东岗西路 1 号"),
        ("东岗西路 1 号 3 单元 502 室", "东岗西路 1 号 ***"),
        ("幸福小区 12 号楼 3 单元 1502 室", "幸福小区 ***"),
        ("幸福小区 12栋1502", "幸福小区 ***"),
        ("幸福小区 3-2-502", "幸福小区 ***"),
        ("人民路 8号502", "人民路 8号 ***"),
        ("人民路 8 号 1502", "人民路 8 号 ***"),
        ("科技楼五层", "科技楼 ***"),
        ("红崖村三组", "红崖村三组"),
        ("镇政府对面", "镇政府对面"),
    ],
)
def test_no_room_is_told(detail: str, shown: str) -> None:
    assert without_room(detail) == shown


async def test_what_is_finished_is_packed_family_by_family(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    async with sessions() as session:
        station = await session.get_one(Station, workshop.station_id)
    neighbours = await make_workshop(sessions, station, "李家木雕")
    ready = await finished(sessions, workshop, quantity=2)
    theirs = await finished(sessions, neighbours)
    at_hand, to_make, new, gone = [
        await sold(sessions, workshop),
        await sold(sessions, workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3),
        await sold(sessions, workshop),
        await finished(sessions, workshop),
    ]
    async with sessions.begin() as session:
        for part in (at_hand, to_make):
            await work_steps.accept(session, manager, part.id, NOON)
        await work_steps.ship(session, manager, gone.id, "顺丰", "SF1234567890123", NOON)
    async with sessions() as session:
        found = await packing.to_pack(session, manager)
        narrow = await packing.to_pack(session, manager, neighbours.id)
        rows = await ticked(session, manager, [ready.id, theirs.id, new.id])
        lists = packing.packing_lists(packing.printable(rows), station, NOON)
    assert [(name, {row.id for row in rows}) for name, rows in found] == [
        ("李家木雕", {theirs.id}),
        ("王家木作", {ready.id, at_hand.id}),
    ]
    assert [name for name, _ in narrow] == ["李家木雕"]
    assert [(one.workshop, [line.number for line in one.lines]) for one in lists] == [
        ("李家木雕", [str(theirs.id)]),
        ("王家木作", [str(ready.id)]),
    ]
    line = lists[1].lines[0]
    assert (line.what, line.pieces, line.to) == (["福字圆挂 ×2"], 2, "王* 甘肃 兰州 城关")


async def test_whole_labels_are_for_some_and_in_the_trail(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    buyer = {**BUYER, "detail": "东岗西路 1 号 3 单元 502 室"}
    part = await finished(sessions, workshop, buyer=buyer)
    seer, blind = (replace(manager, sees_phones=sees) for sees in (True, False))

    async def printed(actor: Actor, *, whole: bool) -> Label:
        async with sessions.begin() as session:
            station = await session.get_one(Station, workshop.station_id)
            rows = await ticked(session, actor, [part.id])
            [label] = packing.labels(
                session, actor, rows, station, "https://shop.example", whole, NOON
            )
            return label

    for actor in (blind, seer):
        label = await printed(actor, whole=False)
        assert (label.name, label.phone, label.how) == ("王*", "138******00", "遮盖打印")
        assert label.address == "甘肃 兰州 城关 东岗西路 1 号 ***"
        assert label.url == f"https://shop.example/desk/handovers/new?take={part.id}"
    with pytest.raises(NotAllowed):
        await printed(blind, whole=True)
    trail = select(AuditEntry).where(AuditEntry.action == "work_order.label")
    async with sessions() as session:
        assert list(await session.scalars(trail)) == []
    label = await printed(seer, whole=True)
    assert (label.name, label.phone, label.how) == ("王芳", "13800138000", "完整打印")
    assert label.address == "甘肃 兰州 城关 东岗西路 1 号 3 单元 502 室"
    async with sessions() as session:
        [entry] = await session.scalars(trail)
    assert (entry.subject_id, entry.member_id, entry.after) == (
        part.id, manager.member_id, {"whole": True},
    )  # fmt: skip
    assert part.state == WorkOrderState.READY
