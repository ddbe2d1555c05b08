"""The demo's families and the 24 products that they sell, from `catalog.csv` and `photos/`."""

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.checks import BEIJING
from catalog.consents import add_fact, agree_maker, words_of
from catalog.models import Kind, Product, Workshop
from catalog.photos import add_photo
from catalog.products import add_product
from catalog.workshops import add_workshop
from media.storage import Storage
from shop.demo.people import FAMILIES, WITNESS, Family

HERE = Path(__file__).parent

# A maker's least price, so that show prices have something to stand on.
FLOOR_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Goods:
    """What the demo sells: workshops by login, products by the name of their photo."""

    workshops: dict[str, Workshop]
    products: dict[str, Product]


async def add_goods(
    session: AsyncSession, storage: Storage, manager: Actor, now: datetime
) -> Goods:
    """Make the workshops, products, stock and photos; photos still wait for their renditions."""
    workshops = {}
    for family in FAMILIES:
        facts = {
            "name": family.name,
            "village": family.village,
            "craft": family.craft,
            "makers": family.makers,
        }
        workshop = await add_workshop(session, manager, facts, now)
        await _ask(session, manager, workshop, family, now)
        workshops[family.login] = workshop
    by_name = {workshop.name: workshop for workshop in workshops.values()}
    products = {}
    with (HERE / "catalog.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            product = await _add(session, manager, by_name[row["workshop"]], row, now)
            picture = (HERE / "photos" / f"{row['photo']}.jpg").read_bytes()
            await add_photo(session, storage, manager, product, picture, now)
            products[row["photo"]] = product
    return Goods(workshops, products)


async def _ask(
    session: AsyncSession, manager: Actor, workshop: Workshop, family: Family, now: datetime
) -> None:
    """What may be told of the family, and who of it may be named."""
    day = now.astimezone(BEIJING).date().isoformat()
    yes = {"on_page": "1", "on_air": "1", "agreed_on": day, "witness": WITNESS}
    for n, text in enumerate(family.facts):
        answer = yes if n < family.told else {}
        await add_fact(session, manager, workshop.id, {"text": text, **answer}, now)
    makers = workshop.makers[:-1] if family.shy else workshop.makers
    for maker in makers:
        asked = {**yes, "seen": words_of(maker)}
        await agree_maker(session, manager, workshop.id, maker.id, asked, now)


async def _add(
    session: AsyncSession, manager: Actor, workshop: Workshop, row: dict[str, str], now: datetime
) -> Product:
    price_fen = round(float(row["price_yuan"]) * 100)
    facts = {
        "workshop_id": workshop.id,
        "kind": Kind(row["kind"]),
        "name": row["name_zh"],
        "name_en": row["name_en"],
        "meaning": row["meaning_zh"],
        "wood": row["wood_zh"],
        "size": _centimetres(row["size_mm"]),
        "weight_g": int(row["weight_g"]),
        "price_fen": price_fen,
        "floor_fen": int(price_fen * FLOOR_SHARE),
        "work_days": int(row["work_days"]),
        "stock": int(row["stock"]),
    }
    return await add_product(session, manager, facts, now)


def _centimetres(millimetres: str) -> str:
    """Length and width as people say them: 420x200x26 -> 42 × 20 cm."""
    length, width, _ = millimetres.split("x")
    return f"{int(length) / 10:g} × {int(width) / 10:g} cm"
