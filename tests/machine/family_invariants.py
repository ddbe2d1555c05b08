"""What must hold of families' work after every step: steps, dates and what was brought.

As `invariants`: each query finds the rows that break its sentence.
"""

# ruff: noqa: S608 - the queries are put together from nothing but what stands here

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.models import AuditEntry
from shop.models import WorkOrder

# The changes of dates that were not taken back.
_STOOD = "(SELECT * FROM date_changes WHERE state <> 'undone')"

_QUERIES = {
    "a work order has the times of the steps it has taken": """
        SELECT w.id FROM work_orders w WHERE NOT CASE w.state
            WHEN 'waiting' THEN w.accepted_at IS NULL AND w.started_at IS NULL AND w.ready_at IS NULL
            WHEN 'new' THEN w.accepted_at IS NULL AND w.started_at IS NULL AND w.ready_at IS NULL
            WHEN 'accepted' THEN w.accepted_at IS NOT NULL AND w.started_at IS NULL
                AND w.ready_at IS NULL
            WHEN 'making' THEN w.accepted_at IS NOT NULL AND w.started_at IS NOT NULL
                AND w.ready_at IS NULL
            WHEN 'ready' THEN w.accepted_at IS NOT NULL AND w.ready_at IS NOT NULL
            WHEN 'shipped' THEN w.accepted_at IS NOT NULL
            WHEN 'delivered' THEN w.accepted_at IS NOT NULL
            WHEN 'declined' THEN w.started_at IS NULL AND w.ready_at IS NULL
            ELSE 1 = 1 END
            OR (w.shipped_at IS NOT NULL) <> (w.state IN ('shipped', 'delivered'))
            OR (w.delivered_at IS NOT NULL) <> (w.state = 'delivered')""",
    "the promised day is that of the newest change that stands, or the first": f"""
        SELECT c.work_order_id FROM date_changes c JOIN work_orders w ON w.id = c.work_order_id
        GROUP BY c.work_order_id, w.promised_on
        HAVING COALESCE(w.promised_on, '1900-01-01') <> COALESCE(
            (SELECT s.now_on FROM {_STOOD} s WHERE s.work_order_id = c.work_order_id
                ORDER BY s.id DESC LIMIT 1),
            (SELECT f.was_on FROM date_changes f WHERE f.work_order_id = c.work_order_id
                ORDER BY f.id LIMIT 1),
            '1900-01-01')""",
    "the newest question stands, and none behind a newer day": f"""
        SELECT c.id FROM date_changes c WHERE (c.state IN ('asked', 'superseded')) AND
            (c.state = 'superseded') <> EXISTS (SELECT 1 FROM {_STOOD} s
                WHERE s.work_order_id = c.work_order_id AND s.id > c.id)""",
    "who does not wait for a new day has it all back": """
        SELECT c.id FROM date_changes c JOIN work_orders w ON w.id = c.work_order_id
        LEFT JOIN refunds r ON r.work_order_id = w.id WHERE c.state = 'cancelled'
        GROUP BY c.id, w.state, w.goods_fen, w.shipping_fen
        HAVING w.state <> 'cancelled' OR COUNT(r.id) <> 1
            OR SUM(r.amount_fen) <> w.goods_fen + w.shipping_fen""",
    "a buyer is told of each new day once, as what it is": """
        SELECT c.id FROM date_changes c LEFT JOIN notices n
            ON n.cause IN ('date_changed:' || c.id, 'date_sooner:' || c.id)
        GROUP BY c.id, c.state HAVING COUNT(n.id) <> 1""",
    "an undone day is told": """
        SELECT c.id FROM date_changes c WHERE (c.state = 'undone') <>
            EXISTS (SELECT 1 FROM notices n WHERE n.cause = 'date_back:' || c.id)""",
    "the desk asks nobody about a day that is no question": """
        SELECT c.id FROM date_changes c JOIN work_orders w ON w.id = c.work_order_id
        JOIN notices n ON n.cause = 'date_changed:' || c.id
        WHERE n.sent_at IS NULL AND n.done_at IS NULL AND (c.state <> 'asked'
            OR w.state NOT IN ('new', 'accepted', 'making', 'ready'))""",
    "what is off waits for no answer to a request to cancel it": """
        SELECT b.id FROM buyer_requests b JOIN work_orders w ON w.id = b.work_order_id
        WHERE b.state = 'asked' AND b.kind = 'cancel' AND w.state IN ('declined', 'cancelled')""",
    "what is at the station is finished, and of the family that brought it": """
        SELECT w.id FROM work_orders w JOIN handovers h ON h.id = w.handover_id
        WHERE w.workshop_id <> h.workshop_id
            OR w.state NOT IN ('ready', 'shipped', 'delivered', 'cancelled')""",
    "a handover counts the pieces of its work orders": """
        SELECT h.id FROM handovers h JOIN work_orders w ON w.handover_id = h.id
        JOIN order_lines l ON l.work_order_id = w.id
        GROUP BY h.id, h.pieces HAVING SUM(l.quantity) <> h.pieces""",
    "a handover is taken once, and taken back once at most": """
        SELECT h.id FROM handovers h LEFT JOIN audit_entries a
            ON a.subject = 'handovers' AND a.subject_id = h.id
        GROUP BY h.id
        HAVING SUM(CASE WHEN a.action = 'handover.take' THEN 1 ELSE 0 END) <> 1
            OR SUM(CASE WHEN a.action = 'handover.undo' THEN 1 ELSE 0 END) <>
                CASE WHEN EXISTS (SELECT 1 FROM work_orders w WHERE w.handover_id = h.id)
                THEN 0 ELSE 1 END""",
    "no family sends what is at the station": """
        SELECT w.id FROM work_orders w JOIN audit_entries a
            ON a.subject = 'work_orders' AND a.subject_id = w.id AND a.action = 'work_order.ship'
        JOIN members m ON m.id = a.member_id
        WHERE w.handover_id IS NOT NULL AND m.role = 'artisan'""",
    "a finished piece has one card": """
        SELECT l.id FROM order_lines l JOIN work_orders w ON w.id = l.work_order_id
        LEFT JOIN piece_cards p ON p.order_line_id = l.id
        GROUP BY l.id, l.quantity, w.state HAVING COUNT(p.id) NOT IN (0, l.quantity)
            OR (COUNT(p.id) = 0 AND w.state IN ('ready', 'shipped', 'delivered'))""",
}
_ALL = text(
    " UNION ALL ".join(
        f"SELECT {number} AS rule, CAST(found.id AS BIGINT) FROM (SELECT 0 AS id WHERE 1 = 0"
        f" UNION ALL {query}) found"
        for number, query in enumerate(_QUERIES.values())
    )
)


async def faults(session: AsyncSession) -> list[str]:
    """All that is not as it must be: the sentence that is broken, and the row's id."""
    names = list(_QUERIES)
    found = [f"{names[rule]}: {row_id}" for rule, row_id in await session.execute(_ALL)]
    return found + await _trail(session)


async def _trail(session: AsyncSession) -> list[str]:
    """The audit trail tells each step of a work order from where it was to where it stands."""
    query = select(AuditEntry.subject_id, AuditEntry.before, AuditEntry.after)
    query = query.where(AuditEntry.subject == "work_orders").order_by(AuditEntry.id)
    told: dict[int, str] = {}
    found = []
    for part, before, after in await session.execute(query):
        if before and after and "state" in after:
            if told.setdefault(part, before["state"]) != before["state"]:
                found.append(f"the trail of a work order has no gap: {part}")
            told[part] = after["state"]
    states = dict((await session.execute(select(WorkOrder.id, WorkOrder.state))).all())
    return found + [
        f"the trail tells where a work order stands: {part}"
        for part, state in told.items()
        if states[part] != state
    ]
