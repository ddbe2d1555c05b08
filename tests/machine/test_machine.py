"""Buyers, families, desk, bank and clock in any order: after every step all must hold."""

from tests.machine.base import DONE
from tests.machine.machine import Machine, run_on


def test_whatever_happens_all_holds(database_url: str) -> None:
    """`python -m tests.machine` goes on for longer, each time another way (docs/testing.md)."""
    Machine.counted.clear()
    run_on(database_url, examples=12, steps=30)
    # A machine whose every step is refused would see nothing.
    done = {name for name, ended in Machine.counted if ended == DONE}
    assert len(done) >= 20, sorted(done)
