"""What XIANGBO_NOTICE_URLS may say."""

import pytest

from shop.channels import Audience, read_channels

BUYERS_AND_FAMILIES = {Audience.BUYER, Audience.FAMILY}


def test_each_address_says_for_whom_it_is() -> None:
    typed = """jsons://sms.example.org/send?to={phone}
        staff=wecombot://KEY family=twilio://SID:TOKEN@15550001111/{phone} buyer=json://h/{phone}"""
    sms, wecom, family, buyer = read_channels(typed)
    assert [sms.audiences, wecom.audiences] == [BUYERS_AND_FAMILIES, {Audience.STAFF}]
    assert [family.audiences, buyer.audiences] == [{Audience.FAMILY}, {Audience.BUYER}]
    assert [one.name for one in (sms, wecom, family, buyer)] == [
        "jsons",
        "wecombot",
        "twilio",
        "json",
    ]
    assert sms.url_for("13800138000") == "jsons://sms.example.org/send?to=13800138000"
    assert wecom.url_for("") == "wecombot://KEY"
    assert read_channels("  ") == ()


def test_a_secret_is_not_shown() -> None:
    (one,) = read_channels("staff=wecombot://SECRET")
    assert "SECRET" not in repr(one)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("sms.example.org", "address 1 is none like service://…"),
        ("staff=", "address 1 is none like service://…"),
        ("all=json://h/{phone}", "address 1 is none like service://…"),
        ("staff=json://", "address 1 is none like service://…"),
        ("staff=json://SECRET wecombot", "address 2 is none like service://…"),
        ("json://SECRET/", "address 1 has no {phone}"),
        ("buyer=json://SECRET/", "address 1 has no {phone}"),
    ],
)
def test_what_can_be_no_address_is_told_without_it(typed: str, said: str) -> None:
    with pytest.raises(ValueError, match="address") as refused:
        read_channels(typed)
    assert str(refused.value).startswith(said)
    assert "SECRET" not in str(refused.value)
