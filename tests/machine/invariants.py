"""What must hold after every step, asked of the whole database in plain SQL.

Each query finds the rows that break its sentence; all of them go to the database as one statement.
They are written without a look at the code that they watch, and are more than `xiangbo doctor`
looks at.
"""

# ruff: noqa: S608 - the queries are put together from nothing but what stands here

from collections import defaultdict

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import chain
from catalog.db import table
from catalog.models import Job
from shop.line import WAITS
from shop.models import (
    Order,
    OrderState,
    Payment,
    PaymentState,
    Refund,
    RefundState,
    Waiter,
    WaiterState,
    WebhookEvent,
    WorkOrder,
    WorkOrderState,
)
from shop.payments.gateway import RefundState as BankRefundState
from shop.settle import REFUND_JOB, ROUTE_JOB
from shop.webhooks import EVENT_JOB
from tests.machine.bank import Bank

STATION = 1
"""The only one there is."""

# Pieces that a hold keeps: it waits for its order, or its order waits for its money.
_KEEPS = "(h.state = 'active' OR (h.state = 'ordered' AND o.state = 'unpaid'))"
# Pieces that a paid order keeps until they leave the house.
_TO_SEND = "('new', 'accepted', 'making', 'ready')"

_PROMISED = f"""
    SELECT l.product_id, l.quantity FROM hold_lines l
        JOIN holds h ON h.id = l.hold_id LEFT JOIN orders o ON o.hold_id = h.id
        JOIN products p ON p.id = l.product_id
        WHERE {_KEEPS} AND p.kind <> 'made_to_order'
    UNION ALL
    SELECT l.product_id, l.quantity FROM order_lines l
        JOIN work_orders w ON w.id = l.work_order_id JOIN products p ON p.id = l.product_id
        WHERE w.state IN {_TO_SEND} AND p.kind <> 'made_to_order'
    UNION ALL
    SELECT i.product_id, i.allotment_left FROM line_up_items i
"""
_ON_AN_ITEM = f"""
    SELECT l.line_up_item_id AS item, l.quantity, l.fenced, h.state AS hold, {_KEEPS} AS keeps
        FROM hold_lines l JOIN holds h ON h.id = l.hold_id LEFT JOIN orders o ON o.hold_id = h.id
        WHERE l.line_up_item_id IS NOT NULL
"""
_SOLD = """
    SELECT l.line_up_item_id AS item, SUM(l.quantity) AS pieces, SUM(l.quantity * l.unit_fen) AS fen
        FROM order_lines l JOIN work_orders w ON w.id = l.work_order_id
        JOIN orders o ON o.id = w.order_id
        WHERE o.paid_at IS NOT NULL GROUP BY l.line_up_item_id
"""


def _sum(query: str, of: str, where: str) -> str:
    return f"COALESCE((SELECT SUM({of}) FROM ({query}) q WHERE {where}), 0)"


