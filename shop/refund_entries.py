"""What a return undoes in the ledger: exactly the lines that came back, no other.

A sale owed the family each line's goods less the station's share of it (`OrderLine.fee_fen`, kept
with the line), and the postage. A share that was reckoned for a whole line is given back whole,
so what is undone line by line sums to what was posted, to the fen.
"""

from collections.abc import Sequence

from shop.fees import STATION
from shop.ledger import Entry
from shop.models import OrderLine, WorkOrder


def goods_fen(lines: Sequence[OrderLine]) -> int:
    """What the buyer paid for the lines, without postage."""
    return sum(line.quantity * line.unit_fen for line in lines)


def return_entries(
    work_order: WorkOrder, lines: Sequence[OrderLine], postage_fen: int
) -> list[Entry]:
    """The family gives back its part of `lines` and `postage_fen`, the station its share.

    A family that was paid out already owes the station from then on: its balance is negative
    until it has sold again.
    """
    fee = sum(line.fee_fen for line in lines)
    amount = goods_fen(lines) + postage_fen
    sides = [
        Entry("workshop", fee - amount, work_order.workshop_id, work_order.id),
        Entry(STATION, -fee, None, work_order.id),
        Entry("buyers", amount),
    ]
    return [side for side in sides if side.amount_fen]
