"""The tasks: each a thin shell over a function of the shop or the catalog.

Tasks that do a job of the outbox get its row's id first and may run twice. None is retried by
Celery: a job that failed is handed over again by the relay, later and later.
"""

from datetime import UTC, datetime

from catalog import outbox, photos
from media.storage import Storage
from shop import paying, routing, settle, signin
from shop.context import Shop
from workers.app import app
from workers.runtime import run


def _now() -> datetime:
    return datetime.now(UTC)


@app.task(name="workers.relay", expires=5)
def relay_task() -> int:
    """Hand due jobs of the outbox to the broker; returns how many.

    The rows are marked and committed first. Should this process die before a message is sent,
    or the broker lose it, the row comes again.
    """

    async def work(shop: Shop, _: Storage) -> list[tuple[str, int, dict[str, int]]]:
        async with shop.database.reading() as session:
            if not await outbox.any_due(session, _now()):
                return []
        async with shop.database.writing.begin() as session:
            return [(job.name, job.id, job.args) for job in await outbox.due(session, _now())]

    jobs = run(work)
    for name, job_id, args in jobs:
        app.send_task(name, kwargs={"job_id": job_id, **args})
    return len(jobs)


@app.task(name=settle.ROUTE_JOB)
def route_order_task(job_id: int, order_id: int) -> None:
    """Tell each workshop of its part of a paid order."""

    async def work(shop: Shop, _: Storage) -> None:
        async with shop.database.writing.begin() as session:
            await routing.route_order(session, job_id, order_id, _now())

    run(work)


@app.task(name=settle.REFUND_JOB)
def send_refund_task(job_id: int, refund_id: int) -> None:
    """Ask the gateway to give money back."""

    async def work(shop: Shop, _: Storage) -> None:
        await paying.send_refund(shop, job_id, refund_id, _now())

    run(work)


@app.task(name=photos.RENDER_JOB)
def render_photo_task(job_id: int, photo_id: int) -> None:
    """Make a photo's renditions."""

    async def work(shop: Shop, storage: Storage) -> None:
        await photos.render_photo(shop.database, storage, job_id, photo_id, _now())

    run(work)


@app.task(name="workers.sweep", expires=30)
def sweep_task() -> int:
    """Free what time has run out for; returns how many holds and orders."""

    async def work(shop: Shop, _: Storage) -> int:
        return await paying.sweep(shop, _now())

    return run(work)


@app.task(name="workers.forget", expires=600)
def forget_task() -> None:
    """Delete sessions that are over."""

    async def work(shop: Shop, _: Storage) -> None:
        async with shop.database.writing.begin() as session:
            await signin.forget_old_sessions(session, _now())

    run(work)
