"""A family and its work, for the pages on its phone."""

import pytest

from catalog.db import Sessions
from catalog.models import Kind
from shop.models import WorkOrder
from tests.making import make_product
from tests.shop.pages.family import Family, make_family, order_paid


@pytest.fixture
async def family(sessions: Sessions) -> Family:
    return await make_family(sessions)


@pytest.fixture
async def work_order(sessions: Sessions, family: Family) -> WorkOrder:
    """New, and to be carved within seven days of work."""
    product = await make_product(
        sessions, family.workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7
    )
    return await order_paid(sessions, (product, 1))
