"""Which ways to pay can succeed in the browser at hand. Knows browsers and gateways by name only.

What each wallet's own browser does to the others' pages was found on phones, not in a standard:
WeChat opens no Alipay, Alipay no WeChat Pay, Douyin neither. Through Stripe, WeChat Pay shows a
code; WeChat does not take it from the screen of the same phone.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from shop.payments.gateway import METHODS
from shop.payments.offline_gateway import OFFLINE


class Family(StrEnum):
    """Whose browser it is, as far as it matters for paying."""

    WECHAT = "wechat"
    ALIPAY = "alipay"
    DOUYIN = "douyin"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Browser:
    """`phone` says that a code shown on the screen has no other screen beside it to scan it."""

    family: Family
    phone: bool


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay, in the buyer's words. `key` is its name in forms.

    With `other_screen` the buyer needs a second screen, or somebody else's phone.
    """

    key: str
    gateway: str
    methods: tuple[str, ...]
    label: str
    sentence: str
    other_screen: bool = False


_FAMILIES = (
    (Family.WECHAT, re.compile(r"MicroMessenger", re.IGNORECASE)),
    (Family.ALIPAY, re.compile(r"AlipayClient|AliApp\(AP", re.IGNORECASE)),
    (Family.DOUYIN, re.compile(r"aweme|BytedanceWebview", re.IGNORECASE)),
)
# A tablet lies beside a phone that can scan it; Android's leave "Mobile" out, an iPad does not.
_PHONE = re.compile(r"Mobile|\(Phone;", re.IGNORECASE)
_TABLET = re.compile(r"iPad|\(Tablet;", re.IGNORECASE)

# The likeliest first. In Douyin neither wallet opens.
_ORDER = {
    Family.WECHAT: (OFFLINE, "wechat_pay", "card"),
    Family.ALIPAY: ("alipay", "card", OFFLINE),
    Family.DOUYIN: (OFFLINE, "card"),
    Family.OTHER: ("alipay", "wechat_pay", "card", OFFLINE),
}
_LABELS = {
    "alipay": "支付宝",
    "wechat_pay": "微信支付",
    "card": "银行卡",
    OFFLINE: "扫社工站的收款码",
}


def browser_of(user_agent: str) -> Browser:
    """The browser that calls itself so; anything unknown is some other browser at a desk."""
    family = next((f for f, mark in _FAMILIES if mark.search(user_agent)), Family.OTHER)
    phone = bool(_PHONE.search(user_agent)) and not _TABLET.search(user_agent)
    return Browser(family, phone)


def ways(browser: Browser, gateways: Collection[str]) -> list[Way]:
    """The ways that can succeed, the likeliest first. `gateways` are those the station offers."""
    usable = {OFFLINE: OFFLINE} if OFFLINE in gateways else {}
    online = next((name for name in gateways if name != OFFLINE), None)
    if online is not None:
        usable |= dict.fromkeys(METHODS, online)
    keys = [key for key in _ORDER[browser.family] if key in usable]
    return [_way(key, usable[key], browser) for key in keys]


def _way(key: str, gateway: str, browser: Browser) -> Way:
    methods = () if key == OFFLINE else (key,)
    other_screen = key == "wechat_pay" and browser.phone
    return Way(key, gateway, methods, _LABELS[key], _sentence(key, browser), other_screen)


def _sentence(key: str, browser: Browser) -> str:
    if key == "wechat_pay":
        if browser.phone:
            return "会出一个微信码，这台手机扫不了自己：换一台屏幕打开，或者发给家人扫。"
        return "屏幕上出一个码，拿手机微信扫。"
    if key == "alipay":
        if browser.family == Family.ALIPAY:
            return "就在支付宝里付。"
        return "跳到支付宝里付。" if browser.phone else "屏幕上出一个码，拿手机支付宝扫。"
    if key == OFFLINE:
        return "照金额转账，备注写订单号，社工站核对到账就发货。"
    return "填卡号付。"


def elsewhere(browser: Browser, gateways: Collection[str]) -> str:
    """What to do for a wallet that this browser does not open; "" when it opens all there are."""
    if not any(name != OFFLINE for name in gateways) or browser.family == Family.OTHER:
        return ""
    how = "点右上角的“···”，选“在浏览器打开”。"
    return {
        Family.WECHAT: f"想用支付宝？微信里打不开。{how}",
        Family.ALIPAY: f"想用微信支付？支付宝里打不开。{how}",
        Family.DOUYIN: f"想用支付宝或微信？抖音里打不开。{how}",
    }[browser.family]


def wanted(offered: list[Way], key: str) -> Way | None:
    """The way that a form named; None when it is not among those offered."""
    return next((way for way in offered if way.key == key), None)
