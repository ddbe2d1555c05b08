"""Products: made, changed, found and listed."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager, selectinload
from sqlalchemy.sql import Select

from catalog import on_sale, stock
from catalog.access import Actor
from catalog.audit import record
from catalog.checks import MOST_PIECES, Check, clean
from catalog.claims import proven_of, refuse_unproven
from catalog.errors import NotFound
from catalog.models import Kind, Product, ProductState, Station, Stock, Workshop
from catalog.stations import must_be_open, open_ids

PAGE = 24
MOST_PAGE = 100

# What a form or a program may set, and what an entry in the audit trail shows.
_FIELDS = (
    "kind", "state", "name", "name_en", "meaning", "wood", "size",
    "weight_g", "price_fen", "floor_fen", "work_days", "kept_at_station",
)  # fmt: skip

# Words of a product in which a claim (`catalog.claims`) needs its proof.
CLAIMING = ("name", "name_en", "meaning", "wood")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list of products is narrowed to. `before` is the id that the last page ended with.

    Products of closed workshops are left out unless `closed_workshops`, or drafts, are asked for.
    `open_stations` leaves out those of stations that strangers can not buy from.
    """

    station_id: int | None = None
    open_stations: bool = False
    workshop_id: int | None = None
    words: str = ""
    kind: Kind | None = None
    in_stock: bool = False
    states: tuple[ProductState, ...] = (ProductState.ON_SALE,)
    closed_workshops: bool = False
    before: int | None = None
    most: int = PAGE


async def find_products(session: AsyncSession, wanted: Wanted) -> tuple[list[Product], int | None]:
    """The newest products that fit, with all a list shows, and where the next page begins.

    Walks the key downwards and stops when the page is full, so the first page of 50,000
    products costs what the first page of fifty does; only rare words read the whole station.
    """
    query = (
        _listing().where(*_conditions(wanted)).order_by(Product.id.desc()).limit(wanted.most + 1)
    )
    rows = list(await session.scalars(query))
    if len(rows) <= wanted.most:
        return rows, None
    return rows[:-1], rows[-2].id


def _listing() -> Select[Product]:
    return (
        select(Product)
        .join(Product.stock)
        .join(Product.workshop)
        .options(
            contains_eager(Product.stock),
            contains_eager(Product.workshop),
            selectinload(Product.photos),
        )
    )


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Product.state.in_(wanted.states)]
    if not wanted.closed_workshops and ProductState.DRAFT not in wanted.states:
        found.append(Workshop.active.is_(True))
    if wanted.open_stations:
        found.append(Product.station_id.in_(open_ids()))
    if wanted.station_id is not None:
        found.append(Product.station_id == wanted.station_id)
    if wanted.workshop_id is not None:
        found.append(Product.workshop_id == wanted.workshop_id)
    if wanted.kind is not None:
        found.append(Product.kind == wanted.kind)
    if wanted.in_stock:
        free = Stock.on_hand > Stock.held
        found.append(free | (Product.kind == Kind.MADE_TO_ORDER))
    if wanted.before is not None:
        found.append(Product.id < wanted.before)
    for word in clean(wanted.words).lower().split()[:6]:
        found.append(Product.search_text.contains(word, autoescape=True))
    return found


async def get_product(session: AsyncSession, product_id: int) -> Product:
    """One product with workshop, makers, stock and photos. Raises NotFound."""
    return await _get(session, Product.id == product_id, f"product {product_id}")


async def _get(session: AsyncSession, which: ColumnElement[bool], name: str) -> Product:
    query = (
        _listing()
        .where(which)
        .options(contains_eager(Product.workshop).selectinload(Workshop.makers))
        .execution_options(populate_existing=True)
    )
    product = await session.scalar(query)
    if product is None:
        raise NotFound(name)
    return product


