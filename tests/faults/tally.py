"""`python -m tests.faults.tally`: buyers in a rush while parts of the installation are killed.

Each round some buyers order and pay, and at a random moment one part gets SIGKILL: a web process,
the web server, the worker, beat, PostgreSQL or Redis. It is started again a moment later. After
the last round time is moved ahead, so that whatever was left open runs out, and then every payment
at the till must be an order that reached its workshops, or a refund; no piece may be kept for
nobody, and all sums must balance. Prints the tally; ends with 1 when something is lost.
"""

import argparse
import asyncio
import contextlib
import random
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from sqlalchemy import func, select, text

from catalog.db import Database
from catalog.models import Job, Stock
from shop.doctor import examine
from shop.models import (
    Hold,
    HoldState,
    Notice,
    Order,
    OrderState,
    Payment,
    PaymentState,
    Refund,
    RefundState,
    WorkOrder,
)
from shop.settings import read_settings
from tests.faults.town import VICTIMS, Town, town
from tests.making import BUYER, make_product, make_station, make_workshop

PRODUCTS = 6
PIECES = 400
BUYERS_A_ROUND = 12
ROUND_SECONDS = 2.0
BEHAVIOURS = ("succeed", "succeed", "succeed", "twice", "late", "early", "silent")
ADDRESS = {name: BUYER[name] for name in ("province", "city", "district", "detail")}
AWAY = (httpx.HTTPError, OSError)


# Each is a transaction of its own: the program, which goes on meanwhile, locks rows in another order.
_TWO_HOURS_OLDER = (
    "UPDATE holds SET expires_at = expires_at - interval '2 hours'",
    "UPDATE payments SET expires_at = expires_at - interval '2 hours'",
    "UPDATE orders SET expires_at = expires_at - interval '2 hours'",
    "UPDATE outbox SET run_at = now()",
)


@dataclass
class Tally:
    """What happened, counted."""

    killed: Counter[str] = field(default_factory=Counter)
    buyers: Counter[str] = field(default_factory=Counter)
    found: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


async def fill(database: Database) -> list[int]:
    """Products of as many families as there are products."""
    station = await make_station(database.writing)
    return [
        (
            await make_product(
                database.writing,
                await make_workshop(database.writing, station, f"作坊{n}"),
                on_hand=PIECES,
            )
        ).id
        for n in range(PRODUCTS)
    ]


async def one_buyer(base: str, products: Sequence[int], chance: random.Random, n: int) -> str:
    """Order and pay, trying again with the same key whatever happens; how far it came."""
    wanted = chance.sample(list(products), chance.choice((1, 1, 2, 3)))
    body = {
        "items": [{"product": product, "quantity": 1} for product in sorted(wanted)],
        "buyer": {"name": BUYER["name"], "phone": f"138{n:08}", "address": ADDRESS},
    }
    behaviour = chance.choice(BEHAVIOURS)
    pays = chance.random() < 0.9
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        placed = await _again(
            client, f"{base}/api/orders", lambda: {"json": body}, f"key-{n}", _is_payable
        )
        if placed is None:
            return "never ordered"
        if placed.status_code == 409:
            return "refused"
        if not pays:
            return "never paid"
        paid = await _again(
            client,
            placed.json()["pay_url"],
            lambda: {"data": {"method": "alipay", "behaviour": behaviour}},
            None,
            lambda answer: answer.status_code < 500,
        )
        return "gave up paying" if paid is None else f"paid: {behaviour}"


def _is_payable(answer: httpx.Response) -> bool:
    """Placed with an address to pay at, or refused for good."""
    if answer.status_code == 201:
        return bool(answer.json()["pay_url"])
    return answer.status_code < 500


async def _again(
    client: httpx.AsyncClient, url: str, body: Any, key: str | None, good: Any
) -> httpx.Response | None:
    headers = {"Idempotency-Key": key} if key else {}
    for _ in range(40):
        with contextlib.suppress(*AWAY):
            answer = await client.post(url, headers=headers, **body())
            if good(answer):
                return answer
        await asyncio.sleep(0.5)
    return None


async def one_round(
    place: Town, products: Sequence[int], chance: random.Random, first: int, tally: Tally
) -> None:
    """Some buyers, one of the parts killed while they buy, and started again."""
    buyers = [
        asyncio.create_task(one_buyer(place.server.base, products, chance, first + n))
        for n in range(BUYERS_A_ROUND)
    ]
    victim = chance.choice(VICTIMS)
    await asyncio.sleep(chance.uniform(0, ROUND_SECONDS))
    await asyncio.to_thread(place.kill, victim)
    tally.killed[victim] += 1
    await asyncio.sleep(chance.uniform(0, 1))
    await asyncio.to_thread(place.mend, victim)
    tally.buyers.update(await asyncio.gather(*buyers))


