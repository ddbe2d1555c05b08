"""An order answered on a small phone, and its like by slip and calls: the same in the database, each in the audit trail."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page
from sqlalchemy import select

from catalog.checks import BEIJING
from catalog.db import Base, Sessions
from catalog.models import AuditEntry, Kind, Member, PhotoState, Reach, Role, Station, Workshop
from shop.fees import add_rule
from shop.models import DateChange, DateChangeState, Evidence, StagePhoto, WorkOrder, WorkOrderState
from tests.browser.ways import (
    LATER_DAYS,
    SAID_BY,
    WHY,
    Sale,
    by_calls,
    by_phone,
    by_slip,
    card_address,
    earned,
    laptop,
    small_phone,
)
from tests.making import act, make_member, make_product, make_station
from tests.serving import Served, eventually, served
from tests.shop.pages.family import Family, make_family
from tests.shop.sales import entries, order, pay, want

STEPS = (
    ("work_order.accept", "接单"),
    ("date_change.make", "改了做好的日子"),
    ("work_order.start", "开始做了"),
    ("work_order.stage", "给买家看进度照片"),
    ("work_order.stage", "给买家看进度照片"),
    ("work_order.ready", "做好了"),
)
# How each of them was said by the family without a phone, and what shows it.
SLIP, CALL = ("slip", SAID_BY, "image/jpeg"), ("call", SAID_BY, "")
SAID = (SLIP, SLIP, CALL, CALL, CALL, CALL)


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Served]:
    with served(database_url, tmp_path) as server:
        yield server


@pytest.fixture
async def station(sessions: Sessions) -> Station:
    """One that keeps a tenth of what families sell: of 268 yuan they get 241.20, and the postage."""
    station = await make_station(sessions)
    manager = await make_member(sessions, station, Role.MANAGER)
    async with sessions.begin() as session:
        await add_rule(session, act(manager), {"percent": "10"}, datetime.now(UTC))
    return station


@pytest.fixture
async def sales(sessions: Sessions, station: Station, server: Served) -> list[Sale]:
    """The same order twice, paid for and routed: to a family with a phone, and to one on paper."""
    families = [await make_family(sessions, station, name) for name in ("王家木作", "李家木雕")]
    async with sessions.begin() as session:
        (await session.get_one(Workshop, families[1].workshop.id)).reached_by = Reach.PAPER
    sales = [await sell(sessions, family) for family in families]
    await eventually(lambda: routed(sessions, sales))
    return sales


async def sell(sessions: Sessions, family: Family) -> Sale:
    product = await make_product(
        sessions, family.workshop, name="平安竖匾", kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7
    )
    now = datetime.now(UTC)
    placed = await pay(sessions, await order(sessions, want(product), now=now), now)
    [part] = placed.work_orders
    assert part.promised_on is not None
    return Sale(family, part, part.promised_on)


async def routed(sessions: Sessions, sales: Sequence[Sale]) -> bool:
    """Whether the worker has told both families."""
    async with sessions() as session:
        parts = [await session.get_one(WorkOrder, sale.part.id) for sale in sales]
        return all(part.routed_at for part in parts)


async def rendered(sessions: Sessions) -> bool:
    """Whether the worker has drawn the pictures of all stages."""
    async with sessions() as session:
        states = list(await session.scalars(select(StagePhoto.state)))
        return states == [PhotoState.READY] * 4


def facts(row: Base) -> dict[str, Any]:
    """A row without ids and the names of files; of times only whether they are set."""
    return {
        name: "set" if isinstance(value, datetime) else value
        for name in row.__mapper__.columns.keys()  # noqa: SIM118
        if not name.endswith("_id") and name not in ("id", "made_by", "folder", "original_key")
        for value in [getattr(row, name)]
    }


async def outcome(sessions: Sessions, sale: Sale) -> list[dict[str, Any]]:
    """The work order, then its new dates, then its stages."""
    async with sessions() as session:
        rows: list[Base] = [await session.get_one(WorkOrder, sale.part.id)]
        for model in (DateChange, StagePhoto):
            of_it = select(model).where(model.work_order_id == sale.part.id).order_by(model.id)
            rows += await session.scalars(of_it)
        return [facts(row) for row in rows]


async def recorded(sessions: Sessions, sale: Sale) -> list[tuple[Any, ...]]:
    """The audit trail: what, who, for whom, by which channel; who of the family said so, its file."""
    async with sessions() as session:
        changes = select(DateChange.id).where(DateChange.work_order_id == sale.part.id)
        about = (AuditEntry.subject == "work_orders") & (AuditEntry.subject_id == sale.part.id)
        about |= (AuditEntry.subject == "date_changes") & AuditEntry.subject_id.in_(changes)
        found = []
        for entry in await session.scalars(select(AuditEntry).where(about).order_by(AuditEntry.id)):
            shown = await session.get(Evidence, (entry.after or {}).get("evidence", 0))
            proof = (shown.channel, shown.said_by, shown.file_type) if shown else None
            known = (entry.member_id, entry.on_behalf_of, entry.channel)
            found.append((entry.action, *known, proof))
        return found


async def trail(desk: Page, sale: Sale) -> list[str]:
    """The same as the desk reads it, without days and times."""
    await desk.goto(sale.path)
    lines = await desk.locator(".trail li").all_inner_texts()
    return [re.sub(r"\d+月\d+日 \d\d:\d\d ", "", " ".join(line.split())) for line in lines]


async def same_in_the_database(sessions: Sessions, sales: Sequence[Sale], later: date) -> None:
    one, other = [await outcome(sessions, sale) for sale in sales]
    assert one == other
    part, change, *stages = one
    assert (part["state"], part["promised_on"]) == (WorkOrderState.READY, later)
    assert [part[stamp] for stamp in ("accepted_at", "started_at", "ready_at")] == ["set"] * 3
    assert (change["state"], change["now_on"], change["why"]) == (DateChangeState.ASKED, later, WHY)
    assert [stage["stage"] for stage in stages] == ["wood", "cutting"]


async def told_by_the_trail(
    sessions: Sessions, sales: Sequence[Sale], desk: Member, page: Page
) -> None:
    with_phone, without = sales
    artisan, other = with_phone.family.artisan, without.family.workshop
    assert await recorded(sessions, with_phone) == [
        (action, artisan.id, None, "web", None) for action, _ in STEPS
    ]
    assert await trail(page, with_phone) == [f"{words} artisan 网页" for _, words in STEPS]
    assert await recorded(sessions, without) == [
        ("slip.print", desk.id, None, "web", None),
        *(
            (action, desk.id, other.id, said[0], said)
            for (action, _), said in zip(STEPS, SAID, strict=True)
        ),
    ]
    how = {SLIP: f"纸条 {SAID_BY} 说的 看照片", CALL: f"电话 {SAID_BY} 说的"}
    assert await trail(page, without) == [
        "印了纸条 order_desk 网页",
        *(
            f"{words} order_desk，替 李家木雕 {how[said]}"
            for (_, words), said in zip(STEPS, SAID, strict=True)
        ),
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_phone_and_no_phone_come_to_the_same(
    sessions: Sessions,
    server: Served,
    station: Station,
    sales: list[Sale],
    chromium: Browser,
    tmp_path: Path,
) -> None:
    with_phone, without = sales
    desk = await make_member(sessions, station, Role.ORDER_DESK)
    money = await entries(sessions)
    later = with_phone.promised_on + timedelta(days=LATER_DAYS)
    async with laptop(chromium, server, desk) as page:
        address = await card_address(page, with_phone.family, tmp_path / "card.pdf")
        async with small_phone(chromium) as phone:
            await by_phone(phone, with_phone, address)
            assert (await earned(phone)).startswith("社工站一共欠您 ¥249.20 ")
        days = (later - datetime.now(UTC).astimezone(BEIJING).date()).days
        await by_slip(page, without, days, tmp_path / "slip.pdf")
        await by_calls(page, without)
        await eventually(lambda: rendered(sessions))
        await same_in_the_database(sessions, sales, later)
        await told_by_the_trail(sessions, sales, desk, page)
    assert await entries(sessions) == money
    owed = [
        sum(fen for *_, whose, fen in money if whose == sale.family.workshop.id) for sale in sales
    ]
    assert owed == [24920, 24920]