async def products_of(
    session: AsyncSession, station_id: int, product_ids: Iterable[int]
) -> dict[int, Product]:
    """Those of the ids that are the station's, in whatever state, with all a list shows."""
    query = _listing().where(Product.station_id == station_id, Product.id.in_(product_ids))
    return {product.id: product for product in await session.scalars(query)}


async def product_by_slug(session: AsyncSession, slug: str) -> Product:
    """The product at `/products/{slug}`, in whatever state. Raises NotFound."""
    return await _get(session, Product.slug == slug, f"product {slug}")


async def product_for(session: AsyncSession, actor: Actor, product_id: int) -> Product:
    """The product when it is of the actor's station, and for artisans of their own workshop."""
    its_own = (Product.id == product_id) & (Product.station_id == actor.station_id)
    product = await _get(session, its_own, f"product {product_id}")
    actor.must_see_workshop(product.workshop_id)
    return product


def belongs_to(asker: Actor | None, product: Product) -> bool:
    """Whether the asker may see all of it: staff of its station, the artisans who make it."""
    return (
        asker is not None
        and asker.station_id == product.station_id
        and asker.workshop_id in (None, product.workshop_id)
    )


async def product_seen_by(session: AsyncSession, asker: Actor | None, product_id: int) -> Product:
    """The product when it is the asker's, or when any stranger may see it.

    Raises NotFound, and NotOpen for strangers while its station is getting ready.
    """
    product = await get_product(session, product_id)
    if not belongs_to(asker, product) and not visible_to_buyers(product):
        raise NotFound(f"product {product_id}")
    must_be_open(await session.get_one(Station, product.station_id), asker)
    return product


def as_seen_by(asker: Actor | None, wanted: Wanted) -> Wanted:
    """`wanted` as far as the asker may look.

    Members see their own station in every state, artisans only their own workshop; about
    another station they see what strangers see: what is on sale at an open one. Raises NotFound
    for an artisan who asks for another family.
    """
    if asker is None or wanted.station_id not in (None, asker.station_id):
        return replace(wanted, states=(ProductState.ON_SALE,), open_stations=True)
    if wanted.workshop_id is not None:
        asker.must_see_workshop(wanted.workshop_id)
    return replace(
        wanted,
        station_id=asker.station_id,
        workshop_id=wanted.workshop_id or asker.workshop_id,
        states=tuple(ProductState),
    )


async def add_product(
    session: AsyncSession, actor: Actor, values: Mapping[str, Any], now: datetime
) -> Product:
    """Make a product from typed values: `_FIELDS`, `workshop_id`, `stock` (pieces on hand).

    An artisan's product is of the artisan's workshop whatever was typed. Raises Invalid with
    every fault, NotFound for a workshop of another station, NotOnboarded (`on_sale.put_up`);
    nothing is kept then.
    """
    check = Check()
    workshop_id = actor.workshop_id or _workshop_id(check, values.get("workshop_id"))
    facts = _read(check, {"state": ProductState.ON_SALE, **values})
    most = {Kind.ONE_OF_A_KIND: 1, Kind.MADE_TO_ORDER: 0}.get(facts["kind"], MOST_PIECES)
    on_hand = check.integer("stock", values.get("stock", 0) or 0, "库存", least=0, most=most)
    refuse_unproven(check, {field: facts[field] for field in CLAIMING}, proven=())
    check.done()
    workshop = await session.get(Workshop, workshop_id)
    if workshop is None or workshop.station_id != actor.station_id:
        raise NotFound(f"workshop {workshop_id}")
    product = Product(
        station_id=workshop.station_id,
        workshop_id=workshop.id,
        created_at=now,
        changed_at=now,
        **{**facts, "state": ProductState.DRAFT},
    )
    session.add(product)
    await session.flush()
    product.slug = _slug(product)
    await refresh_search_text(session, product)
    await stock.open_account(session, actor, product, on_hand, now)
    await on_sale.put_up(session, actor, product, facts["state"], now, changed=False)
    record(
        session, actor, "product.add", product, now, after=_facts(product), workshop_id=workshop.id
    )
    return await get_product(session, product.id)


