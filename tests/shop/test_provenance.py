"""Cards of sold pieces: a number each, what was agreed to, and nothing of the buyer."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.consents import agree_maker, words_of
from catalog.db import Sessions
from catalog.errors import NotFound
from catalog.models import AuditEntry, Kind, Maker, PhotoState, Product, Workshop
from catalog.workshops import change_workshop
from media.codes import ALPHABET
from shop import requests, undo, work_orders, work_steps
from shop.errors import WrongWorkOrderState
from shop.models import Order, PieceCard, Stage, StagePhoto, WorkOrder
from shop.provenance import Piece, Standing, issue_missing, piece_by_code
from tests.making import NOON, act, make_product
from tests.shop.sales import order, pay, staff, want

PARCEL = ("顺丰", "SF1234567890")
YES = {"on_page": "1", "agreed_on": "2026-11-20", "witness": "老魏"}
DONE = NOON + timedelta(days=2)


async def sell(sessions: Sessions, *products: Product, quantity: int = 1) -> tuple[Order, Actor]:
    """A paid order and a manager of its station, who has accepted for the family."""
    placed = await order(sessions, *(want(product, quantity) for product in products))
    paid, actor = await pay(sessions, placed), act(await staff(sessions, products[0]))
    async with sessions.begin() as session:
        await work_steps.accept(session, actor, paid.work_orders[0].id, NOON)
    return paid, actor


async def finish(sessions: Sessions, actor: Actor, part: WorkOrder) -> None:
    async with sessions.begin() as session:
        await work_steps.ready(session, actor, part.id, DONE)


async def send(sessions: Sessions, actor: Actor, part: WorkOrder) -> None:
    async with sessions.begin() as session:
        await work_steps.ship(session, actor, part.id, *PARCEL, DONE)


async def name_makers(sessions: Sessions, actor: Actor, product: Product, *agreed: str) -> None:
    """王爷爷, 王师傅 and 小王 are of the family; those `agreed` may be named on pages."""
    async with sessions.begin() as session:
        names = {"makers": "王爷爷\n王师傅\n小王"}
        family = await change_workshop(session, actor, product.workshop_id, names, NOON)
        for maker in family.makers:
            typed = {**(YES if maker.name in agreed else {}), "seen": words_of(maker)}
            await agree_maker(session, actor, family.id, maker.id, typed, NOON)


async def family_of(sessions: Sessions, product: Product) -> Workshop:
    async with sessions() as session:
        return await session.get_one(Workshop, product.workshop_id)


async def cards(sessions: Sessions) -> list[PieceCard]:
    async with sessions() as session:
        return list(await session.scalars(select(PieceCard).order_by(PieceCard.id)))


async def look(sessions: Sessions, code: str) -> Piece:
    async with sessions() as session:
        return await piece_by_code(session, code)


async def test_each_piece_gets_its_number_when_it_is_finished(sessions: Sessions) -> None:
    product = await make_product(sessions, wood="榆木", work_days=6)
    other = await make_product(sessions, await family_of(sessions, product), name="丰年竖匾")
    placed, actor = await sell(sessions, product, other, quantity=1)
    assert await cards(sessions) == []
    await name_makers(sessions, actor, product, "王爷爷", "小王")
    await finish(sessions, actor, placed.work_orders[0])
    first, second = await cards(sessions)
    assert (first.product_id, first.number, first.wood, first.hours) == (product.id, 1, "榆木", 48)
    assert (second.product_id, second.number, second.wood, second.hours) == (other.id, 1, "", 0)
    assert first.maker == "王爷爷、小王、这家的一位师傅"
    assert (first.finished_on, first.issued_by) == (date(2026, 11, 24), actor.member_id)
    assert len(first.code) == 12
    assert set(first.code) <= set(ALPHABET)
    # Sending what is finished issues nothing more.
    await send(sessions, actor, placed.work_orders[0])
    assert len(await cards(sessions)) == 2
    again, actor = await sell(sessions, product, quantity=2)
    await send(sessions, actor, again.work_orders[0])
    numbers = [(card.product_id, card.number) for card in await cards(sessions)]
    assert numbers[2:] == [(product.id, 2), (product.id, 3)]
    assert len({card.code for card in await cards(sessions)}) == 4


async def test_a_card_tells_of_the_making(sessions: Sessions) -> None:
    product = await make_product(sessions, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3)
    placed, actor = await sell(sessions, product)
    part = placed.work_orders[0]
    await finish(sessions, actor, part)
    kept = {"station_id": part.station_id, "work_order_id": part.id, "original_key": "o"}
    kept |= {"width": 4, "height": 3, "made_by": actor.member_id, "created_at": NOON}
    ready = {**kept, "state": PhotoState.READY}
    async with sessions.begin() as session:
        session.add_all(
            [
                StagePhoto(stage=Stage.OILING, folder="c", **ready),
                StagePhoto(stage=Stage.WOOD, folder="a", **ready),
                StagePhoto(stage=Stage.ROUGH, folder="b", **kept),
                StagePhoto(stage=Stage.FINE, folder="d", removed_at=NOON, **ready),
            ]
        )
    (card,) = await cards(sessions)
    typed = f" {card.code[:4].lower()}-{card.code[4:]} "
    piece = await look(sessions, typed)
    assert (piece.standing, piece.name, piece.number) == (Standing.SOLD, "福字圆挂", "第 1 件")
    assert [photo.folder for photo in piece.stages] == ["a", "c"]
    assert piece.maker == "这家的一位师傅"


async def test_a_name_taken_back_is_no_longer_told(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, actor = await sell(sessions, product)
    await name_makers(sessions, actor, product, "王爷爷", "王师傅", "小王")
    await finish(sessions, actor, placed.work_orders[0])
    (card,) = await cards(sessions)
    assert (await look(sessions, card.code)).maker == "王爷爷、王师傅、小王"
    await name_makers(sessions, actor, product, "王爷爷", "小王")
    assert (await look(sessions, card.code)).maker == "王爷爷、小王、这家的一位师傅"
    # The card in the parcel says what was agreed to then.
    assert (await cards(sessions))[0].maker == "王爷爷、王师傅、小王"


async def test_names_for_which_there_is_no_room_are_left_out(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, actor = await sell(sessions, product)
    async with sessions.begin() as session:
        station_id, family = placed.station_id, product.workshop_id
        session.add_all(
            Maker(station_id=station_id, workshop_id=family, name=f"{n}{'长' * 38}")
            for n in range(4)
        )
    await finish(sessions, actor, placed.work_orders[0])
    assert [card.maker.count("、") for card in await cards(sessions)] == [1]


async def test_a_piece_that_came_back_or_was_called_off_has_a_void_card(
    sessions: Sessions,
) -> None:
    product = await make_product(sessions)
    placed, actor = await sell(sessions, product)
    part = placed.work_orders[0]
    await send(sessions, actor, part)
    (card,) = await cards(sessions)
    async with sessions.begin() as session:
        await work_steps.deliver(session, actor, part.id, DONE)
    assert (await look(sessions, card.code)).standing == Standing.SOLD
    async with sessions.begin() as session:
        request = await requests.ask(session, placed.token, part.id, "return", "", DONE)
        await requests.agree(session, actor, request.id, "寄回社工站", DONE)
    assert (await look(sessions, card.code)).standing == Standing.SOLD
    async with sessions.begin() as session:
        await requests.arrived(session, actor, request.id, our_fault=False, now=DONE)
    assert (await look(sessions, card.code)).standing == Standing.VOID
    again, actor = await sell(sessions, product)
    await finish(sessions, actor, again.work_orders[0])
    new = (await cards(sessions))[-1]
    assert (new.number, (await look(sessions, new.code)).standing) == (2, Standing.SOLD)
    async with sessions.begin() as session:
        await work_steps.call_off(session, actor, again.work_orders[0].id, "不要了", DONE)
    assert (await look(sessions, new.code)).standing == Standing.VOID


async def test_a_piece_that_is_not_ready_after_all_keeps_its_card(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, actor = await sell(sessions, product)
    part = placed.work_orders[0]
    await finish(sessions, actor, part)
    (card,) = await cards(sessions)
    async with sessions.begin() as session:
        await undo.undo_step(session, actor, part.id, "ready", DONE)
    piece = await look(sessions, card.code)
    assert (piece.standing, piece.stages) == (Standing.MAKING, [])
    await finish(sessions, actor, part)
    assert [one.id for one in await cards(sessions)] == [card.id]
    assert (await look(sessions, card.code)).standing == Standing.SOLD


async def test_cards_that_are_missing_are_issued_by_hand(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, actor = await sell(sessions, product, quantity=2)
    part = placed.work_orders[0]

    async def issue() -> int:
        async with sessions.begin() as session:
            found = await work_orders.work_order_for(session, actor, part.id, lock=True)
            return await issue_missing(session, actor, found, NOON)

    with pytest.raises(WrongWorkOrderState):
        await issue()
    await finish(sessions, actor, part)
    async with sessions.begin() as session:
        for card in list(await session.scalars(select(PieceCard)))[:1]:
            await session.delete(card)
    assert [await issue(), await issue()] == [1, 0]
    assert sorted(card.number for card in await cards(sessions)) == [2, 3]
    async with sessions() as session:
        query = select(AuditEntry).where(AuditEntry.action == "piece_cards.issue")
        (entry,) = await session.scalars(query)
    assert (entry.after, entry.on_behalf_of) == ({"cards": [3]}, product.workshop_id)


@pytest.mark.parametrize("code", ["", "7K3FD", "2" * 12, "2" * 13, "二" * 12, "2222\x002222222"])
async def test_a_code_that_nobody_has_opens_nothing(sessions: Sessions, code: str) -> None:
    with pytest.raises(NotFound):
        await look(sessions, code)
