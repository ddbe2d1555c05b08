"""Sales as the ledger sees them, for tests of what is paid out: paid orders, delivered or not."""

from datetime import date, datetime, timedelta

from catalog.access import Actor
from catalog.db import Sessions
from catalog.models import Product, Workshop
from shop import ledger, payouts
from shop.fees import STATION, line_fee_fen
from shop.models import (
    Hold,
    HoldState,
    Order,
    OrderLine,
    OrderState,
    WorkOrder,
    WorkOrderState,
)
from tests.making import BUYER, NOON

_made = 0


def _token() -> str:
    global _made
    _made += 1
    return f"{_made:016d}"


async def sell(
    sessions: Sessions,
    *products: Product,
    goods_fen: int = 26800,
    shipping_fen: int = 800,
    fee_bp: int = 0,
    payable_on: date | None = None,
    now: datetime = NOON,
) -> Order:
    """One paid order of a piece of each product, each of another family, posted as a sale.

    With `payable_on` it has been delivered, and its money may be paid from then on.
    """
    async with sessions.begin() as session:
        station_id = products[0].station_id
        hold = Hold(
            station_id=station_id,
            token=_token(),
            state=HoldState.ORDERED,
            created_at=now,
            shown_until=now,
            expires_at=now + timedelta(minutes=15),
        )
        session.add(hold)
        await session.flush()
        state = WorkOrderState.DELIVERED if payable_on else WorkOrderState.NEW
        parts = [
            WorkOrder(
                station_id=station_id,
                workshop_id=product.workshop_id,
                state=state,
                goods_fen=goods_fen,
                shipping_fen=shipping_fen,
                payable_on=payable_on,
                lines=[
                    OrderLine(
                        product_id=product.id,
                        name=product.name,
                        quantity=1,
                        unit_fen=goods_fen,
                        fee_bp=fee_bp,
                        fee_fen=line_fee_fen(goods_fen, fee_bp),
                        likeness=[],
                    )
                ],
            )
            for product in products
        ]
        who = {"buyer_name": BUYER["name"], "buyer_phone": BUYER["phone"]}
        where = {name: BUYER[name] for name in ("province", "city", "district", "detail")}
        order = Order(
            station_id=station_id,
            hold_id=hold.id,
            code=f"T{hold.token[-7:]}",
            token=hold.token,
            state=OrderState.PAID,
            goods_fen=goods_fen * len(parts),
            shipping_fen=shipping_fen * len(parts),
            total_fen=(goods_fen + shipping_fen) * len(parts),
            placed_at=now,
            expires_at=now,
            paid_at=now,
            work_orders=parts,
            **who,
            **where,
        )
        session.add(order)
        await session.flush()
        entries = [ledger.Entry("buyers", -order.total_fen)]
        for part in parts:
            entries += _sides(part)
        await ledger.post(
            session,
            station_id=station_id,
            cause=f"sale:{order.id}",
            kind="sale",
            order_id=order.id,
            entries=entries,
            now=now,
        )
    return order


def _sides(part: WorkOrder) -> list[ledger.Entry]:
    fee_fen = part.lines[0].fee_fen
    whose = (part.workshop_id, part.id)
    sides = [
        ledger.Entry("workshop", part.goods_fen, *whose),
        ledger.Entry("workshop", part.shipping_fen, *whose),
        ledger.Entry("workshop", -fee_fen, *whose),
        ledger.Entry(STATION, fee_fen, None, part.id),
    ]
    return [side for side in sides if side.amount_fen]


async def give_back(sessions: Sessions, part: WorkOrder, now: datetime = NOON) -> None:
    """The whole of a work order goes back to its buyer."""
    async with sessions.begin() as session:
        await ledger.post(
            session,
            station_id=part.station_id,
            cause=f"return:{part.id}",
            kind="refund",
            order_id=part.order_id,
            entries=ledger.refund_entries(part),
            now=now,
        )


async def rename(sessions: Sessions, workshop: Workshop, **values: str) -> None:
    """Change a family's row."""
    async with sessions.begin() as session:
        row = await session.get_one(Workshop, workshop.id)
        for name, value in values.items():
            setattr(row, name, value)


async def pay_out(
    sessions: Sessions, maker: Actor, other: Actor, now: datetime = NOON
) -> list[int]:
    """Everything payable is paid; the amounts."""
    async with sessions.begin() as session:
        run = await payouts.draft_run(session, maker, now)
    async with sessions.begin() as session:
        await payouts.approve_run(session, other, run.id, now)
    for payout in run.payouts:
        async with sessions.begin() as session:
            await payouts.mark_paid(session, maker, payout.id, payouts.Proof("88"), now)
    return [payout.amount_fen for payout in run.payouts]
