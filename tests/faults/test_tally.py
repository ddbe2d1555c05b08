"""Parts of a whole installation are killed while buyers pay: the tally, in small."""

import asyncio
import os
import shutil

import pytest

from tests.faults.tally import run
from tests.faults.town import town

pytestmark = pytest.mark.xdist_group("faults")


def test_whatever_is_killed_every_payment_is_an_order_or_a_refund() -> None:
    if shutil.which("redis-server") is None:
        assert os.environ.get("CI") != "true", "redis-server is not installed"
        pytest.skip("redis-server is not installed")
    with town() as place:
        tally = asyncio.run(run(place, 3, seed=7))
    assert tally.lost == []
    assert tally.found["payments at the till"] > 0
    assert tally.killed.total() == 3
