"""Acting for a family: what is read of a form, who may, and the evidence that stays."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.errors import Invalid, NotAllowed, NotFound
from catalog.models import AuditEntry, Role
from media.storage import Storage
from media.voices import voice_type
from shop import work_steps
from shop.acting import BLANK, Said, act_for, evidence_file, keep_file, read_said
from shop.models import ActChannel, Evidence
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.pictures import CARVING, HUGE_PNG
from tests.shop.sales import order, pay, want


@pytest.fixture
def storage() -> Storage:
    return Storage.open("memory:///")


VOICES = {
    "audio/mp4": b"\0\0\0\x20ftypM4A \0\0\0\0",
    "audio/mpeg": b"\xff\xfb\x90\x00",
    "audio/ogg": b"OggS\0\x02",
    "audio/webm": b"\x1a\x45\xdf\xa3\x9f",
    "audio/amr": b"#!AMR\n\x3c",
    "audio/wav": b"RIFF\x24\0\0\0WAVEfmt ",
}


def test_a_recording_is_known_by_its_content() -> None:
    assert {kind: voice_type(data) for kind, data in VOICES.items()} == {k: k for k in VOICES}
    for other in (b"", b"<html>", CARVING, b"MZ\x90", b"RIFF\x24\0\0\0WEBPVP8 ", b"%PDF-1.7"):
        assert voice_type(other) == ""


async def test_an_empty_time_is_just_now(sessions: Sessions, storage: Storage) -> None:
    actor = act(await make_member(sessions, await make_station(sessions), Role.ORDER_DESK))
    assert await read_said(storage, actor, BLANK, None, NOON) == Said(ActChannel.CALL, NOON)
    typed = {
        "said_channel": "visit",
        "said_by": " 王家 儿媳\u200b妇 ",
        "said_at": "2026-11-22T11:30",
        "said_note": "在院子里说的",
    }
    said = await read_said(storage, actor, typed, None, NOON)
    assert said == Said(
        ActChannel.VISIT, NOON - timedelta(minutes=30), "王家 儿媳妇", "在院子里说的"
    )


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("said_channel", "", "请选择怎么说的。"),
        ("said_channel", "web", "请选择怎么说的。"),
        ("said_at", "2026-11-22T12:01", "这个时间还没有到。"),
        ("said_at", "2026-11-08T11:59", "最多记 14 天以前说的话。"),
        ("said_at", "昨天", "请填写什么时候说的。"),
        ("said_by", "很" * 41, "谁说的最多 40 个字，现在有 41 个。"),
        ("said_kept", "../../etc/passwd", "请重新选文件。"),
        ("said_kept", "0" * 32, "请重新选文件。"),
    ],
)
async def test_what_can_not_be_is_refused(
    sessions: Sessions, storage: Storage, field: str, value: str, error: str
) -> None:
    actor = act(await make_member(sessions, await make_station(sessions), Role.ORDER_DESK))
    with pytest.raises(Invalid) as refused:
        await read_said(storage, actor, {**BLANK, field: value}, None, NOON)
    assert list(refused.value.errors.values()) == [error]
    edge = {**BLANK, "said_at": "2026-11-08T12:00"}
    assert (await read_said(storage, actor, edge, None, NOON)).said_at == NOON - timedelta(days=14)


async def test_a_kept_file_is_found_by_its_own_station_alone(
    sessions: Sessions, storage: Storage
) -> None:
    here = act(await make_member(sessions, await make_station(sessions), Role.ORDER_DESK))
    there = act(await make_member(sessions, await make_station(sessions, "b"), Role.ORDER_DESK))
    typed = {**BLANK, "said_kept": await keep_file(storage, here, CARVING)}
    assert (await read_said(storage, here, typed, None, NOON)).file_type == "image/jpeg"
    with pytest.raises(Invalid):
        await read_said(storage, there, typed, None, NOON)
    for bad in (b"<html>", HUGE_PNG, b"OggS" + bytes(20_000_000)):
        with pytest.raises(Invalid) as refused:
            await keep_file(storage, here, bad)
        assert list(refused.value.errors) == ["said_file"]


async def test_evidence_stands_behind_what_was_done(sessions: Sessions, storage: Storage) -> None:
    product = await make_product(sessions)
    part = (await pay(sessions, await order(sessions, want(product)))).work_orders[0]
    async with sessions() as session:
        station = await session.get_one(type(await make_station(sessions, "x")), part.station_id)
    staff = act(await make_member(sessions, station, Role.MANAGER))
    said = await read_said(storage, staff, {**BLANK, "said_by": "老王"}, CARVING, NOON)
    async with sessions.begin() as session:
        acting = await act_for(session, staff, part.workshop_id, said, NOON, part.id)
        await work_steps.accept(session, acting, part.id, NOON)
    async with sessions() as session:
        (evidence,) = await session.scalars(select(Evidence))
        query = select(AuditEntry).where(AuditEntry.action == "work_order.accept")
        (entry,) = await session.scalars(query)
        assert await evidence_file(session, storage, staff, evidence.id) == (CARVING, "image/jpeg")
    assert (evidence.channel, evidence.said_by, evidence.said_at, evidence.made_by) == (
        "call",
        "老王",
        NOON,
        staff.member_id,
    )
    assert (entry.channel, entry.on_behalf_of, entry.member_id) == (
        "call",
        part.workshop_id,
        staff.member_id,
    )
    assert entry.after == {"state": "accepted", "evidence": evidence.id}
    assert (acting.channel, acting.evidence_id) == ("call", evidence.id)


async def test_only_staff_who_take_orders_act_for_their_own_families(
    sessions: Sessions, storage: Storage
) -> None:
    station, other = await make_station(sessions), await make_station(sessions, "b")
    workshop, foreign = (
        await make_workshop(sessions, station),
        await make_workshop(sessions, other),
    )
    product = await make_product(sessions, workshop)
    part = (await pay(sessions, await order(sessions, want(product)))).work_orders[0]
    desk = act(await make_member(sessions, station, Role.ORDER_DESK))
    said = Said(ActChannel.CALL, NOON)
    for role in (Role.HOST, Role.FINANCE, Role.VOLUNTEER, Role.ASSISTANT, Role.ARTISAN):
        home = workshop if role == Role.ARTISAN else None
        actor = act(await make_member(sessions, station, role, home))
        with pytest.raises(NotAllowed):
            await read_said(storage, actor, BLANK, None, NOON)
        with pytest.raises(NotAllowed):
            async with sessions.begin() as session:
                await act_for(session, actor, workshop.id, said, NOON)
    second = await make_workshop(sessions, station, "李家木作")
    for workshop_id, work_order_id in ((foreign.id, None), (999, None), (second.id, part.id)):
        with pytest.raises(NotFound):
            async with sessions.begin() as session:
                await act_for(session, desk, workshop_id, said, NOON, work_order_id)
    async with sessions() as session:
        assert await session.scalar(select(func.count(Evidence.id))) == 0
