"""Proofs of what is claimed of a product: entered by one, confirmed by another, taken back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from catalog import on_sale
from catalog.access import Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.claims import PROVABLE, phrases_in, proven_of
from catalog.errors import NotFound, NotTakenBack, SecondPersonNeeded
from catalog.models import Claim, Member, Product
from catalog.pictures import keep_picture, picture_at
from catalog.products import CLAIMING, product_for
from media.storage import Storage


@dataclass(frozen=True, slots=True)
class Proof:
    """A claim with the names of the two; `confirmer` is "" while it waits for the second."""

    claim: Claim
    maker: str
    confirmer: str


async def proofs_of(session: AsyncSession, product_id: int) -> list[Proof]:
    """The proofs of a product that were not taken back, oldest first."""
    maker, confirmer = aliased(Member), aliased(Member)
    query = (
        select(Claim, maker.name, confirmer.name)
        .join(maker, maker.id == Claim.made_by)
        .outerjoin(confirmer, confirmer.id == Claim.confirmed_by)
        .where(Claim.product_id == product_id, Claim.removed_at.is_(None))
        .order_by(Claim.id)
    )
    return [Proof(claim, who, by or "") for claim, who, by in await session.execute(query)]


async def add_proof(
    session: AsyncSession,
    storage: Storage,
    actor: Actor,
    product_id: int,
    typed: Mapping[str, str],
    picture: bytes | None,
    now: datetime,
) -> Claim:
    """Enter what proves a phrase: `phrase`, `proof` in words, and a picture where there is one.

    It counts once somebody else has confirmed it. Raises Invalid, NotFound; a picture whose row
    does not commit stays behind under a name that nobody knows.
    """
    product = await product_for(session, actor, product_id)
    check = Check()
    phrase = typed.get("phrase", "")
    if phrase not in PROVABLE:
        check.fault("phrase", "请选择要证明的话。")
    words = check.text("proof", typed.get("proof"), "看到的凭证", most=200, least=4)
    check.done()
    key = ""
    if picture is not None:
        key = await keep_picture(storage, "proofs", picture, field="picture")
    claim = Claim(
        station_id=product.station_id,
        product_id=product.id,
        phrase=phrase,
        proof=words,
        proof_key=key,
        made_by=actor.member_id,
        made_at=now,
    )
    session.add(claim)
    await session.flush()
    _record(session, actor, "claim.add", claim, product, now)
    return claim


async def confirm_proof(
    session: AsyncSession, actor: Actor, product_id: int, claim_id: int, now: datetime
) -> Claim:
    """A second person has looked at the proof; repeating changes nothing.

    Locks the claim. Raises NotFound, SecondPersonNeeded for who entered it.
    """
    product, claim = await _locked(session, actor, product_id, claim_id)
    if claim.confirmed_at is not None:
        return claim
    if claim.made_by == actor.member_id:
        raise SecondPersonNeeded(f"claim {claim_id}")
    claim.confirmed_by, claim.confirmed_at = actor.member_id, now
    _record(session, actor, "claim.confirm", claim, product, now)
    return claim


async def remove_proof(
    session: AsyncSession, actor: Actor, product_id: int, claim_id: int, now: datetime
) -> Claim:
    """The proof counts no more; its picture is kept. Locks the product, then the claim.

    Raises NotFound, and NotTakenBack while the product's own words need it.
    """
    await on_sale.lock(session, product_id)
    product, claim = await _locked(session, actor, product_id, claim_id)
    said = any(claim.phrase in phrases_in(getattr(product, field)) for field in CLAIMING)
    if said and claim.confirmed_at is not None and not await _other_proof(session, claim):
        text = f"作品的名称、寓意或木料里还写着“{claim.phrase}”，先改掉，再撤凭证。"
        raise NotTakenBack(text)
    claim.removed_at = now
    _record(session, actor, "claim.remove", claim, product, now)
    await session.flush()
    return claim


async def _other_proof(session: AsyncSession, claim: Claim) -> bool:
    query = select(Claim.id).where(
        Claim.product_id == claim.product_id,
        Claim.phrase == claim.phrase,
        Claim.id != claim.id,
        Claim.confirmed_at.is_not(None),
        Claim.removed_at.is_(None),
    )
    return await session.scalar(query.limit(1)) is not None


async def picture_of(
    session: AsyncSession, storage: Storage, actor: Actor, product_id: int, claim_id: int
) -> tuple[bytes, str]:
    """The picture of a proof as every browser shows it, and its media type. Raises NotFound."""
    await product_for(session, actor, product_id)
    claim = await session.get(Claim, claim_id)
    if claim is None or claim.product_id != product_id:
        raise NotFound(f"picture of claim {claim_id}")
    return await picture_at(storage, claim.proof_key)


async def unproven_words(session: AsyncSession, product: Product) -> list[str]:
    """What the product says of itself that nobody has proven: words from before, or never taken."""
    proven = (await proven_of(session, [product.id]))[product.id]
    said = {phrase for field in CLAIMING for phrase in phrases_in(getattr(product, field))}
    return sorted(said - proven)


async def _locked(
    session: AsyncSession, actor: Actor, product_id: int, claim_id: int
) -> tuple[Product, Claim]:
    product = await product_for(session, actor, product_id)
    claim = await session.get(
        Claim, claim_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if claim is None or claim.product_id != product.id or claim.removed_at is not None:
        raise NotFound(f"claim {claim_id}")
    return product, claim


def _record(
    session: AsyncSession, actor: Actor, action: str, claim: Claim, product: Product, now: datetime
) -> None:
    told = {"product": product.id, "phrase": claim.phrase, "proof": claim.proof}
    record(session, actor, action, claim, now, after=told, workshop_id=product.workshop_id)
