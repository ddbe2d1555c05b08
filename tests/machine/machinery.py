"""What happens by itself: time, the bank and its messages, sweeps and the jobs of the outbox."""

from datetime import timedelta

from hypothesis import strategies as st
from sqlalchemy import exists, select

from catalog import outbox
from catalog.checks import BEIJING
from catalog.closures import LOOK_JOB
from catalog.models import Job, Product, Stock
from shop import behind, doctor, holds, overdue, reconcile, refund_window, reminding
from shop.line import still_waiting
from shop.making import RENDER_JOB, render_stage_photo
from shop.models import Waiter
from shop.payable import standings
from shop.paying import close_dead_orders, send_refund, sweep
from shop.routing import route_orders
from shop.settle import REFUND_JOB, ROUTE_JOB
from shop.webhooks import EVENT_JOB, Kept, Signed, keep_events, read_event, take_event
from tests.machine.bank import Message, Mood, RefundMood
from tests.machine.base import NEWEST, Broken, World, act_as
from tests.machine.reckoning import day_of, read_calendar
from tests.shop.sales import GATEWAY

MINUTES = st.sampled_from([1, 5, 13, 16, 32, 35, 62, 24 * 60, 9 * 24 * 60])
MOODS = st.sampled_from([Mood.UP, Mood.UP, Mood.UP, Mood.DOWN, Mood.MUTE])
REFUND_MOODS = st.sampled_from(RefundMood)


class Machinery(World):
    """The rules of what nobody does."""

    @act_as(minutes=MINUTES)
    async def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @act_as(mood=MOODS, refunds=REFUND_MOODS)
    async def bank_is(self, mood: Mood, refunds: RefundMood) -> None:
        self.bank.mood, self.bank.refund_mood = mood, refunds

    @act_as("payable", n=NEWEST)
    async def bank_forgets(self, n: int) -> None:
        """What was paid is never forgotten."""
        self.bank.forget(self.pick(self.bank.payable(), n))

    @act_as("pending", n=NEWEST)
    async def refund_ends(self, n: int) -> None:
        self.bank.end(self.pick(self.bank.pending(), n))

    @act_as("untold", n=NEWEST, seen_to=st.booleans())
    async def hear(self, n: int, seen_to: bool) -> None:
        """The bank tells something new, in any order; its taker may die before it sees to it."""
        untold = [message for message in self.bank.messages if not message.told]
        await self.tell([self.pick(untold, n)], seen_to)

    @act_as("told", n=NEWEST, seen_to=st.booleans())
    async def hear_again(self, n: int, seen_to: bool) -> None:
        await self.tell([self.pick(self.bank.messages, n)], seen_to)

    @act_as("untold", seen_to=st.booleans())
    async def hear_all(self, seen_to: bool) -> None:
        """All that is untold at once, each of it twice."""
        untold = [message for message in self.bank.messages if not message.told]
        await self.tell(untold + untold, seen_to)

    async def tell(self, messages: list[Message], seen_to: bool) -> None:
        asked = []
        for message in messages:
            message.told += 1
            event = self.bank.verify_event(message.payload, "", self.now)
            asked.append(Signed(GATEWAY, event, message.payload.decode(), self.now))
        if not asked:
            return
        answers = (await keep_events(self.shop, asked)).values()
        left = [answer for answer in answers if isinstance(answer, Kept)]
        for kept in left if seen_to else []:
            await take_event(self.shop, kept)

    @act_as("holds active", "orders")
    async def sweep(self) -> None:
        await sweep(self.shop, self.now)
        await self.nobody_waits_for_what_is_free()

    async def nobody_waits_for_what_is_free(self) -> None:
        free = exists().where(Stock.product_id == Waiter.product_id, Stock.on_hand > Stock.held)
        async with self.database.reading() as session:
            calendar = await read_calendar(session)
        waits = select(Product).join(Waiter).where(still_waiting(self.now), free)
        for product in await self.found(waits):
            at_home = calendar.is_open(product.workshop_id, day_of(self.now))
            if at_home or product.kept_at_station:
                raise Broken(f"waits for what is free: product {product.id}")

    @act_as("holds active", "orders unpaid", product=st.integers(0, 3))
    async def reclaim(self, product: int) -> None:
        """What a buyer's request does on its way."""
        product_id = self.products[product].id
        await holds.lapse_holds(self.database, self.now, product_id=product_id)
        await close_dead_orders(self.shop, self.now, product_id=product_id)

    @act_as("orders")
    async def watch(self) -> None:
        await overdue.look_at_overdue(self.shop, self.now)
        await doctor.watch(self.database, self.now)
        await reminding.see_to_unanswered(self.database, self.now)

    @act_as("orders")
    async def night(self) -> None:
        await reconcile.nightly(self.shop, self.now)
        await self.doctor_finds_nothing()
        await self.nobody_is_paid_more_than_is_owed()
        async with self.writing.begin() as session:
            await refund_window.warn(session, self.now)

    async def doctor_finds_nothing(self) -> None:
        """Sound books are reported as sound; only jobs may be late."""
        found = await doctor.examine_nightly(self.database, self.now)
        odd = [f"{one.what} {one.text}" for one in found if not one.ok and one.what != "jobs"]
        if odd:
            raise Broken(f"the doctor says: {odd}")

    async def nobody_is_paid_more_than_is_owed(self) -> None:
        today = self.now.astimezone(BEIJING).date()
        async with self.database.reading() as session:
            found = (await standings(session, self.station.id, today)).values()
        odd = [one for one in found if one.payable_fen > one.balance_fen or one.waiting_fen < 0]
        if odd:
            raise Broken(f"more may be paid than is owed: {odd}")

    @act_as("jobs", n=NEWEST)
    async def do_job(self, n: int) -> None:
        jobs = await self.found(select(Job).order_by(Job.id))
        self.see(jobs)
        job = self.pick(jobs, n)
        await self.work(job.id, job.name, job.args)

    @act_as("seen", n=NEWEST)
    async def do_job_again(self, n: int) -> None:
        """The broker hands a job over that was done long ago."""
        await self.work(*self.pick(self.jobs_seen, n))

    @act_as("jobs")
    async def do_jobs(self) -> None:
        for job in await self.found(select(Job).order_by(Job.id)):
            self.see([job])
            await self.work(job.id, job.name, job.args)

    @act_as("jobs")
    async def lose_jobs(self) -> None:
        """The relay hands all over that is due, and the broker loses it."""
        async with self.writing.begin() as session:
            self.see(await outbox.due(session, self.now))

    def see(self, jobs: list[Job]) -> None:
        known = {one[0] for one in self.jobs_seen}
        self.jobs_seen += [(job.id, job.name, job.args) for job in jobs if job.id not in known]

    async def work(self, job_id: int, name: str, args: dict[str, int]) -> None:
        if name == ROUTE_JOB:
            async with self.writing.begin() as session:
                await route_orders(session, {job_id: args["order_id"]}, self.now)
        elif name == REFUND_JOB:
            await send_refund(self.shop, job_id, args["refund_id"], self.now)
        elif name == LOOK_JOB:
            await behind.look_again(self.database, job_id, self.now)
        elif name == RENDER_JOB:
            await render_stage_photo(self.database, self.storage, job_id, args["photo_id"])
        elif name == EVENT_JOB:
            kept = await read_event(self.shop, job_id, args["event_id"], self.now)
            await take_event(self.shop, kept)
        else:
            raise AssertionError(f"a job that nobody knows: {name}")
