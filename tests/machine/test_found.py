"""What the machine found, each as short as it came: mended since, and not to come back."""

from collections.abc import Iterator

import pytest

from shop.models import RequestKind
from tests.machine.buyers import HowFar
from tests.machine.machine import Machine


@pytest.fixture
def machine(database_url: str) -> Iterator[Machine]:
    """At noon, with four pieces of the first product and five of the second."""

    class Here(Machine):
        url = database_url

    machine = Here()
    yield machine
    machine.teardown()


BUYER = {"browser": "b1", "phone": "13800138001"}


def buy(machine: Machine, how_far: HowFar = HowFar.SETTLED) -> None:
    """A piece of each of two families."""
    machine.buy(cart=[(0, 1), (1, 1)], on_show=False, how_far=how_far, **BUYER)


def test_a_job_done_long_ago_takes_no_other_job_s_place(machine: Machine) -> None:
    """SQLite gave the id of a deleted job out again; the broker's second delivery took its row."""
    buy(machine)
    machine.do_jobs()
    machine.step(n=0, name="decline", who="family")
    machine.do_job_again(n=0)
    machine.all_holds()


def test_the_doctor_counts_no_pieces_of_a_part_that_was_cancelled(machine: Machine) -> None:
    """One family's part is cancelled, the other's goes on: its pieces are free, and so they are."""
    buy(machine)
    machine.cancel_part(n=0)
    machine.night()
    machine.all_holds()


def test_a_payment_that_was_never_opened_is_over_when_another_paid(machine: Machine) -> None:
    """Paid in cash, with a payment at the bank whose session had never been made."""
    machine.order_items(cart=[(0, 1)], key=None, **BUYER)
    machine.take_cash(n=0, way="cash")
    machine.bank.mood = machine.bank.mood.DOWN
    machine.confirm_cash(n=0)
    machine.all_holds()
    machine.quiet()


def test_receipts_that_wait_for_days_keep_no_dead_order_alive(machine: Machine) -> None:
    """Three tries in vain ended every sweep, and a receipt's payment is in vain until decided."""
    for phone in ("13800138001", "13800138002", "13800138003"):
        machine.order_items(cart=[(1, 1)], browser="", phone=phone, key=None)
        machine.take_cash(n=0, way="cash")
    machine.time_passes(minutes=24 * 60)
    machine.sweep()
    machine.order_items(cart=[(0, 1)], browser="", phone="13800138004", key=None)
    machine.time_passes(minutes=60)
    machine.sweep()
    machine.all_holds()
    assert machine.there["orders expired"] == 1


def carve(machine: Machine) -> None:
    """Five days of carving for the second family, promised by the rule."""
    machine.buy(cart=[(3, 1)], on_show=False, how_far=HowFar.SETTLED, **BUYER)
    machine.all_holds()


def test_who_is_told_of_a_later_day_is_told_the_day_that_holds_then(machine: Machine) -> None:
    """With its later day the first order stands behind the second; it was told of twice in a morning."""
    carve(machine)
    machine.go_on(n=0)
    carve(machine)
    machine.change_date(n=0, ahead=-4, who="desk")
    machine.close_days(family=1, begins=0, days=5, who="desk")
    machine.morning()
    machine.run(machine.must_hold())


def test_nobody_calls_about_the_new_day_of_what_is_cancelled(machine: Machine) -> None:
    """The desk was still to ask whether the buyer waits, and the answer would have been refused."""
    buy(machine)
    machine.accept_another_day(n=0, ahead=1, who="family")
    machine.cancel(n=0)
    machine.all_holds()


@pytest.mark.parametrize("over", ["cancel", "decline"])
def test_a_request_to_cancel_ends_with_what_it_is_about(machine: Machine, over: str) -> None:
    """Asked while it was being made; the family took back that it had begun, and then it was off."""
    carve(machine)
    machine.go_on(n=0)
    machine.go_on(n=0)
    machine.ask(kind=RequestKind.CANCEL, n=0)
    machine.undo(n=0, step="start", who="family")
    machine.step(n=0, name=over, who="desk")
    machine.run(machine.must_hold())
    machine.quiet()