async def run_out(database: Database, seconds: float) -> bool:
    """Move time ahead by two hours, and wait until nothing is open any more."""
    for older in _TWO_HOURS_OLDER:
        async with database.writing.begin() as session:
            await session.execute(text(older))
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if await _nothing_open(database):
            return True
        await asyncio.sleep(1)
    return False


async def _nothing_open(database: Database) -> bool:
    async with database.reading() as session:
        open_things = [
            select(func.count()).select_from(Job),
            select(func.count()).where(Payment.state == PaymentState.OPEN),
            select(func.count()).where(Hold.state == HoldState.ACTIVE),
            select(func.count()).where(
                Refund.state.in_((RefundState.REQUESTED, RefundState.PENDING))
            ),
        ]
        return not any([await session.scalar(query) for query in open_things])


async def look(place: Town, database: Database, tally: Tally) -> None:
    """Compare the till's own book with ours, and ours with itself."""
    book = sqlite3.connect(place.folder / "data" / "rehearsal.sqlite3")
    paid = dict(book.execute("SELECT id, amount_fen FROM sessions WHERE intent_id IS NOT NULL"))
    back = dict(
        book.execute(
            "SELECT s.id, SUM(r.amount_fen) FROM refunds r JOIN sessions s USING (intent_id) "
            "GROUP BY s.id"
        )
    )
    book.close()
    async with database.reading() as session:
        payments = {p.session_id: p for p in await session.scalars(select(Payment))}
        orders = {o.id: o for o in await session.scalars(select(Order))}
        parts = list(await session.scalars(select(WorkOrder)))
        notices = Counter(
            await session.scalars(select(Notice.work_order_id).where(Notice.kind == "new_work"))
        )
        held = await session.scalar(select(func.sum(Stock.held)))
    for session_id, amount in paid.items():
        payment = payments.get(session_id)
        if payment is None or payment.state != PaymentState.SUCCEEDED:
            tally.lost.append(f"{session_id}: {amount} fen were paid, and we do not know")
        elif payment.kept and orders[payment.order_id].state != OrderState.PAID:
            tally.lost.append(f"{session_id}: kept, but its order is not paid")
        elif not payment.kept and back.get(session_id) != amount:
            tally.lost.append(f"{session_id}: neither kept nor given back whole")
    for part in parts:
        routed = orders[part.order_id].state == OrderState.PAID
        if notices[part.id] != int(routed):
            tally.lost.append(f"work order {part.id}: told {notices[part.id]} times")
    tally.found = {
        "payments at the till": len(paid),
        "orders paid": sum(order.state == OrderState.PAID for order in orders.values()),
        "orders expired": sum(order.state == OrderState.EXPIRED for order in orders.values()),
        "refunds": len(back),
        "work orders told": sum(notices.values()),
        "pieces held": held or 0,
    }
    settings = read_settings({**place.environment, "XIANGBO_PORT": str(place.server.port)})
    tally.lost += [
        f"doctor: {finding.what}: {finding.text}"
        for finding in (await examine(settings, datetime.now(UTC)))[0]
        if not finding.ok
    ]


async def run(place: Town, rounds: int, seed: int, *, say: bool = False) -> Tally:
    """All rounds, the running out, and the look."""
    tally, chance = Tally(), random.Random(seed)
    database = Database.connect(place.database_url)
    products = await fill(database)
    await database.close()
    for n in range(rounds):
        await one_round(place, products, chance, n * BUYERS_A_ROUND, tally)
        if say:
            print(f"\r{n + 1}/{rounds} rounds", end="", file=sys.stderr, flush=True)
    database = Database.connect(place.database_url)
    if not await run_out(database, 300):
        tally.lost.append("something stayed open")
    await look(place, database, tally)
    await database.close()
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    begun = time.monotonic()
    with town() as place:
        tally = asyncio.run(run(place, given.rounds, seed, say=True))
    print(f"\nseed {seed}, {given.rounds} rounds, {time.monotonic() - begun:.0f} s")
    print("killed: " + ", ".join(f"{name} {n}" for name, n in sorted(tally.killed.items())))
    print("buyers: " + ", ".join(f"{how} {n}" for how, n in sorted(tally.buyers.items())))
    print("found:  " + ", ".join(f"{what} {n}" for what, n in tally.found.items()))
    print("lost:   " + ("nothing" if not tally.lost else "\n        ".join(tally.lost)))
    return 1 if tally.lost else 0


if __name__ == "__main__":
    sys.exit(main())
