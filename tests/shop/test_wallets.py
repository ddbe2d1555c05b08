"""Which ways to pay are offered to which browser."""

import pytest

from shop.payments.gateway import METHODS
from shop.wallets import Browser, Family, browser_of, elsewhere, wanted, ways

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 14; V2304A Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPAD = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
HARMONY = "Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1"

W, A, D, O = Family.WECHAT, Family.ALIPAY, Family.DOUYIN, Family.OTHER  # noqa: E741

BROWSERS = [
    (f"{IPHONE} Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/zh_CN", W, True),
    (f"{ANDROID} Chrome/116.0.0.0 Mobile Safari/537.36 XWEB/1160117 MMWEBSDK/20240404 MMWEBID/2305 MicroMessenger/8.0.49.2600(0x28003136) WeChat/arm64 Weixin NetType/5G Language/zh_CN ABI/arm64", W, True),
    (f"{IPHONE} Mobile/15E148 wxwork/4.1.22 MicroMessenger/7.0.1 Language/zh ColorScheme/Light", W, True),
    (f"{HARMONY} Mobile MicroMessenger/8.0.5(0xf3800517) Weixin NetType/WIFI", W, True),
    (f"{WINDOWS} Chrome/107.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090a13) XWEB/8555 Flue", W, False),
    (f"{MAC} Chrome/107.0.0.0 Safari/537.36 MicroMessenger/6.8.0(0x16080000) NetType/WIFI MiniProgramEnv/Mac MacWechat/WMPF XWEB/30817", W, False),
    (f"{IPAD} Mobile/15E148 MicroMessenger/8.0.49(0x1800312b) NetType/WIFI Language/zh_CN", W, False),
    (f"{IPHONE} Mobile/21F90 Ariver/1.1.0 AliApp(AP/10.5.96.6000) Nebula WK RVKType(0) AlipayDefined(nt:WIFI) AlipayClient/10.5.96.6000 Language/zh-Hans", A, True),
    (f"{ANDROID} Chrome/105.0.5195.148 MYWeb/0.11.0 UWS/3.22.2.9999 UCBS/3.22.2.9999_220000000000 Mobile Safari/537.36 NebulaSDK/1.8.100112 Nebula AlipayDefined(nt:WIFI,ws:360|0|3.0) AliApp(AP/10.5.88.8000) AlipayClient/10.5.88.8000 Language/zh-Hans", A, True),
    (f"{IPHONE} Mobile/15E148 AliApp(DingTalk/7.5.20) com.laiwang.DingTalk/34567 Channel/201200 language/zh-Hans-CN", O, True),
    (f"{IPHONE} Mobile/15E148 aweme_30.6.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/zh Region/CN BytedanceWebview/d8a21c6", D, True),
    (f"{ANDROID} Chrome/110.0.5481.154 Mobile Safari/537.36 com.ss.android.ugc.aweme/300601 (Linux; U; Android 14; zh_CN; V2304A)", D, True),
    (f"{ANDROID} Chrome/110.0.5481.154 Mobile Safari/537.36 aweme_lite_290400 JsSdk/1.0 BytedanceWebview/d8a21c6", D, True),
    (f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1", O, True),
    (f"{ANDROID.replace('; wv', '')} Chrome/124.0.0.0 Mobile Safari/537.36", O, True),
    (f"{HARMONY} Mobile HuaweiBrowser/5.0.4.300", O, True),
    (HARMONY.replace("Phone;", "Tablet;"), O, False),
    ("Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36", O, False),
    (f"{MAC} Version/17.5 Safari/605.1.15", O, False),
    (f"{WINDOWS} Chrome/125.0.0.0 Safari/537.36 Edg/125.0.0.0", O, False),
    ("curl/8.5.0", O, False),
    ("", O, False),
    ("micromessenger" * 9_999, W, False),
]  # fmt: skip


@pytest.mark.parametrize(("user_agent", "family", "phone"), BROWSERS)
def test_browsers_are_told_apart(user_agent: str, family: Family, phone: bool) -> None:
    assert browser_of(user_agent) == Browser(family, phone)


BOTH, ONLINE, BY_HAND = ("stripe", "offline"), ("stripe",), ("offline",)

OFFERED = [
    (Browser(W, True), BOTH, ["offline", "wechat_pay", "card"]),
    (Browser(W, True), ONLINE, ["wechat_pay", "card"]),
    (Browser(W, False), ONLINE, ["wechat_pay", "card"]),
    (Browser(A, True), BOTH, ["alipay", "card", "offline"]),
    (Browser(D, True), BOTH, ["offline", "card"]),
    (Browser(D, True), ONLINE, ["card"]),
    (Browser(O, True), BOTH, ["alipay", "wechat_pay", "card", "offline"]),
    (Browser(O, False), ONLINE, ["alipay", "wechat_pay", "card"]),
    (Browser(O, False), BY_HAND, ["offline"]),
]


@pytest.mark.parametrize(("browser", "gateways", "keys"), OFFERED)
def test_only_what_can_succeed_is_offered_the_likeliest_first(
    browser: Browser, gateways: tuple[str, ...], keys: list[str]
) -> None:
    found = ways(browser, gateways)
    assert [way.key for way in found] == keys
    for way in found:
        assert way.gateway == ("offline" if way.key == "offline" else "stripe")
        assert way.methods == (() if way.key == "offline" else (way.key,))
        assert set(way.methods) <= set(METHODS)
        assert way.sentence.endswith("。")


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("phone", [True, False])
@pytest.mark.parametrize("gateways", [BOTH, ONLINE, BY_HAND])
def test_no_browser_is_left_without_a_way(
    family: Family, phone: bool, gateways: tuple[str, ...]
) -> None:
    assert ways(Browser(family, phone), gateways)


def test_a_code_on_a_phone_needs_a_second_screen() -> None:
    for family in (W, O):
        for phone in (True, False):
            way = wanted(ways(Browser(family, phone), ONLINE), "wechat_pay")
            assert way is not None
            assert way.other_screen == phone


def test_a_wallet_that_does_not_open_is_to_be_had_in_another_browser() -> None:
    assert "支付宝" in elsewhere(Browser(W, True), ONLINE)
    assert "微信支付" in elsewhere(Browser(A, True), ONLINE)
    assert "支付宝或微信" in elsewhere(Browser(D, True), BOTH)
    assert elsewhere(Browser(O, True), BOTH) == ""
    assert elsewhere(Browser(W, True), BY_HAND) == ""


def test_a_form_names_one_of_the_ways_or_none() -> None:
    offered = ways(Browser(W, True), BOTH)
    assert wanted(offered, "card") == offered[2]
    assert wanted(offered, "alipay") is None
    assert wanted(offered, "") is None
