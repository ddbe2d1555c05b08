"""The station's share: which rule holds, and what it takes."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.db import Sessions
from catalog.errors import Invalid, NotAllowed, NotFound
from catalog.models import Kind, Member, Role, Station, Workshop
from shop.fees import add_rule, line_fee_fen, list_rules, rates
from tests.making import NOON, act, make_member, make_station, make_workshop

MINUTE = timedelta(minutes=1)
BATCH, CUSTOM = Kind.BATCH, Kind.MADE_TO_ORDER


@pytest.mark.parametrize(
    ("goods_fen", "fee_bp", "fee_fen"),
    [
        (26800, 500, 1340),
        (26800, 0, 0),
        (0, 500, 0),
        (99, 10000, 99),
        (1, 5000, 1),  # half a fen is rounded up
        (1, 4999, 0),
        (333, 250, 8),  # 8.325
        (340, 250, 9),  # 8.5
    ],
)
def test_a_share_is_rounded_half_up(goods_fen: int, fee_bp: int, fee_fen: int) -> None:
    assert line_fee_fen(goods_fen, fee_bp) == fee_fen


@given(st.integers(0, 10**12), st.integers(0, 10000))
def test_a_share_is_never_more_than_the_goods(goods_fen: int, fee_bp: int) -> None:
    fee = line_fee_fen(goods_fen, fee_bp)
    assert 0 <= fee <= goods_fen
    assert abs(fee * 10000 - goods_fen * fee_bp) <= 5000


class Rules:
    """A station whose manager sets rules, a minute apart."""

    def __init__(self, sessions: Sessions, station: Station, manager: Member) -> None:
        self.sessions, self.station, self.manager = sessions, station, manager
        self.now = NOON

    async def add(self, percent: str, workshop: Workshop | None = None, kind: str = "") -> None:
        typed = {"workshop": workshop.id if workshop else "", "kind": kind, "percent": percent}
        async with self.sessions.begin() as session:
            await add_rule(session, act(self.manager), typed, self.now)
        self.now += MINUTE

    async def of(self, *pairs: tuple[Workshop, Kind]) -> list[int]:
        asked = [(workshop.id, kind) for workshop, kind in pairs]
        async with self.sessions() as session:
            found = await rates(session, self.station.id, asked, self.now)
        assert list(found) == asked
        return list(found.values())


@pytest.fixture
async def rules(sessions: Sessions) -> Rules:
    station = await make_station(sessions)
    return Rules(sessions, station, await make_member(sessions, station, Role.MANAGER))


async def test_the_most_specific_rule_wins_then_the_newest(
    rules: Rules, sessions: Sessions
) -> None:
    one = await make_workshop(sessions, rules.station)
    two = await make_workshop(sessions, rules.station, "李家木雕")
    every = [(one, BATCH), (one, CUSTOM), (two, BATCH), (two, CUSTOM)]
    assert await rules.of(*every) == [0, 0, 0, 0]
    await rules.add("3", one, BATCH)
    assert await rules.of(*every) == [300, 0, 0, 0]
    await rules.add("2.5", one)
    assert await rules.of(*every) == [300, 250, 0, 0]
    await rules.add("7", kind=CUSTOM)
    assert await rules.of(*every) == [300, 250, 0, 700]
    await rules.add("10")
    assert await rules.of(*every) == [300, 250, 1000, 700]
    await rules.add("0", one, BATCH)
    await rules.add("12.05 %")
    assert await rules.of(*every) == [0, 250, 1205, 700]
    assert await rules.of() == []


async def test_a_rule_holds_from_its_moment_and_in_its_station(
    rules: Rules, sessions: Sessions
) -> None:
    family = await make_workshop(sessions, rules.station)
    elsewhere = await make_station(sessions, "other")
    await rules.add("5")
    async with sessions() as session:
        pair = [(family.id, BATCH)]
        before = await rates(session, rules.station.id, pair, NOON - MINUTE)
        at_once = await rates(session, rules.station.id, pair, NOON)
        other = await rates(session, elsewhere.id, pair, rules.now)
        shown = await list_rules(session, rules.station.id)
    assert [found[family.id, BATCH] for found in (before, at_once, other)] == [0, 500, 0]
    assert [(rule.fee_bp, who) for rule, who in shown] == [(500, "manager")]


@pytest.mark.parametrize(
    ("percent", "said"),
    [
        ("", "百分比要填数字"),
        ("-1", "百分比要填数字"),
        ("1.005", "百分比要填数字"),
        ("abc", "百分比要填数字"),
        ("100.01", "百分比最多 100。"),
    ],
)
async def test_what_is_no_percentage_is_refused(rules: Rules, percent: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        await rules.add(percent)
    assert refused.value.errors["percent"].startswith(said)
    assert await kept(rules) == 0


async def test_only_the_manager_sets_a_rule_and_only_for_own_families(
    rules: Rules, sessions: Sessions
) -> None:
    stranger = await make_workshop(sessions, await make_station(sessions, "other"))
    with pytest.raises(NotFound):
        await rules.add("5", stranger)
    with pytest.raises(Invalid):
        await rules.add("5", kind="of_gold")
    rules.manager = await make_member(sessions, rules.station, Role.FINANCE)
    with pytest.raises(NotAllowed):
        await rules.add("5")
    assert await kept(rules) == 0


async def kept(rules: Rules) -> int:
    async with rules.sessions() as session:
        return len(await list_rules(session, rules.station.id))