_QUERIES = {
    "pieces promised are on hand": """
        SELECT product_id FROM stock WHERE held < 0 OR held > on_hand OR (single AND on_hand > 1)""",
    "pieces held are those promised": f"""
        SELECT s.product_id FROM stock s
        WHERE s.held <> {_sum(_PROMISED, "q.quantity", "q.product_id = s.product_id")}""",
    "pieces on hand are those moved": """
        SELECT s.product_id FROM stock s WHERE s.on_hand <>
            COALESCE((SELECT SUM(m.change) FROM stock_movements m
                      WHERE m.product_id = s.product_id), 0)""",
    "an item holds what holds keep of it": f"""
        SELECT i.id FROM line_up_items i
        WHERE i.holding <> {_sum(_ON_AN_ITEM, "q.quantity", "q.item = i.id AND q.keeps")}""",
    "an item has sold what was paid for": f"""
        SELECT i.id FROM line_up_items i LEFT JOIN ({_SOLD}) s ON s.item = i.id
        WHERE i.sold <> COALESCE(s.pieces, 0) OR i.sold_fen <> COALESCE(s.fen, 0)""",
    "an open show has left what nobody took, an ended one nothing": f"""
        SELECT i.id FROM line_up_items i JOIN shows w ON w.id = i.show_id
        WHERE i.allotment_left <> CASE WHEN w.state IN ('ended', 'reported') THEN 0 ELSE i.allotment
            - {_sum(_ON_AN_ITEM, "q.fenced", "q.item = i.id AND q.hold IN ('active', 'ordered')")}
            END""",
    "a hold is ordered when it has an order": """
        SELECT h.id FROM holds h LEFT JOIN orders o ON o.hold_id = h.id
        WHERE (h.state IN ('active', 'released') AND o.id IS NOT NULL)
            OR (h.state = 'ordered' AND (o.id IS NULL OR o.state = 'expired'))""",
    "an order adds up": """
        SELECT o.id FROM orders o
        LEFT JOIN (SELECT order_id, SUM(goods_fen) AS goods, SUM(shipping_fen) AS postage
                   FROM work_orders GROUP BY order_id) w ON w.order_id = o.id
        WHERE w.goods IS NULL OR o.goods_fen <> w.goods OR o.shipping_fen <> w.postage""",
    "a work order adds up": """
        SELECT w.id FROM work_orders w
        LEFT JOIN (SELECT work_order_id, SUM(quantity * unit_fen) AS goods
                   FROM order_lines GROUP BY work_order_id) l ON l.work_order_id = w.id
        WHERE l.goods IS NULL OR w.goods_fen <> l.goods""",
    "an order has one work order a family": """
        SELECT MIN(id) FROM work_orders GROUP BY order_id, workshop_id HAVING COUNT(*) > 1""",
    "an order stands as its work orders do": """
        SELECT o.id FROM orders o JOIN (
            SELECT order_id, COUNT(*) AS n,
                SUM(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END) AS waiting,
                SUM(CASE WHEN state = 'cancelled' THEN 1 ELSE 0 END) AS cancelled,
                SUM(CASE WHEN state IN ('cancelled', 'declined') THEN 1 ELSE 0 END) AS gone,
                SUM(CASE WHEN state = 'delivered' THEN 1 ELSE 0 END) AS there
            FROM work_orders GROUP BY order_id) w ON w.order_id = o.id
        WHERE NOT CASE o.state
            WHEN 'unpaid' THEN waiting = n
            WHEN 'expired' THEN cancelled = n
            WHEN 'paid' THEN waiting = 0 AND gone + there < n
            WHEN 'completed' THEN gone + there = n AND there > 0
            ELSE gone = n AND (o.paid_at IS NOT NULL OR cancelled = n) END""",
    "an order is paid by exactly one payment of its total": """
        SELECT o.id FROM orders o LEFT JOIN (
            SELECT order_id, COUNT(*) AS n, MIN(amount_fen) AS fen,
                SUM(CASE WHEN state = 'succeeded' THEN 0 ELSE 1 END) AS other
            FROM payments WHERE kept GROUP BY order_id) p ON p.order_id = o.id
        WHERE (o.paid_at IS NOT NULL AND (p.n IS NULL OR p.n <> 1 OR p.fen <> o.total_fen OR p.other > 0))
            OR (o.paid_at IS NULL AND (p.n IS NOT NULL OR o.state IN ('paid', 'completed')))
            OR (o.paid_at IS NOT NULL AND o.state IN ('unpaid', 'expired'))""",
    "a cancelled order that was paid gives all back": """
        SELECT o.id FROM orders o JOIN payments p ON p.order_id = o.id AND p.kept
        WHERE o.state = 'cancelled' AND p.amount_fen <>
            COALESCE((SELECT SUM(amount_fen) FROM refunds r WHERE r.payment_id = p.id), 0)""",
    "money that no order stands on goes back whole": """
        SELECT p.id FROM payments p WHERE p.state = 'succeeded' AND NOT p.kept AND p.amount_fen <>
            COALESCE((SELECT SUM(amount_fen) FROM refunds r WHERE r.payment_id = p.id), 0)""",
    "no more goes back than came": """
        SELECT p.id FROM payments p JOIN refunds r ON r.payment_id = p.id
        GROUP BY p.id, p.amount_fen, p.state
        HAVING SUM(CASE WHEN r.state = 'failed' THEN 0 ELSE r.amount_fen END) > p.amount_fen
            OR p.state <> 'succeeded'""",
    "no more goes back for a work order than it cost": """
        SELECT w.id FROM work_orders w JOIN refunds r ON r.work_order_id = w.id
        GROUP BY w.id, w.goods_fen, w.shipping_fen
        HAVING SUM(r.amount_fen) > w.goods_fen + w.shipping_fen""",
    "a declined or cancelled work order goes back once and whole": """
        SELECT w.id FROM work_orders w JOIN orders o ON o.id = w.order_id
        LEFT JOIN refunds r ON r.work_order_id = w.id
        WHERE o.paid_at IS NOT NULL
        GROUP BY w.id, w.state, w.goods_fen, w.shipping_fen
        HAVING w.state IN ('declined', 'cancelled')
            AND (COUNT(r.id) <> 1 OR SUM(r.amount_fen) <> w.goods_fen + w.shipping_fen)""",
    "a posting balances": """
        SELECT p.id FROM postings p LEFT JOIN ledger_entries e ON e.posting_id = p.id
        GROUP BY p.id HAVING COALESCE(SUM(e.amount_fen), 0) <> 0 OR COUNT(e.id) < 2""",
    "the buyers' account is what came and went back": """
        SELECT o.id FROM orders o WHERE
            COALESCE((SELECT SUM(e.amount_fen) FROM ledger_entries e
                      JOIN postings p ON p.id = e.posting_id
                      WHERE p.order_id = o.id AND e.account = 'buyers'), 0)
            + COALESCE((SELECT SUM(amount_fen) FROM payments
                        WHERE order_id = o.id AND state = 'succeeded'), 0)
            <> COALESCE((SELECT SUM(r.amount_fen) FROM refunds r
                         JOIN payments p ON p.id = r.payment_id WHERE p.order_id = o.id), 0)""",
    "nothing stays unplaced": """
        SELECT 0 WHERE (SELECT SUM(amount_fen) FROM ledger_entries WHERE account = 'unplaced') <> 0""",
    "family and station share what a work order brought": """
        SELECT w.id FROM work_orders w JOIN orders o ON o.id = w.order_id WHERE
            COALESCE((SELECT SUM(e.amount_fen) FROM ledger_entries e WHERE e.work_order_id = w.id
                      AND e.account IN ('workshop', 'station')), 0)
            <> CASE WHEN o.paid_at IS NULL THEN 0 ELSE w.goods_fen + w.shipping_fen END
            - COALESCE((SELECT SUM(amount_fen) FROM refunds WHERE work_order_id = w.id), 0)""",
    "the station keeps its share of what is kept": """
        SELECT w.id FROM work_orders w JOIN orders o ON o.id = w.order_id WHERE
            COALESCE((SELECT SUM(e.amount_fen) FROM ledger_entries e
                      WHERE e.work_order_id = w.id AND e.account = 'station'), 0)
            <> CASE WHEN o.paid_at IS NULL OR w.state IN ('declined', 'cancelled') THEN 0 ELSE
                COALESCE((SELECT SUM(l.fee_fen) FROM order_lines l
                    JOIN products p ON p.id = l.product_id WHERE l.work_order_id = w.id AND NOT (
                        EXISTS (SELECT 1 FROM buyer_requests b WHERE b.work_order_id = w.id
                                AND b.kind = 'return' AND b.state = 'done')
                        AND (o.custom_agreed_at IS NULL OR p.kind <> 'made_to_order'))), 0)
                END""",
    "a paid payout left its family's balance once": """
        SELECT t.id FROM payouts t WHERE COALESCE((SELECT SUM(e.amount_fen) FROM ledger_entries e
            JOIN postings p ON p.id = e.posting_id WHERE p.cause = 'payout:' || t.id
            AND e.account = 'workshop' AND e.workshop_id = t.workshop_id), 0)
            <> CASE WHEN t.state = 'paid' THEN -t.amount_fen ELSE 0 END""",
    "a payout is the sum of its lines": """
        SELECT t.id FROM payouts t LEFT JOIN payout_lines l ON l.payout_id = t.id
        GROUP BY t.id, t.amount_fen HAVING COALESCE(SUM(l.amount_fen), 0) <> t.amount_fen""",
    "a family has one open payout": """
        SELECT MIN(id) FROM payouts WHERE state IN ('drafted', 'approved')
        GROUP BY workshop_id HAVING COUNT(*) > 1""",
    "a run stands as its payouts do": """
        SELECT r.id FROM payout_runs r JOIN payouts t ON t.run_id = r.id GROUP BY r.id, r.state
        HAVING (r.state IN ('paid', 'cancelled'))
            <> (SUM(CASE WHEN t.state IN ('drafted', 'approved') THEN 1 ELSE 0 END) = 0)""",
    "work is paid out once": """
        SELECT l.work_order_id FROM payout_lines l JOIN payouts t ON t.id = l.payout_id
        WHERE t.state = 'paid' AND l.work_order_id IS NOT NULL
        GROUP BY l.work_order_id HAVING SUM(l.amount_fen) >
            (SELECT SUM(e.amount_fen) FROM ledger_entries e WHERE e.amount_fen > 0
             AND e.account = 'workshop' AND e.work_order_id = l.work_order_id)""",
    "a work order was routed when its family was told": """
        SELECT w.id FROM work_orders w JOIN orders o ON o.id = w.order_id
        LEFT JOIN notices n ON n.work_order_id = w.id AND n.kind = 'new_work'
        GROUP BY w.id, w.routed_at, o.paid_at
        HAVING COUNT(n.id) <> CASE WHEN w.routed_at IS NULL THEN 0 ELSE 1 END
            OR (w.routed_at IS NOT NULL AND o.paid_at IS NULL)""",
    "one receipt of an order waits, and its payment with it": """
        SELECT p.order_id FROM offline_receipts r JOIN payments p ON p.id = r.payment_id
        GROUP BY p.order_id HAVING SUM(CASE WHEN r.state = 'recorded' THEN 1 ELSE 0 END) > 1
            OR SUM(CASE WHEN p.state <> CASE r.state WHEN 'recorded' THEN 'open'
                        WHEN 'confirmed' THEN 'succeeded' ELSE 'expired' END
                   THEN 1 ELSE 0 END) > 0""",
    "a work order has one request that waits": """
        SELECT work_order_id FROM buyer_requests
        WHERE state = 'asked' OR (state = 'agreed' AND kind = 'return')
        GROUP BY work_order_id HAVING COUNT(*) > 1""",
    "a failed refund is told to the desk": """
        SELECT r.id FROM refunds r WHERE r.state = 'failed' AND NOT EXISTS (
            SELECT 1 FROM troubles t WHERE t.kind = 'refund_failed'
            AND t.subject = 'refund:' || r.id)""",
}
_ALL = text(
    " UNION ALL ".join(
        f"SELECT {number} AS rule, CAST(found.id AS BIGINT) FROM (SELECT 0 AS id WHERE 1 = 0"
        f" UNION ALL {query}) found"
        for number, query in enumerate(_QUERIES.values())
    )
)


