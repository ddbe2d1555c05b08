"""Acting for a family: how it said what is done in its name, and what shows that it did.

Whoever acts reads the fields of `shop/templates/shop/said.html` with `read_said`, and takes the
actor that `act_for` hands back to the usual functions. Only the station's own staff may.
"""

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ORDER_VIEWERS, WORK_ORDER_DESK, Actor
from catalog.checks import Check
from catalog.errors import Invalid, NotFound
from catalog.models import Workshop
from catalog.own import own
from catalog.photos import SENTENCES
from media import voices
from media.photos import BadPhoto, inspect, viewable
from media.storage import NoSuchFile, Storage
from shop.models import ActChannel, Evidence, WorkOrder

LONGEST_AGO = timedelta(days=14)

BLANK = {
    "said_channel": ActChannel.CALL.value,
    "said_by": "",
    "said_at": "",
    "said_note": "",
    "said_kept": "",
}
"""The fields as a form first shows them: by telephone, just now."""

_KEPT = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Said:
    """What a family said: how, when, which of them; `file_key` names what shows it, "" for nothing."""

    channel: ActChannel
    said_at: datetime
    said_by: str = ""
    note: str = ""
    file_key: str = ""
    file_type: str = ""


async def read_said(
    storage: Storage, actor: Actor, typed: Mapping[str, str], data: bytes | None, now: datetime
) -> Said:
    """Read the fields of a form; a file, photo or voice, is kept once all the rest is right.

    An empty time is just now. `said_kept` names a file that `keep_file` kept before. Raises
    NotAllowed for who may not act for families, Invalid. A file whose row does not commit stays
    behind under a name nobody knows. Takes no session: nothing is locked while a file is stored.
    """
    actor.must_be(WORK_ORDER_DESK)
    check = Check()
    channel = check.choice("said_channel", typed.get("said_channel"), "怎么说的", ActChannel)
    by = check.text("said_by", typed.get("said_by"), "谁说的", most=40, least=0)
    note = check.text("said_note", typed.get("said_note"), "备注", most=200, least=0)
    at = _read_time(check, typed.get("said_at", ""), now)
    check.done()
    assert channel is not None
    said = Said(channel, at, by, note)
    kept = typed.get("said_kept", "")
    if data:
        kept = await keep_file(storage, actor, data)
    return await _with_file(storage, actor, said, kept) if kept else said


def _read_time(check: Check, typed: str, now: datetime) -> datetime:
    at = check.beijing_time("said_at", typed, "什么时候说的") if typed.strip() else now
    if at is not None and at > now:
        check.fault("said_at", "这个时间还没有到。")
    if at is not None and at < now - LONGEST_AGO:
        check.fault("said_at", f"最多记 {LONGEST_AGO.days} 天以前说的话。")
    return at or now


async def keep_file(storage: Storage, actor: Actor, data: bytes) -> str:
    """Store what shows something, and name it; only its station finds it again. Raises Invalid."""
    file_type, name = _file_type(data), secrets.token_hex(16)
    await storage.put(_key(actor, name), data, file_type)
    return name


def _key(actor: Actor, name: str) -> str:
    return f"evidence/{actor.station_id}/{name}"


async def _with_file(storage: Storage, actor: Actor, said: Said, name: str) -> Said:
    if not _KEPT.fullmatch(name):
        raise Invalid({"said_file": "请重新选文件。"})
    try:
        data = await storage.get(_key(actor, name))
    except NoSuchFile as error:
        raise Invalid({"said_file": "请重新选文件。"}) from error
    return replace(said, file_key=_key(actor, name), file_type=_file_type(data))


def _file_type(data: bytes) -> str:
    """What a file is, by its content. Raises Invalid for what is neither photo nor voice."""
    if kind := voices.voice_type(data):
        if len(data) > voices.MAX_BYTES:
            raise Invalid({"said_file": "录音太大了，最大 20 MB。"})
        return kind
    try:
        return inspect(data).media_type
    except BadPhoto as error:
        raise Invalid({"said_file": SENTENCES[error.reason]}) from error


async def act_for(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    said: Said,
    now: datetime,
    work_order_id: int | None = None,
) -> Actor:
    """The actor as one who does what a family said, with the evidence that it did.

    Raises NotAllowed for who may not act for families (its own members need not), NotFound for
    a workshop of another station, or a work order of another workshop.
    """
    actor.must_be(WORK_ORDER_DESK)
    await own(session, actor, Workshop, workshop_id)
    if work_order_id is not None:
        work_order = await session.get(WorkOrder, work_order_id)
        if work_order is None or work_order.workshop_id != workshop_id:
            raise NotFound(f"work order {work_order_id}")
    evidence = Evidence(
        station_id=actor.station_id,
        workshop_id=workshop_id,
        work_order_id=work_order_id,
        channel=said.channel,
        said_by=said.said_by,
        said_at=said.said_at,
        note=said.note,
        file_key=said.file_key,
        file_type=said.file_type,
        made_by=actor.member_id,
        made_at=now,
    )
    session.add(evidence)
    await session.flush()
    return replace(actor, channel=said.channel.value, evidence_id=evidence.id)


async def evidence_file(
    session: AsyncSession, storage: Storage, actor: Actor, evidence_id: int
) -> tuple[bytes, str]:
    """What shows something, and its media type; a photo as every browser can show it.

    Raises NotFound, also for evidence without a file.
    """
    actor.must_be(ORDER_VIEWERS)
    evidence = await own(session, actor, Evidence, evidence_id)
    if not evidence.file_key:
        raise NotFound(f"evidence {evidence_id}")
    try:
        data = await storage.get(evidence.file_key)
        if evidence.file_type in voices.ENDINGS:
            return data, evidence.file_type
        return await asyncio.to_thread(viewable, data)
    except (NoSuchFile, BadPhoto) as error:
        raise NotFound(f"file of evidence {evidence_id}") from error
