"""What sending costs the buyer: a fee a work order, by province, from the station's table."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.one_of import one_of
from catalog.words import yuan
from shop.models import ShippingRate

# The names of the 34 province-level divisions as buyers pick them (GB/T 2260, short forms).
PROVINCES = (
    "北京", "天津", "河北", "山西", "内蒙古", "辽宁", "吉林", "黑龙江", "上海", "江苏", "浙江", "安徽",
    "福建", "江西", "山东", "河南", "湖北", "湖南", "广东", "广西", "海南", "重庆", "四川", "贵州", "云南",
    "西藏", "陕西", "甘肃", "青海", "宁夏", "新疆", "香港", "澳门", "台湾",
)  # fmt: skip

_ENDINGS = ("壮族自治区", "回族自治区", "维吾尔自治区", "特别行政区", "自治区", "省", "市")


def short_province(name: str) -> str:
    """A province as the table names it: 甘肃省 -> 甘肃, 新疆维吾尔自治区 -> 新疆; else as given."""
    for ending in _ENDINGS:
        if name.endswith(ending) and name.removesuffix(ending) in PROVINCES:
            return name.removesuffix(ending)
    return name


_RATES = select(ShippingRate.station_id, ShippingRate.province, ShippingRate.fee_fen).where(
    one_of(ShippingRate.station_id, "stations")
)


async def rates(session: AsyncSession, station_ids: Collection[int]) -> dict[tuple[int, str], int]:
    """The fee of one parcel by station and province (short form; "" for everywhere else)."""
    rows = await session.execute(_RATES, {"stations": [*station_ids]})
    return {(station_id, province): fee for station_id, province, fee in rows}


async def fees(session: AsyncSession, station_id: int) -> dict[str, int]:
    """The fee of one parcel to each province, in the order in which buyers pick them."""
    known = await rates(session, [station_id])
    elsewhere = known.get((station_id, ""), 0)
    return {province: known.get((station_id, province), elsewhere) for province in PROVINCES}


def fee_rule(fees: dict[str, int]) -> str:
    """The fees of `fees` in a sentence: what most provinces cost, then the others."""
    by_fee: defaultdict[int, list[str]] = defaultdict(list)
    for province, fee in fees.items():
        by_fee[fee].append(province)
    usual = max(by_fee, key=lambda fee: len(by_fee[fee]))
    others = [f"{'、'.join(by_fee[fee])} ¥{yuan(fee)}" for fee in sorted(by_fee) if fee != usual]
    if not others and not usual:
        return "不收寄费。"
    return f"每家作坊寄一个包裹，一个 ¥{yuan(usual)}" + "".join(f"；{one}" for one in others) + "。"
