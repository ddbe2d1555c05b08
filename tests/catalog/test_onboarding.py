"""Making sure of a family: what is noted, what is kept, and what never is."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.errors import Invalid, NotAllowed, NotFound
from catalog.models import AuditEntry, CheckKind, Member, Registration, Role, Workshop
from catalog.onboarding import check_for, make_check
from catalog.workshops import workshop_for
from media.storage import Storage
from tests.making import NOON, act, make_member, make_station, make_workshop
from tests.onboarding import all_checks

CARVING = (Path(__file__).parents[1] / "media" / "carving.jpg").read_bytes()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.open((tmp_path / "files").as_uri())


async def check(
    sessions: Sessions,
    storage: Storage,
    member: Member,
    workshop: Workshop,
    kind: CheckKind,
    *,
    paper: bytes | None = None,
    **typed: str,
) -> None:
    async with sessions.begin() as session:
        family = await workshop_for(session, act(member), workshop.id)
        await make_check(session, storage, act(member), family, kind, typed, paper, NOON)


async def test_a_check_says_who_when_and_until_when(sessions: Sessions, storage: Storage) -> None:
    station = await make_station(sessions)
    family = await make_workshop(sessions, station)
    finance = await make_member(sessions, station, Role.FINANCE)
    await check(
        sessions, storage, finance, family, CheckKind.BANK_NAME,
        note=" 农行卡  正面 ", renew_on="2027-11-22", paper=CARVING,
    )  # fmt: skip
    (made,) = await all_checks(sessions)
    assert (made.note, made.renew_on, made.checked_by) == (
        "农行卡 正面", date(2027, 11, 22), finance.id,
    )  # fmt: skip
    assert made.paper_key.startswith("papers/")
    assert await storage.get(made.paper_key) == CARVING
    async with sessions() as session:
        entry = (await session.scalars(select(AuditEntry))).one()
    assert (entry.action, entry.on_behalf_of) == ("workshop.check", family.id)
    assert entry.after == {"kind": "bank_name", "renew_on": "2027-11-22"}


async def test_of_an_identity_card_neither_picture_nor_number_is_kept(
    sessions: Sessions, storage: Storage, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    family = await make_workshop(sessions, station)
    manager = await make_member(sessions, station, Role.MANAGER)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"paper": CARVING}, "paper"),
        ({"note": "62232619560101001X"}, "note"),
    ]
    for given, field in wrong:
        with pytest.raises(Invalid) as refusal:
            await check(sessions, storage, manager, family, CheckKind.IDENTITY, **given)
        assert list(refusal.value.errors) == [field]
    assert await all_checks(sessions) == []
    assert not (tmp_path / "files" / "papers").exists()


async def test_the_registration_becomes_the_familys(sessions: Sessions, storage: Storage) -> None:
    station = await make_station(sessions)
    family = await make_workshop(sessions, station)
    manager = await make_member(sessions, station, Role.MANAGER)
    kind = CheckKind.REGISTRATION
    for typed in ({}, {"registration": "unknown"}, {"registration": "licence"}):
        with pytest.raises(Invalid):
            await check(sessions, storage, manager, family, kind, **typed)
    number = "92620321ma7abcdx1k"
    licence = {"registration": "licence", "registration_no": number}
    for typed, kept in (
        (licence, (Registration.LICENCE, number.upper())),
        ({"registration": "exempt", "registration_no": number}, (Registration.EXEMPT, "")),
    ):
        await check(sessions, storage, manager, family, kind, **typed)
        async with sessions() as session:
            found = await session.get_one(Workshop, family.id)
        assert (found.registration, found.registration_no) == kept
    assert len(await all_checks(sessions)) == 2


@pytest.mark.parametrize("day", ["2026-11-22", "2020-01-01", "2099-01-01", "明年"])
async def test_a_day_that_can_not_be_is_refused(
    sessions: Sessions, storage: Storage, day: str
) -> None:
    station = await make_station(sessions)
    family = await make_workshop(sessions, station)
    manager = await make_member(sessions, station, Role.MANAGER)
    with pytest.raises(Invalid) as refusal:
        await check(sessions, storage, manager, family, CheckKind.CONSENT, renew_on=day)
    assert list(refusal.value.errors) == ["renew_on"]
    assert await all_checks(sessions) == []


async def test_only_who_checks_may_and_only_at_their_own_station(
    sessions: Sessions, storage: Storage
) -> None:
    station = await make_station(sessions)
    family = await make_workshop(sessions, station)
    manager = await make_member(sessions, station, Role.MANAGER)
    host = await make_member(sessions, station, Role.HOST)
    stranger = await make_member(sessions, await make_station(sessions, "b"), Role.MANAGER)
    for member, refusal in ((host, NotAllowed), (stranger, NotFound)):
        with pytest.raises(refusal):
            await check(sessions, storage, member, family, CheckKind.IDENTITY)
    assert await all_checks(sessions) == []
    await check(sessions, storage, manager, family, CheckKind.IDENTITY)
    (made,) = await all_checks(sessions)
    async with sessions() as session:
        assert (await check_for(session, act(manager), made.id)).id == made.id
        with pytest.raises(NotFound):
            await check_for(session, act(stranger), made.id)
