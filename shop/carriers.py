"""Carriers: what their numbers look like, and where a parcel can be looked up."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from catalog.checks import Check

OTHER = "其他"

_FINDS_ALL = "https://www.kuaidi100.com/chaxun?com={code}&nu={number}"
"""Finds parcels of every carrier: for those with no lasting address for a single one."""


@dataclass(frozen=True, slots=True)
class _Carrier:
    """`plain` matches numbers that are this carrier's and no other's; None where none are plain."""

    plain: re.Pattern[str] | None
    page: str


def _own(plain: str, page: str) -> _Carrier:
    return _Carrier(re.compile(plain, re.ASCII) if plain else None, page)


def _elsewhere(plain: str, code: str) -> _Carrier:
    return _own(plain, _FINDS_ALL.replace("{code}", code))


_CARRIERS = {
    "邮政快递": _own(
        r"9[6-9]\d{11}|[A-Z]{2}\d{9}CN", "https://www.ems.com.cn/queryList?mailNum={number}"
    ),
    "顺丰": _own(
        r"SF\d{12,13}", "https://www.sf-express.com/chn/sc/waybill/waybill-detail/{number}"
    ),
    "中通": _own("", "https://www.zto.com/express/expressCheck.html?txtBill={number}"),
    "圆通": _elsewhere(r"YT\d{13}", "yuantong"),
    "韵达": _elsewhere("", "yunda"),
    "申通": _elsewhere("", "shentong"),
    "极兔": _elsewhere(r"JT\d{13}", "jtexpress"),
    "京东": _own(r"JD[A-Z0-9]{9,18}", "https://www.jdl.com/orderSearch/?waybillCodes={number}"),
    "德邦": _elsewhere(r"DPK\d{12}", "debangkuaidi"),
    OTHER: _elsewhere("", ""),
}
CARRIERS = tuple(_CARRIERS)


def read_parcel(carrier: object, tracking: object) -> tuple[str, str]:
    """A carrier and a number as they are kept: no blanks, capitals. Raises Invalid."""
    check = Check()
    by = check.text("carrier", carrier, "快递公司", most=30)
    number = check.text("tracking", tracking, "快递单号", most=40, least=5).replace(" ", "").upper()
    if not (number.isascii() and number.replace("-", "").isalnum()):
        check.fault("tracking", "快递单号只有数字和字母，请对着单子再看一遍。")
    check.done()
    return by, number


def carrier_named(typed: str) -> str:
    """The carrier that people mean by "顺丰速运", "中通快递", "EMS"; "" for none that we know."""
    if typed.upper().startswith("EMS"):
        return "邮政快递"
    return next((name for name in CARRIERS if typed.startswith(name[:2])), "")


def looks_like(number: str) -> str:
    """The carrier whose number this plainly is, or "" where several may have such numbers."""
    for name, carrier in _CARRIERS.items():
        if carrier.plain is not None and carrier.plain.fullmatch(number):
            return name
    return ""


def track_url(carrier: str, number: str) -> str:
    """Where a parcel can be looked up; a carrier that nobody knows is looked for among all."""
    known = _CARRIERS.get(carrier, _CARRIERS[OTHER])
    return known.page.replace("{number}", quote(number, safe=""))
