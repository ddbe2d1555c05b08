"""What sending costs, as buyers are told."""

from catalog.db import Sessions
from shop.models import ShippingRate
from shop.shipping import PROVINCES, fee_rule, fees
from tests.making import make_station


async def test_each_province_has_its_fee(sessions: Sessions) -> None:
    station = await make_station(sessions)
    async with sessions.begin() as session:
        found = await fees(session, station.id)
        assert await fees(session, station.id + 1) == dict.fromkeys(PROVINCES, 0)
    assert list(found) == list(PROVINCES)
    assert {found.pop("新疆")} == {2000}
    assert set(found.values()) == {800}


async def test_the_rule_names_what_most_pay_and_then_the_others(sessions: Sessions) -> None:
    station = await make_station(sessions)
    async with sessions.begin() as session:
        for province, fee in (("甘肃", 0), ("西藏", 2000), ("北京", 1250)):
            session.add(ShippingRate(station_id=station.id, province=province, fee_fen=fee))
        await session.flush()
        rule = fee_rule(await fees(session, station.id))
    assert rule == "每家作坊寄一个包裹，一个 ¥8；甘肃 ¥0；北京 ¥12.50；西藏、新疆 ¥20。"
    assert fee_rule(dict.fromkeys(PROVINCES, 0)) == "不收寄费。"
