"""A second person's look at a product before it is sold. `docs/onboarding.md`.

What may be on sale is decided in `catalog.on_sale`, which asks for a look and passes a product on.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager, selectinload

from catalog.access import CATALOG_EDITORS, Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.errors import NotFound, OwnReview, ReviewDecided
from catalog.models import Member, Product, ProductReview, ProductState, ReviewState
from catalog.onboarded import must_be_onboarded

MOST_ROWS = 200

POINTS = {
    "wood": "木料写的就是这块料",
    "claims": "没有拿不出凭证的话：老料、非遗、开过光、能治病……",
    "price": "价钱和手艺人说好了",
    "photo": "照片拍的就是这一件，没有借用别人的",
    "size": "尺寸和重量都写了，对得上",
}
"""What whoever looks makes sure of, one by one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A review with its product, and the name of who asked for it."""

    review: ProductReview
    asker: str

    @property
    def product(self) -> Product:
        return self.review.product


async def latest_review(session: AsyncSession, product_id: int) -> ProductReview | None:
    """The newest look at a product, open or decided; None when there never was one."""
    return await session.scalar(
        select(ProductReview)
        .where(ProductReview.product_id == product_id)
        .order_by(ProductReview.id.desc())
        .limit(1)
    )


async def word_for_maker(session: AsyncSession, product_id: int) -> str:
    """Why a product was refused, as the family reads it; "" when its newest look was no refusal."""
    latest = await latest_review(session, product_id)
    return latest.note if latest is not None and latest.state == ReviewState.REFUSED else ""


async def ask(session: AsyncSession, actor: Actor, product: Product, now: datetime) -> None:
    """Have somebody else look at a product as it is now; the caller has locked the product.

    One that is asked for already is asked for anew by whoever made the last change, so that
    nobody decides on their own words.
    """
    latest = await latest_review(session, product.id)
    if latest is None or latest.state != ReviewState.ASKED:
        latest = ProductReview(station_id=product.station_id, product_id=product.id, points=[])
        session.add(latest)
    latest.asked_by, latest.asked_at = actor.member_id, now
    await session.flush()


async def list_asked(session: AsyncSession, station_id: int) -> list[Asked]:
    """What waits for somebody's look at a station, the longest first; drafts are not told."""
    query = (
        select(ProductReview, Member.name)
        .join(Member, Member.id == ProductReview.asked_by)
        .join(ProductReview.product)
        .where(
            ProductReview.station_id == station_id,
            ProductReview.state == ReviewState.ASKED,
            Product.state == ProductState.REVIEW,
        )
        .options(
            contains_eager(ProductReview.product).options(
                selectinload(Product.photos), selectinload(Product.workshop)
            )
        )
        .order_by(ProductReview.asked_at, ProductReview.id)
        .limit(MOST_ROWS)
    )
    return [Asked(review, asker) for review, asker in await session.execute(query)]


async def count_asked(session: AsyncSession, station_id: int) -> int:
    """How many products wait for a look."""
    query = select(func.count()).where(
        Product.station_id == station_id, Product.state == ProductState.REVIEW
    )
    return int(await session.scalar(query) or 0)


async def review_for(session: AsyncSession, actor: Actor, review_id: int) -> Asked:
    """A look at a product of the actor's station, with all that is to be seen. Raises NotFound."""
    query = (
        select(ProductReview, Member.name)
        .join(Member, Member.id == ProductReview.asked_by)
        .where(ProductReview.id == review_id, ProductReview.station_id == actor.station_id)
        .options(
            selectinload(ProductReview.product).options(
                selectinload(Product.photos),
                selectinload(Product.workshop),
                selectinload(Product.stock),
            )
        )
        .execution_options(populate_existing=True)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"review {review_id}")
    return Asked(row[0], row[1])


async def pass_product(
    session: AsyncSession,
    actor: Actor,
    review_id: int,
    ticked: Collection[str],
    seen: str,
    now: datetime,
) -> Product:
    """Let a product be sold: every point was looked at. `seen` is `stamp` of what the actor saw.

    Locks the product. Raises Invalid for points not ticked and for what is not written, OwnReview,
    ReviewDecided when somebody was faster or the product was changed since, NotOnboarded.
    """
    product = await _locked(session, actor, review_id, seen)
    check = Check()
    for point, words in POINTS.items():
        if point not in ticked:
            check.fault(point, f"还没有看：{words}。")
    if not (product.size and product.weight_g):
        check.fault("size", "尺寸或重量还没有写，先到作品页补上。")
    check.done()
    await must_be_onboarded(session, product.workshop_id, now)
    await _decide(session, actor, review_id, ReviewState.PASSED, list(POINTS), "", now)
    _set_state(session, actor, product, ProductState.ON_SALE, "review.pass", "", now)
    return product


async def refuse_product(
    session: AsyncSession, actor: Actor, review_id: int, words: object, seen: str, now: datetime
) -> Product:
    """Send a product back to its family with a word about what to mend; it is a draft then.

    Locks the product. Raises Invalid without a word, OwnReview, ReviewDecided.
    """
    check = Check()
    said = check.text("words", words, "要改什么", most=200)
    check.done()
    product = await _locked(session, actor, review_id, seen)
    await _decide(session, actor, review_id, ReviewState.REFUSED, [], said, now)
    _set_state(session, actor, product, ProductState.DRAFT, "review.refuse", said, now)
    return product


def stamp(product: Product) -> str:
    """What a decision names of the product it is about: another after each change of it."""
    return product.changed_at.isoformat()


async def _locked(session: AsyncSession, actor: Actor, review_id: int, seen: str) -> Product:
    actor.must_be(CATALOG_EDITORS)
    asked = await review_for(session, actor, review_id)
    # As `catalog.on_sale.lock`; what is read next is what stands when others have finished.
    await session.refresh(asked.product, with_for_update={"key_share": True})
    await session.refresh(asked.review)
    if asked.review.state != ReviewState.ASKED:
        raise ReviewDecided("这件已经有人看过、定下来了。")
    if asked.product.state != ProductState.REVIEW:
        raise ReviewDecided("这件现在不用看：手艺人先收起来了。")
    if asked.review.asked_by == actor.member_id:
        raise OwnReview(f"review {review_id} was asked for by the same member")
    if stamp(asked.product) != seen:
        raise ReviewDecided("您看的时候这件改过了，下面是现在的样子，请再看一遍。")
    return asked.product


async def _decide(
    session: AsyncSession,
    actor: Actor,
    review_id: int,
    state: ReviewState,
    points: list[str],
    note: str,
    now: datetime,
) -> None:
    """One UPDATE takes the open review, so of two who decide at once one wins."""
    taken = await session.scalar(
        update(ProductReview)
        .where(ProductReview.id == review_id, ProductReview.state == ReviewState.ASKED)
        .values(state=state, points=points, note=note, decided_by=actor.member_id, decided_at=now)
        .returning(ProductReview.id)
    )
    if taken is None:
        raise ReviewDecided("这件已经有人看过、定下来了。")


def _set_state(
    session: AsyncSession,
    actor: Actor,
    product: Product,
    state: ProductState,
    action: str,
    said: str,
    now: datetime,
) -> None:
    before, product.state = product.state, state
    product.changed_at = now
    record(
        session,
        actor,
        action,
        product,
        now,
        before={"state": before},
        after={"state": state, **({"said": said} if said else {})},
        workshop_id=product.workshop_id,
    )