async def faults(session: AsyncSession, bank: Bank, sealed: int) -> list[str]:
    """All that is not as it must be: the sentence that is broken, and the row's id.

    `sealed` is how far the audit trail was found whole before.
    """
    names = list(_QUERIES)
    found = [f"{names[rule]}: {row_id}" for rule, row_id in await session.execute(_ALL)]
    found += await _line(session)
    found += await _lost_work(session)
    found += await _bank(session, bank)
    found += await _refunds(session, bank)
    broken = await chain.verify(session, STATION, sealed + 1)
    return found + ([f"the audit trail is whole: {broken}"] if broken else [])


async def _line(session: AsyncSession) -> list[str]:
    """Nobody in line is passed over by who came later by the same way."""
    columns = table(Waiter).c
    waiters = (await session.execute(select(*columns))).all()
    return [
        f"nobody in line is passed over: {one.id} by {other.id}"
        for one in waiters
        for other in waiters
        if one.id < other.id
        and (one.product_id, one.link_id) == (other.product_id, other.link_id)
        and one.state == WaiterState.WAITING
        and other.offered_at is not None
        and one.created_at > other.offered_at - WAITS
    ]


async def _lost_work(session: AsyncSession) -> list[str]:
    """What is left to do has a job."""
    jobs = {(job.name, *job.args.values()) for job in await session.scalars(select(Job))}
    todo: list[tuple[str, int]] = []
    unrouted = select(WorkOrder.order_id).where(
        WorkOrder.routed_at.is_(None), WorkOrder.state == WorkOrderState.NEW
    )
    todo += [(ROUTE_JOB, order_id) for order_id in await session.scalars(unrouted)]
    asked = select(Refund.id).where(Refund.state == RefundState.REQUESTED)
    todo += [(REFUND_JOB, refund_id) for refund_id in await session.scalars(asked)]
    undone = select(WebhookEvent.id).where(WebhookEvent.done_at.is_(None))
    todo += [(EVENT_JOB, event_id) for event_id in await session.scalars(undone)]
    return [f"what is left to do has a job: {one}" for one in todo if one not in jobs]


