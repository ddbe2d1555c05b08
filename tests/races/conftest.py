"""Two shops on one database, as two processes would have it, and one bank for both."""

from collections.abc import AsyncIterator

import pytest

from catalog.db import Database
from shop.context import Shop
from tests.machine.bank import Bank
from tests.making import NOON
from tests.shop.sales import shop_of


@pytest.fixture
def bank() -> Bank:
    return Bank(clock=lambda: NOON)


@pytest.fixture
async def shops(database_url: str, bank: Bank) -> AsyncIterator[list[Shop]]:
    databases = [Database.connect(database_url) for _ in range(2)]
    yield [shop_of(database, bank) for database in databases]
    for database in databases:
        await database.close()
