"""Sending what `shop.notices` wrote down. Only the worker loads this, and apprise with it.

At least once: a run claims its job for a minute, sends with no transaction open, and writes what
came of it. A worker that dies in between leaves the claim to run out, and the notice goes again.
"""

import asyncio
import logging
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta

import apprise
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.models import Job, Workshop
from shop.channels import Audience, Channel
from shop.context import Shop
from shop.models import Notice, Order, Waiter
from shop.notices import MOST_TEXT, NEVER_A_CALL, audience_of

log = structlog.get_logger()

PATIENCE_SECONDS = 10
CLAIMED = timedelta(minutes=1)
MOST_TRIES = 4
"""Tries 30 s, a minute and two apart: after four minutes it is somebody's to telephone."""

NO_NUMBER = "没有手机号，发不了。"
NO_CHANNEL = "现在没有能发的渠道。"
NOT_TAKEN = f"试了 {MOST_TRIES} 次，都没有发出去。"

# They write addresses and what was sent, so secrets and numbers, into the log.
for _name in ("apprise", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

_ASSET = apprise.AppriseAsset(
    app_id="Xiangbo", app_desc="乡播", storage_mode=apprise.PersistentStoreMode.MEMORY
)


@dataclass(frozen=True, slots=True)
class _Message:
    """What is to be sent, and to whom; `last` when it is not tried again."""

    text: str
    phone: str
    channels: tuple[Channel, ...]
    last: bool


async def send_notice(shop: Shop, job_id: int, notice_id: int, now: datetime) -> None:
    """Send one notice by the first channel that takes it; the job is done when one did.

    Where none did the job comes again; after the last try it is a call, with the reason. Does
    nothing while another run is at it, and for what was told by telephone meanwhile.
    """
    async with shop.database.writing.begin() as session:
        message = await _claim(session, shop, job_id, notice_id, now)
    if message is None:
        return
    taken_by = await _send(message)
    async with shop.database.writing.begin() as session:
        await _note(session, job_id, notice_id, message, taken_by, now)


async def _claim(
    session: AsyncSession, shop: Shop, job_id: int, notice_id: int, now: datetime
) -> _Message | None:
    """What there is to send, the job claimed; None where there is nothing to do for this run."""
    job = await session.get(Job, job_id, with_for_update=True)
    if job is None or job.args.get("claimed", 0) > (now - CLAIMED).timestamp():
        return None
    notice = await session.get_one(Notice, notice_id)
    called = notice.done_at is not None and notice.kind not in NEVER_A_CALL
    if notice.sent_at is not None or called:
        await session.delete(job)
        return None
    job.args = {**job.args, "claimed": int(now.timestamp())}
    audience = audience_of(notice)
    return _Message(
        text=_with_link(notice.text, await _link(session, shop, notice)),
        phone=await _phone(session, notice),
        channels=tuple(one for one in shop.channels if audience in one.audiences),
        last=job.attempts >= MOST_TRIES,
    )


def _with_link(text: str, link: str) -> str:
    """The words and the address behind them; what is too long is cut from the words."""
    return f"{text[: MOST_TEXT - len(link) - 1]} {link}" if link else text


async def _link(session: AsyncSession, shop: Shop, notice: Notice) -> str:
    """The buyer's own page about it; "" for families and staff."""
    if notice.waiter_id is not None:
        token = await session.scalar(select(Waiter.token).where(Waiter.id == notice.waiter_id))
        return f"{shop.public_url}/line/{token}"
    if notice.order_id is not None:
        token = await session.scalar(select(Order.token).where(Order.id == notice.order_id))
        return f"{shop.public_url}/o/{token}"
    return ""


async def _phone(session: AsyncSession, notice: Notice) -> str:
    """The mobile number of who is told; "" where there is none."""
    number = notice.phone
    if notice.workshop_id is not None:
        of_family = select(Workshop.phone).where(Workshop.id == notice.workshop_id)
        number = await session.scalar(of_family) or ""
    return number if number.startswith("1") and len(number) == 11 else ""


async def _send(message: _Message) -> Channel | None:
    """The first channel that took it."""
    for channel in message.channels:
        if not message.phone and channel.audiences != {Audience.STAFF}:
            continue
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                if await _took(channel.url_for(message.phone), message.text):
                    return channel
        except TimeoutError:
            pass
        log.warning("notice not taken", channel=channel.name)
    return None


async def _took(url: str, text: str) -> bool:
    service = apprise.Apprise(asset=_ASSET)
    with warnings.catch_warnings():
        # At its first address it loads all services, some by ways that Python warns of.
        warnings.simplefilter("ignore")
        known = service.add(url)
    return known and bool(await service.async_notify(body=text))


async def _note(
    session: AsyncSession,
    job_id: int,
    notice_id: int,
    message: _Message,
    taken_by: Channel | None,
    now: datetime,
) -> None:
    """Write down what came of it; the job stays for one more try unless this was the end."""
    job = await session.get(Job, job_id, with_for_update=True)
    notice = await session.get_one(Notice, notice_id, with_for_update=True)
    problem = "" if taken_by else _problem(message)
    if taken_by is not None:
        notice.sent_at, notice.channel, notice.problem = now, taken_by.name, ""
        notice.done_at = notice.done_at or now
    elif problem:
        notice.problem = problem
    if job is not None and (taken_by is not None or problem):
        await session.delete(job)
    elif job is not None:
        job.args = {"notice_id": notice_id}


def _problem(message: _Message) -> str:
    """Why it will not be tried again; "" when it will."""
    if not message.channels:
        return NO_CHANNEL
    if not message.phone and all(one.audiences != {Audience.STAFF} for one in message.channels):
        return NO_NUMBER
    return NOT_TAKEN if message.last else ""
