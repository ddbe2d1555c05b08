"""Filling a throwaway folder with the demo station, and the sheet that says what is in it."""

import asyncio
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.db import Database
from catalog.models import Job, Member, Role, Station
from catalog.people import new_member
from catalog.photos import RENDER_JOB, render_photo
from live.links import link_url
from live.models import Link, Show
from media.codes import new_code
from media.storage import Storage
from shop.cards import card_url, issue_card
from shop.demo.checks import check_families
from shop.demo.goods import Goods, add_goods
from shop.demo.money import ask_for_a_return, pay_families
from shop.demo.paper import leave_papers
from shop.demo.past import Cast, hold_past_show, hold_rehearsal, open_todays_show, tell_stories
from shop.demo.people import BUSINESS, FAMILIES, INTRO, STATION
from shop.gateways import rehearsal_config
from shop.models import Notice, ShippingRate
from shop.payments.rehearsal.store import Store
from shop.settings import Settings
from shop.signin import new_api_token
from shop.today import finish_notice

STAFF = {
    Role.MANAGER: "站长",
    Role.HOST: "主播小何",
    Role.ASSISTANT: "助播小杨",
    Role.ORDER_DESK: "订单员小孙",
    Role.FINANCE: "财务小周",
    Role.VOLUNTEER: "志愿者小吴",
}


@dataclass(frozen=True, slots=True)
class SignIn:
    """One member of the sheet. The password is the same for all; it is made up at each start."""

    role: str
    login: str
    password: str
    token: str
    workshop: int | None


async def fill(settings: Settings) -> dict[str, Any]:
    """Fill an empty, migrated database and render the photos; returns the sheet, ready for JSON."""
    database = Database.connect(settings.database_url)
    storage = Storage.open(settings.storage_url)
    store = Store(rehearsal_config(settings).store_path)
    now = datetime.now(UTC)
    try:
        async with database.writing.begin() as session:
            sheet = await _fill(session, storage, store, settings, now)
        async with database.reading() as session:
            query = select(Job.id, Job.args).where(Job.name == RENDER_JOB)
            jobs = [(job_id, args["photo_id"]) for job_id, args in await session.execute(query)]
    finally:
        store.close()
        await database.close()
    _render_all(settings, jobs)
    return sheet


async def _fill(
    session: AsyncSession, storage: Storage, store: Store, settings: Settings, now: datetime
) -> dict[str, Any]:
    station = Station(slug="demo", name=STATION, place="甘肃（虚构）", intro=INTRO, **BUSINESS)
    session.add(station)
    await session.flush()
    session.add_all(
        ShippingRate(station_id=station.id, province=province, fee_fen=fee)
        for province, fee in (("", 1200), ("甘肃", 800), ("新疆", 2000), ("西藏", 2000))
    )
    password = new_code(8).lower()
    staff = {
        role: new_member(station.id, role, role.value.replace("_", "-"), name, password, None, now)
        for role, name in STAFF.items()
    }
    session.add_all(staff.values())
    await session.flush()
    cast = Cast(
        manager=_actor(staff[Role.MANAGER]),
        host=_actor(staff[Role.HOST]),
        order_desk=_actor(staff[Role.ORDER_DESK]),
        store=store,
    )
    goods = await add_goods(session, storage, cast.manager, now - timedelta(days=40))
    await check_families(session, storage, cast.manager, goods.workshops, now)
    products = list(goods.products.values())
    await hold_past_show(session, cast, "开站第一场", products[14:20], now - timedelta(days=21))
    await hold_past_show(session, cast, "葫芦与圆盘", products[4:9], now - timedelta(days=9))
    rehearsed = now - timedelta(days=10)
    await hold_rehearsal(session, cast, "新主播彩排", products[4:7], rehearsed)
    show = await open_todays_show(session, cast, goods.products, now)
    await tell_stories(session, cast, goods.products, now)
    await pay_families(session, _actor(staff[Role.FINANCE]), cast.manager, now)
    await ask_for_a_return(session, now)
    await _make_old_calls(session, cast.order_desk, now)
    await leave_papers(session, cast.order_desk, now)
    artisans = [
        new_member(
            station.id,
            Role.ARTISAN,
            family.login,
            f"{family.name[0]}师傅",
            password,
            goods.workshops[family.login].id,
            now,
        )
        for family in FAMILIES
    ]
    session.add_all(artisans)
    await session.flush()
    members = [
        await _sign_in(session, member, password, now) for member in [*staff.values(), *artisans]
    ]
    card = await _hand_out_card(session, cast.manager, artisans[0], settings, now)
    return {**await _sheet(session, settings, members, goods, show), "cards": [card]}


async def _make_old_calls(session: AsyncSession, actor: Actor, now: datetime) -> None:
    """Whom the past shows left to be called has been called by today."""
    old = (Notice.created_at < now - timedelta(days=1), Notice.done_at.is_(None))
    for notice_id in list(await session.scalars(select(Notice.id).where(*old))):
        await finish_notice(session, actor, notice_id, now)


def _actor(member: Member) -> Actor:
    return Actor(
        member_id=member.id,
        station_id=member.station_id,
        role=member.role,
        name=member.name,
        station_name=STATION,
        workshop_id=member.workshop_id,
        workshop_name="",
        channel="demo",
    )


async def _hand_out_card(
    session: AsyncSession, actor: Actor, artisan: Member, settings: Settings, now: datetime
) -> dict[str, str]:
    """The card by which one family signs in; what its code says is told on the sheet."""
    assert artisan.workshop_id is not None
    token = await issue_card(session, actor, artisan.workshop_id, artisan.id, now)
    return {"login": artisan.login, "url": card_url(settings.public_url, token)}


async def _sign_in(session: AsyncSession, member: Member, password: str, now: datetime) -> SignIn:
    return SignIn(
        role=member.role,
        login=member.login,
        password=password,
        token=await new_api_token(session, member, "demo", now),
        workshop=member.workshop_id,
    )


async def _sheet(
    session: AsyncSession, settings: Settings, members: list[SignIn], goods: Goods, show: Show
) -> dict[str, Any]:
    links = await session.scalars(select(Link).order_by(Link.id))
    return {
        "base": settings.public_url,
        "members": [asdict(member) for member in members],
        "workshops": [{"id": w.id, "name": w.name} for w in goods.workshops.values()],
        "products": [
            {
                "id": product.id,
                "name": product.name,
                "workshop": product.workshop_id,
                "kind": product.kind,
                "price_fen": product.price_fen,
            }
            for product in goods.products.values()
        ],
        "show": {"id": show.id, "state": show.state},
        "links": [
            {
                "code": link.code,
                "product": link.product_id,
                "show": link.show_id,
                "url": link_url(settings.public_url, link.code),
            }
            for link in links
        ],
    }


def _render_all(settings: Settings, jobs: list[tuple[int, int]]) -> None:
    """Render every photo before the doors open, on all processors, with a bar to watch."""
    context = multiprocessing.get_context("spawn")
    tasks = [(settings, *job) for job in jobs]
    with ProcessPoolExecutor(mp_context=context) as pool:
        done = pool.map(_render_one, tasks, chunksize=2)
        with click.progressbar(length=len(jobs), label="Photos", file=sys.stderr) as bar:
            for _ in done:
                bar.update(1)


def _render_one(task: tuple[Settings, int, int]) -> None:
    settings, job_id, photo_id = task

    async def work() -> None:
        database = Database.connect(settings.database_url)
        try:
            storage = Storage.open(settings.storage_url)
            await render_photo(database, storage, job_id, photo_id, datetime.now(UTC))
        finally:
            await database.close()

    asyncio.run(work())