async def change_product(
    session: AsyncSession,
    actor: Actor,
    product_id: int,
    values: Mapping[str, Any],
    now: datetime,
) -> Product:
    """Change the fields given and leave the others. The kind stays: stock and promises hang on it.

    Locks the product. Raises Invalid with every fault, NotFound for another's product, and
    NotOnboarded (`on_sale.put_up`); nothing is kept then.
    """
    await on_sale.lock(session, product_id)
    product = await product_for(session, actor, product_id)
    before = _facts(product)
    check = Check()
    facts = _read(check, {**before, **values})
    if facts["kind"] != product.kind:
        check.fault("kind", "作品的做法定了以后不能改，请另加一件作品。")
    changed = {field: facts[field] for field in CLAIMING if facts[field] != before[field]}
    refuse_unproven(check, changed, (await proven_of(session, [product.id]))[product.id])
    check.done()
    asked = facts.pop("state")
    for field, value in facts.items():
        setattr(product, field, value)
    product.changed_at = now
    dearer = facts["price_fen"] > before["price_fen"]
    await on_sale.put_up(session, actor, product, asked, now, changed=bool(changed) or dearer)
    await refresh_search_text(session, product)
    record(
        session,
        actor,
        "product.change",
        product,
        now,
        before=before,
        after=_facts(product),
        workshop_id=product.workshop_id,
    )
    await session.flush()
    return product


def _workshop_id(check: Check, typed: object) -> int:
    if typed in (None, ""):
        check.fault("workshop_id", "请选择作坊。")
    return check.integer("workshop_id", typed, "作坊", least=1, most=2**62)


def _read(check: Check, values: Mapping[str, Any]) -> dict[str, Any]:
    price = check.fen("price_fen", values.get("price_fen"), "价格")
    floor = check.fen("floor_fen", values.get("floor_fen", 0) or 0, "底价", least=0)
    if floor > price and not {"price_fen", "floor_fen"} & check.errors.keys():
        check.fault("floor_fen", "底价不能高于价格。")
    return {
        "kind": check.choice("kind", values.get("kind"), "做法", Kind),
        "state": check.choice("state", values.get("state"), "状态", ProductState),
        "name": check.text("name", values.get("name"), "名称", most=60),
        "name_en": check.text("name_en", values.get("name_en"), "英文名", most=80, least=0),
        "meaning": check.text("meaning", values.get("meaning"), "寓意", most=200, least=0),
        "wood": check.text("wood", values.get("wood"), "木料", most=40, least=0),
        "size": check.text("size", values.get("size"), "尺寸", most=40, least=0),
        "weight_g": check.integer(
            "weight_g", values.get("weight_g", 0) or 0, "重量", least=0, most=500_000
        ),
        "price_fen": price,
        "floor_fen": floor,
        "work_days": check.integer(
            "work_days", values.get("work_days", 0) or 0, "工期（天）", least=0, most=365
        ),
        "kept_at_station": values.get("kept_at_station", False) in (True, "on", "true", "1"),
    }


def _facts(product: Product) -> dict[str, Any]:
    return {field: getattr(product, field) for field in _FIELDS}


def _slug(product: Product) -> str:
    latin = re.sub(r"[^a-z0-9]+", "-", product.name_en.lower()).strip("-")
    return f"{latin[:80]}-{product.id}" if latin else str(product.id)


async def refresh_search_text(session: AsyncSession, product: Product) -> None:
    """Write anew what a buyer may type to find the product: its words and its family's."""
    workshop = await session.get_one(Workshop, product.workshop_id)
    words = [product.name, product.name_en, product.meaning, product.wood]
    product.search_text = " ".join([*words, workshop.name, workshop.village]).lower()


def visible_to_buyers(product: Product) -> bool:
    """Whether a stranger may see the product at all."""
    return product.state == ProductState.ON_SALE and product.workshop.active
