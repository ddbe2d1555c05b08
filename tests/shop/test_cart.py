"""The cart as a link carries it."""

import pytest

from shop.cart import CartItem, cart_text, read_cart, with_one_more


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ""),
        ("7K3FD*1,p12*2", "7K3FD*1,p12*2"),
        ("7K3FD.p12*2", "7K3FD.p12*2"),
        ("P2345*1,p2345*1", "P2345*1,p2345*1"),
        ("p12", "p12*1"),
        ("p12*abc", "p12*1"),
        ("p12*0,p13*-1,p14*²", "p13*1,p14*1"),
        ("p12*1000000000,p13*500", "p12*1,p13*99"),
        ("p12*1,p12*5", "p12*1"),
        ("<b>*1,.*1,p*1,7k3fd*1, p12*3 ", "p12*3"),
        ("p" + "9" * 19 + "*1", ""),
    ],
)
def test_what_can_be_read_is_kept(text: str, read: str) -> None:
    assert cart_text(read_cart(text)) == read
    assert cart_text(read_cart(read)) == read


def test_a_cart_holds_as_many_lines_as_a_hold() -> None:
    text = ",".join(f"p{n}*1" for n in range(1, 500))
    assert [item.product for item in read_cart(text)] == list(range(1, 21))


def test_one_more_of_the_same_is_counted_together() -> None:
    items = read_cart("p1*2,7K3FD*1")
    assert cart_text(with_one_more(items, CartItem("", 1))) == "p1*3,7K3FD*1"
    assert cart_text(with_one_more(items, CartItem("", 2))) == "p1*2,7K3FD*1,p2*1"
