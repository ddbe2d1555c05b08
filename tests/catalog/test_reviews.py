"""A second person's look: nobody's own, of what stands now, once, and with every point ticked."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from catalog import reviews
from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.errors import Invalid, NotAllowed, NotFound, NotOnboarded, OwnReview, ReviewDecided
from catalog.models import (
    AuditEntry,
    Product,
    ProductReview,
    ProductState,
    ReviewState,
    Role,
    Station,
    Workshop,
    WorkshopCheck,
)
from catalog.products import change_product
from catalog.reviews import POINTS, list_asked, pass_product, refuse_product, stamp, word_for_maker
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.onboarding import make_checks, make_strict

ALL = list(POINTS)
LATER = NOON + timedelta(minutes=5)


class Case:
    """A product that an artisan put up, and two members who may look at it."""

    def __init__(self, station: Station, family: Workshop, product: Product) -> None:
        self.station, self.family, self.product = station, family, product
        self.review_id = 0
        self.maker: Actor
        self.looker: Actor
        self.other: Actor


@pytest.fixture
async def case(sessions: Sessions) -> Case:
    station = await make_station(sessions)
    family = await make_workshop(sessions, station)
    await make_strict(sessions, station)
    manager = await make_member(sessions, station, Role.MANAGER)
    await make_checks(sessions, family, manager)
    product = await make_product(sessions, family, size="30 cm", weight_g=900)
    case = Case(station, family, product)
    case.looker = act(manager)
    case.other = act(await make_member(sessions, station, Role.HOST))
    async with sessions() as session:
        review = (await session.scalars(select(ProductReview))).one()
    case.review_id = review.id
    case.maker = act(await make_member(sessions, station, Role.MANAGER))
    async with sessions.begin() as session:
        await session.execute(update(ProductReview).values(asked_by=case.maker.member_id))
    return case


async def seen_now(sessions: Sessions, case: Case) -> str:
    async with sessions() as session:
        return stamp(await session.get_one(Product, case.product.id))


async def decide(sessions: Sessions, case: Case, actor: Actor, **how: Any) -> None:
    """Pass it, or refuse it where there are words."""
    seen = how.pop("seen", None) or await seen_now(sessions, case)
    async with sessions.begin() as session:
        if "words" in how:
            await refuse_product(session, actor, case.review_id, how["words"], seen, LATER)
        else:
            ticked = how.get("ticked", ALL)
            await pass_product(session, actor, case.review_id, ticked, seen, LATER)


async def stands(sessions: Sessions, case: Case) -> tuple[str, str]:
    async with sessions() as session:
        product = await session.get_one(Product, case.product.id)
        review = await session.get_one(ProductReview, case.review_id)
    return product.state.value, review.state.value


WAITS = ("review", "asked")


async def test_all_points_ticked_it_is_on_sale(sessions: Sessions, case: Case) -> None:
    async with sessions() as session:
        (asked,) = await list_asked(session, case.station.id)
    assert (asked.product.name, asked.asker) == ("福字圆挂", "manager")
    await decide(sessions, case, case.looker)
    assert await stands(sessions, case) == ("on_sale", "passed")
    async with sessions() as session:
        review = await session.get_one(ProductReview, case.review_id)
        assert (review.points, review.decided_by, review.decided_at) == (
            ALL, case.looker.member_id, LATER,
        )  # fmt: skip
        assert await list_asked(session, case.station.id) == []
        entry = (
            await session.scalars(select(AuditEntry).where(AuditEntry.action == "review.pass"))
        ).one()
    assert (entry.before, entry.after) == ({"state": "review"}, {"state": "on_sale"})
    assert entry.on_behalf_of == case.family.id


async def test_a_point_left_out_is_told_and_nothing_is_decided(
    sessions: Sessions, case: Case
) -> None:
    for point in ALL:
        with pytest.raises(Invalid) as refusal:
            await decide(sessions, case, case.looker, ticked=[p for p in ALL if p != point])
        assert list(refusal.value.errors) == [point]
    async with sessions.begin() as session:
        await change_product(session, case.maker, case.product.id, {"size": ""}, NOON)
    with pytest.raises(Invalid) as refusal:
        await decide(sessions, case, case.looker)
    assert list(refusal.value.errors) == ["size"]
    assert await stands(sessions, case) == WAITS


async def test_nobody_decides_on_their_own(sessions: Sessions, case: Case) -> None:
    for how in ({}, {"words": "再拍一张"}):
        with pytest.raises(OwnReview):
            await decide(sessions, case, case.maker, **how)
    assert await stands(sessions, case) == WAITS
    # Who changes it meanwhile has made it their own.
    async with sessions.begin() as session:
        await change_product(session, case.looker, case.product.id, {"name": "禄字圆挂"}, NOON)
    with pytest.raises(OwnReview):
        await decide(sessions, case, case.looker)
    await decide(sessions, case, case.maker)
    assert await stands(sessions, case) == ("on_sale", "passed")


async def test_what_was_changed_since_it_was_seen_is_looked_at_again(
    sessions: Sessions, case: Case
) -> None:
    before = await seen_now(sessions, case)
    async with sessions.begin() as session:
        await change_product(session, case.maker, case.product.id, {"wood": "枣木"}, LATER)
    for how in ({}, {"words": "木料不对"}):
        with pytest.raises(ReviewDecided) as refusal:
            await decide(sessions, case, case.looker, seen=before, **how)
        assert "改过了" in refusal.value.text
    assert await stands(sessions, case) == WAITS


async def test_a_refusal_comes_back_to_the_maker_with_a_word(
    sessions: Sessions, case: Case
) -> None:
    with pytest.raises(Invalid):
        await decide(sessions, case, case.looker, words=" ")
    await decide(sessions, case, case.looker, words="照片暗了，到窗边再拍一张")
    assert await stands(sessions, case) == ("draft", "refused")
    async with sessions.begin() as session:
        assert await word_for_maker(session, case.product.id) == "照片暗了，到窗边再拍一张"
        up = {"state": "on_sale"}
        product = await change_product(session, case.maker, case.product.id, up, LATER)
        assert product.state == ProductState.REVIEW
        assert await word_for_maker(session, case.product.id) == ""
        assert len(await list_asked(session, case.station.id)) == 1


async def test_what_was_taken_back_meanwhile_is_not_decided(sessions: Sessions, case: Case) -> None:
    async with sessions.begin() as session:
        await change_product(session, case.maker, case.product.id, {"state": "off"}, NOON)
    with pytest.raises(ReviewDecided):
        await decide(sessions, case, case.looker)
    assert await stands(sessions, case) == ("off", "asked")


async def test_checks_that_ran_out_meanwhile_keep_it_waiting(
    sessions: Sessions, case: Case
) -> None:
    async with sessions.begin() as session:
        past = (NOON - timedelta(days=1)).date()
        await session.execute(update(WorkshopCheck).values(renew_on=past))
    with pytest.raises(NotOnboarded):
        await decide(sessions, case, case.looker)
    assert await stands(sessions, case) == WAITS


async def test_other_stations_and_artisans_decide_nothing(sessions: Sessions, case: Case) -> None:
    stranger = act(await make_member(sessions, await make_station(sessions, "b"), Role.MANAGER))
    artisan = act(await make_member(sessions, case.station, Role.ARTISAN, case.family))
    for actor, refusal in ((stranger, NotFound), (artisan, NotAllowed)):
        with pytest.raises(refusal):
            await decide(sessions, case, actor)
    assert await stands(sessions, case) == WAITS


async def attempt(sessions: Sessions, case: Case, actor: Actor, **how: Any) -> bool:
    try:
        await decide(sessions, case, actor, **how)
    except ReviewDecided:
        return False
    return True


async def test_of_two_who_decide_at_once_one_wins(
    database_url: str, sessions: Sessions, case: Case
) -> None:
    seen = await seen_now(sessions, case)
    second = Database.connect(database_url)
    try:
        outcomes = await asyncio.gather(
            attempt(sessions, case, case.looker, seen=seen),
            attempt(second.writing, case, case.other, seen=seen, words="再拍一张"),
        )
    finally:
        await second.close()
    assert sorted(outcomes) == [False, True]
    found = await stands(sessions, case)
    assert found == (("on_sale", "passed") if outcomes[0] else ("draft", "refused"))


async def test_deciding_by_looking_first_lets_both_win(
    database_url: str, sessions: Sessions, case: Case
) -> None:
    """The twin of the test above: each reads the open review, then each writes."""
    looked = asyncio.Barrier(2)

    async def naive(where: Sessions, state: ReviewState) -> bool:
        async with where() as session:
            review = await session.get_one(ProductReview, case.review_id)
        await looked.wait()
        if review.state != ReviewState.ASKED:
            return False
        async with where.begin() as session:
            changed = update(ProductReview).where(ProductReview.id == review.id)
            await session.execute(changed.values(state=state, decided_by=case.looker.member_id))
        return True

    second = Database.connect(database_url)
    try:
        outcomes = await asyncio.gather(
            naive(sessions, ReviewState.PASSED), naive(second.writing, ReviewState.REFUSED)
        )
    finally:
        await second.close()
    assert outcomes == [True, True]


async def test_a_change_and_a_decision_at_once_leave_nothing_unseen_on_sale(
    database_url: str, sessions: Sessions, case: Case
) -> None:
    seen = await seen_now(sessions, case)
    second = Database.connect(database_url)

    async def change() -> None:
        async with second.writing.begin() as session:
            await change_product(session, case.maker, case.product.id, {"wood": "枣木"}, LATER)

    try:
        passed, _ = await asyncio.gather(attempt(sessions, case, case.looker, seen=seen), change())
    finally:
        await second.close()
    async with sessions() as session:
        product = await session.get_one(Product, case.product.id)
        latest = await reviews.latest_review(session, product.id)
    assert latest is not None
    assert (product.wood, product.state, latest.state) == ("枣木", "review", "asked"), passed
