"""Carriers: what numbers tell, and where a parcel is looked up."""

import pytest

from catalog.errors import Invalid
from shop.carriers import CARRIERS, carrier_named, looks_like, read_parcel, track_url


@pytest.mark.parametrize(
    ("number", "carrier"),
    [
        ("SF1234567890123", "顺丰"),
        ("SF123456789012", "顺丰"),
        ("YT1234567890123", "圆通"),
        ("JT1234567890123", "极兔"),
        ("JDVB12345678901", "京东"),
        ("DPK123456789012", "德邦"),
        ("9800123400001", "邮政快递"),
        ("EA123456789CN", "邮政快递"),
        ("75123456789012", ""),
        ("773123456789012", ""),
        ("SF12345", ""),
        ("9512345678901", ""),
        ("XSF1234567890123", ""),
    ],
)
def test_only_what_is_plainly_a_carriers_is_said_to_be(number: str, carrier: str) -> None:
    assert looks_like(number) == carrier


def test_every_carrier_has_a_page_that_is_secure_and_holds_the_number() -> None:
    for carrier in CARRIERS:
        url = track_url(carrier, "AB12/3&x=?")
        assert url.startswith("https://")
        assert "AB12%2F3%26x%3D%3F" in url
    assert track_url("顺丰", "SF1") == (
        "https://www.sf-express.com/chn/sc/waybill/waybill-detail/SF1"
    )
    assert track_url("韵达", "43") == "https://www.kuaidi100.com/chaxun?com=yunda&nu=43"
    assert track_url("某某速运", "43") == "https://www.kuaidi100.com/chaxun?com=&nu=43"


def test_people_call_carriers_by_several_names() -> None:
    named = {
        "顺丰速运": "顺丰",
        "中通快递": "中通",
        "邮政": "邮政快递",
        "ems": "邮政快递",
        "其他": "其他",
        "马帮": "",
    }
    assert {typed: carrier_named(typed) for typed in named} == named


def test_a_parcel_is_kept_in_one_form() -> None:
    assert read_parcel(" 顺丰 ", "sf 1234-567 890") == ("顺丰", "SF1234-567890")
    with pytest.raises(Invalid) as refusal:
        read_parcel("", "12 3")
    assert list(refusal.value.errors) == ["carrier", "tracking"]
