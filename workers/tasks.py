"""The tasks: each a thin shell over a function of the shop or the catalog.

Tasks that do jobs of the outbox get the ids of their rows and may run twice. None is retried by
Celery: a job that failed is handed over again by the relay, later and later.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from catalog import closures, outbox, photos
from media.storage import Storage
from shop import (
    behind,
    doctor,
    letters,
    making,
    notices,
    overdue,
    pausing,
    paying,
    reconcile,
    refund_window,
    reminding,
    renewals,
    routing,
    sending,
    settle,
    signin,
    webhooks,
)
from shop.context import Shop
from workers.app import app
from workers.runtime import run


def _now() -> datetime:
    return datetime.now(UTC)


def _batches(jobs: "Jobs", size: int) -> "Iterator[Jobs]":
    rest = iter(jobs)
    while some := list(islice(rest, size)):
        yield some


# How many jobs of a kind travel in one message; a worker of many orders makes one transaction.
AT_ONCE = {settle.ROUTE_JOB: 100, webhooks.EVENT_JOB: 50}

Jobs = list[tuple[int, dict[str, int]]]
"""Ids of the outbox's rows, each with what is to be done about what."""


@app.task(name="workers.relay", expires=5)
def relay_task() -> int:
    """Hand due jobs of the outbox to the broker; returns how many.

    The rows are marked and committed first. Should this process die before a message is sent,
    or the broker lose it, the row comes again.
    """

    async def work(shop: Shop, _: Storage) -> dict[str, Jobs]:
        async with shop.database.reading() as session:
            if not await outbox.any_due(session, _now()):
                return {}
        by_name: defaultdict[str, Jobs] = defaultdict(list)
        async with shop.database.writing.begin() as session:
            for job in await outbox.due(session, _now()):
                by_name[job.name].append((job.id, job.args))
        return by_name

    by_name = run(work)
    for name, jobs in by_name.items():
        for some in _batches(jobs, AT_ONCE.get(name, 1)):
            app.send_task(name, kwargs={"jobs": some})
    return sum(map(len, by_name.values()))


@app.task(name=settle.ROUTE_JOB)
def route_orders_task(jobs: Jobs) -> None:
    """Tell each workshop of its part of paid orders."""
    orders = {job_id: args["order_id"] for job_id, args in jobs}

    async def work(shop: Shop, _: Storage) -> None:
        async with shop.database.writing.begin() as session:
            await routing.route_orders(session, orders, _now())

    run(work)


@app.task(name=webhooks.EVENT_JOB)
def take_events_task(jobs: Jobs) -> None:
    """Make true what a gateway told and nobody has seen to."""

    async def work(shop: Shop, _: Storage) -> None:
        for job_id, args in jobs:
            kept = await webhooks.read_event(shop, job_id, args["event_id"], _now())
            await webhooks.take_event(shop, kept)

    run(work)


@app.task(name=settle.REFUND_JOB)
def send_refund_task(jobs: Jobs) -> None:
    """Ask the gateway to give money back."""

    async def work(shop: Shop, _: Storage) -> None:
        for job_id, args in jobs:
            await paying.send_refund(shop, job_id, args["refund_id"], _now())

    run(work)


@app.task(name=notices.SEND_JOB)
def send_notice_task(jobs: Jobs) -> None:
    """Send notices by the channels that are set."""

    async def work(shop: Shop, _: Storage) -> None:
        for job_id, args in jobs:
            await sending.send_notice(shop, job_id, args["notice_id"], _now())

    run(work)


@app.task(name=photos.RENDER_JOB)
def render_photo_task(jobs: Jobs) -> None:
    """Make photos' renditions."""

    async def work(shop: Shop, storage: Storage) -> None:
        for job_id, args in jobs:
            await photos.render_photo(shop.database, storage, job_id, args["photo_id"], _now())

    run(work)


@app.task(name=making.RENDER_JOB)
def render_stage_photo_task(jobs: Jobs) -> None:
    """Make renditions of pictures of the making."""

    async def work(shop: Shop, storage: Storage) -> None:
        for job_id, args in jobs:
            await making.render_stage_photo(shop.database, storage, job_id, args["photo_id"])

    run(work)


@app.task(name="workers.sweep", expires=30)
def sweep_task() -> int:
    """End pauses that nobody ends, free what time has run out for; how many holds and orders."""

    async def work(shop: Shop, _: Storage) -> int:
        await pausing.see_to_pauses(shop.database, _now())
        return await paying.sweep(shop, _now())

    return run(work)


@app.task(name="workers.forget", expires=600)
def forget_task() -> None:
    """Delete sessions that are over."""

    async def work(shop: Shop, _: Storage) -> None:
        async with shop.database.writing.begin() as session:
            await signin.forget_old_sessions(session, _now())

    run(work)


@app.task(name="workers.watch", expires=600)
def watch_task() -> None:
    """Ask about payments past their end; tell the desk of work that is not getting done, and
    remind families that have not answered."""

    async def work(shop: Shop, _: Storage) -> None:
        await overdue.look_at_overdue(shop, _now())
        await doctor.watch(shop.database, _now())
        await reminding.see_to_unanswered(shop.database, _now())

    run(work)


@app.task(name="workers.letters", expires=3600)
def letters_task() -> None:
    """Write the letters of the week that is over, where families have none yet."""

    async def work(shop: Shop, _: Storage) -> None:
        async with shop.database.writing.begin() as session:
            await letters.make_letters(session, letters.last_week(_now()), _now())

    run(work)


@app.task(name="workers.reconcile", expires=3600)
def reconcile_task() -> None:
    """Compare the last days of money with what the gateways tell."""

    async def work(shop: Shop, _: Storage) -> None:
        await reconcile.nightly(shop, _now())

    run(work)


@app.task(name="workers.examine", expires=3600)
def examine_task() -> None:
    """Look whether stock, money and the audit trail add up."""

    async def work(shop: Shop, _: Storage) -> None:
        await doctor.examine_nightly(shop.database, _now())

    run(work)


@app.task(name="workers.refund_windows", expires=3600)
def refund_windows_task() -> None:
    """Tell of unfinished orders whose money soon can not go back any more."""

    async def work(shop: Shop, _: Storage) -> None:
        async with shop.database.writing.begin() as session:
            await refund_window.warn(session, _now())

    run(work)


@app.task(name=closures.LOOK_JOB)
def look_at_queues_task(jobs: Jobs) -> None:
    """Tell the desk who is behind, after a closure or a date that has changed."""

    async def work(shop: Shop, _: Storage) -> None:
        for job_id, _args in jobs:
            await behind.look_again(shop.database, job_id, _now())

    run(work)


@app.task(name="workers.behind", expires=3600)
def behind_task() -> None:
    """Tell buyers, families and the desk of work that comes out later than promised."""

    async def work(shop: Shop, _: Storage) -> None:
        await behind.look_each_morning(shop.database, _now())

    run(work)


@app.task(name="workers.renewals", expires=3600)
def renewals_task() -> None:
    """Tell of families' checks that end soon, and of families that have sold a lot this year."""

    async def work(shop: Shop, _: Storage) -> None:
        async with shop.database.writing.begin() as session:
            await renewals.remind(session, _now())

    run(work)
