"""Who sells here, as the law wants it on every page, and whether strangers may buy.

A station is open only while all of it stands there: who it is, its credit code or by what right it
has none, and where to complain. Rules need not be given: without an address of its own a station
has those at `/rules/{station}`. `docs/opening.md` has the rules.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import MANAGERS, Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.models import Station

EXEMPT = "依法不需要办理市场主体登记"
"""What stands in place of a credit code: the self-declaration of the E-Commerce Law, article 10."""

FIELDS = ("business_name", "credit_code", "icp", "complaints_phone", "rules_url")

_ICP = re.compile(r"\w{1,3}ICP(备|证)\d{4,12}号(-\d{1,3})?")
_URL = re.compile(r"https?://[\w.-]+(:\d{1,5})?(/[!-~]*)?", re.ASCII)
# GB 32100-2015: no I O S V Z; the weights are the powers of 3 modulo 31.
_CODE = "0123456789ABCDEFGHJKLMNPQRTUWXY"


async def change_business(
    session: AsyncSession, actor: Actor, typed: Mapping[str, str], now: datetime
) -> Station:
    """Set what all pages say of the station, and open or close it.

    The station's row is locked. Raises Invalid, also for what is missing to be open; nothing is
    changed then.
    """
    actor.must_be(MANAGERS)
    facts = _read(typed)
    station = await session.get_one(Station, actor.station_id, with_for_update=True)
    before = {name: getattr(station, name) for name in (*FIELDS, "is_open")}
    if facts != before:
        for name, value in facts.items():
            setattr(station, name, value)
        record(session, actor, "station.business", station, now, before=before, after=facts)
        await session.flush()
    return station


def _read(typed: Mapping[str, str]) -> dict[str, str | bool]:
    check = Check()
    least = 1 if typed.get("is_open") == "1" else 0
    phone = typed.get("complaints_phone", "")
    code = EXEMPT
    if typed.get("exempt") != "1":
        code = check.text(
            "credit_code", typed.get("credit_code"), "统一社会信用代码", most=30, least=least
        ).upper()
        if code and not right_code(code):
            check.fault("credit_code", "代码不对：18 位，最后一位是校验。请对着证书再看一遍。")
    facts: dict[str, str | bool] = {
        "business_name": check.text(
            "business_name", typed.get("business_name"), "主体名称", most=80, least=least
        ),
        "credit_code": code,
        "icp": check.text("icp", typed.get("icp"), "备案号", most=40, least=0),
        "complaints_phone": check.phone("complaints_phone", phone, "投诉电话", landline=True)
        if least or phone.strip()
        else "",
        "rules_url": check.text("rules_url", typed.get("rules_url"), "规则网址", most=200, least=0),
        "is_open": least == 1,
    }
    if facts["icp"] and not _ICP.fullmatch(str(facts["icp"])):
        check.fault("icp", "备案号的样子是“陇ICP备12345678号-1”。")
    if facts["rules_url"] and not _URL.fullmatch(str(facts["rules_url"])):
        check.fault("rules_url", "网址要从 https:// 写起。")
    check.done()
    return facts


def right_code(code: str) -> bool:
    """Whether a unified social credit code has its form and its check character."""
    if len(code) != 18 or not set(code) <= set(_CODE):
        return False
    total = sum(_CODE.index(letter) * pow(3, place, 31) for place, letter in enumerate(code[:17]))
    return _CODE[-total % 31] == code[17]