async def _bank(session: AsyncSession, bank: Bank) -> list[str]:
    """No money can come for what was freed; what we say of money is what the bank says."""
    query = (
        select(Payment.id, Payment.state, Payment.session_id, Order.state, Order.paid_at)
        .join(Order, Order.id == Payment.order_id)
        .where(Payment.gateway == bank.name)
    )
    payments = {row[0]: row[1:] for row in await session.execute(query)}
    found = []
    for till in bank.payable():
        payment_id = till.request.payment_id
        state, _, order_state, paid_at = payments[payment_id]
        if state != PaymentState.OPEN:
            found.append(f"a payment that is over can not be paid at the bank: {payment_id}")
        if paid_at is None and order_state != OrderState.UNPAID:
            found.append(f"the bank takes nothing for what was freed: payment {payment_id}")
    for payment_id, (state, session_id, *_) in payments.items():
        there = bank.tills.get(session_id or "")
        if state == PaymentState.SUCCEEDED and (there is None or there.intent_id is None):
            found.append(f"a payment that came is at the bank: {payment_id}")
    return found


async def _refunds(session: AsyncSession, bank: Bank) -> list[str]:
    """A refund goes back once: by the bank, or by hand."""
    sent: defaultdict[int, list[int]] = defaultdict(list)
    for back in bank.backs.values():
        if back.state != BankRefundState.FAILED:
            refund_id = int(back.request.idempotency_key.split("-")[1])
            sent[refund_id].append(back.request.amount_fen)
    found = []
    rows = await session.execute(
        select(Refund.id, Refund.amount_fen, Refund.state, Refund.recorded_by)
    )
    for refund in rows:
        by_bank = sent[refund.id]
        by_hand = refund.recorded_by is not None
        if len(by_bank) > 1 or any(fen != refund.amount_fen for fen in by_bank):
            found.append(f"a refund goes back once: {refund.id}")
        if by_hand and by_bank:
            found.append(f"what is given back by hand is not sent too: {refund.id}")
        if refund.state == RefundState.SUCCEEDED and not by_hand and not by_bank:
            found.append(f"a refund that succeeded is at the bank: {refund.id}")
    return found
