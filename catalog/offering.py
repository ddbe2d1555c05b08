"""Putting up a product from a phone: a photo and a few words, once a form.

A form carries a random name. From it, the member and the server's key follows the folder that
its photo is kept in, so a form that comes back with a fault needs no second photo, and a form
that is sent twice makes one product. Nobody else's form leads to that folder, whatever it says.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.checks import MOST_FEN, MOST_PIECES, Check
from catalog.errors import Invalid, NotOnboarded
from catalog.models import Kind, Photo, Product, ProductState
from catalog.photos import Original, attach_photo, keep_original, kept_original
from catalog.products import add_product
from media.storage import Storage


def new_form() -> str:
    """The random name of a form that brings a photo."""
    return secrets.token_urlsafe(12)


def folder_of(secret_key: str, actor: Actor, form: str) -> str:
    """Where the photo of this member's form is kept; 96 bits that only the server can work out."""
    told = f"photo of a form:{actor.member_id}:{form}".encode()
    return hmac.new(secret_key.encode(), told, hashlib.sha256).hexdigest()[:24]


async def offer(
    session: AsyncSession,
    storage: Storage,
    actor: Actor,
    folder: str,
    typed: Mapping[str, str],
    photo: bytes | None,
    now: datetime,
) -> int:
    """Make the product that a form describes; returns its id, and the same one for a repeat.

    `photo` is None when the form brings none, having brought it before. Raises Invalid with a
    sentence for each of photo, name, price, kind, stock and work_days; a good photo is kept then.
    """
    made = await _product_of(session, folder)
    if made is not None:
        return made
    check = Check()
    original = await received(check, storage, folder, photo)
    try:
        async with session.begin_nested():
            product = await _add(session, actor, check, typed, now)
            check.done()
            assert original is not None
            await attach_photo(session, actor, product, original, now)
    except IntegrityError:
        made = await _product_of(session, folder)
        if made is None:
            raise
        return made
    return product.id


async def add_photo_once(
    session: AsyncSession,
    storage: Storage,
    actor: Actor,
    folder: str,
    product: Product,
    photo: bytes | None,
    now: datetime,
) -> None:
    """Give a product the photo that a form brings; repeating changes nothing. Raises Invalid."""
    if await _product_of(session, folder) is not None:
        return
    check = Check()
    original = await received(check, storage, folder, photo)
    check.done()
    assert original is not None
    try:
        async with session.begin_nested():
            await attach_photo(session, actor, product, original, now)
    except IntegrityError:
        if await _product_of(session, folder) is None:
            raise


async def _product_of(session: AsyncSession, folder: str) -> int | None:
    return await session.scalar(select(Photo.product_id).where(Photo.folder == folder))


async def received(
    check: Check, storage: Storage, folder: str, photo: bytes | None
) -> Original | None:
    """The photo sent now, or else the one that this form brought before; None with a fault.

    Kept under `folder` (`folder_of`), so that a form which comes back needs no second photo.
    """
    if photo is not None:
        try:
            return await keep_original(storage, photo, folder)
        except Invalid as error:
            check.errors.update(error.errors)
            return None
    kept = await kept_original(storage, folder)
    if kept is None:
        check.fault("photo", "请先给作品拍一张照片。")
    return kept


async def _add(
    session: AsyncSession, actor: Actor, check: Check, typed: Mapping[str, str], now: datetime
) -> Product:
    values = {
        "name": typed.get("name"),
        "kind": typed.get("kind"),
        "price_fen": min(check.yuan("price", typed.get("price"), "价格"), MOST_FEN),
        "stock": _pieces(check, typed),
        "work_days": _work_days(check, typed),
    }
    try:
        return await _put_up_or_keep(session, actor, values, now)
    except Invalid as error:
        raise Invalid({**check.errors, **error.errors}) from error


async def _put_up_or_keep(
    session: AsyncSession, actor: Actor, values: Mapping[str, Any], now: datetime
) -> Product:
    """For sale as far as it may be; what a family may not sell yet is kept as a draft."""
    try:
        async with session.begin_nested():
            return await add_product(session, actor, values, now)
    except NotOnboarded:
        return await add_product(session, actor, {**values, "state": ProductState.DRAFT}, now)


def _pieces(check: Check, typed: Mapping[str, str]) -> int:
    """How many there are: the kind says it, but for a small series."""
    if typed.get("kind") == Kind.BATCH:
        return check.integer("stock", typed.get("stock"), "件数", least=1, most=MOST_PIECES)
    return int(typed.get("kind") == Kind.ONE_OF_A_KIND)


def _work_days(check: Check, typed: Mapping[str, str]) -> int:
    """Days to make one. Made to order, the buyer's promised date hangs on them."""
    if typed.get("kind") == Kind.MADE_TO_ORDER:
        return check.integer("work_days", typed.get("work_days"), "天数", least=1, most=365)
    if not typed.get("work_days"):
        return 0
    return check.integer("work_days", typed.get("work_days"), "天数", least=0, most=365)
