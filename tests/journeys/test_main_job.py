"""The main job over HTTP: a viewer scans, buys, pays, and the right families get the work."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from catalog.checks import BEIJING
from tests.journeys.visitor import Visitor
from tests.making import BUYER
from tests.paper import codes_on

pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture
def visit(demo: dict[str, Any]) -> Iterator[Callable[[], Visitor]]:
    """Opens a browser of its own for each who takes part."""
    visitors: list[Visitor] = []

    def new() -> Visitor:
        visitors.append(Visitor(demo["base"]))
        return visitors[-1]

    yield new
    for visitor in visitors:
        visitor.client.close()


def member(demo: dict[str, Any], role: str, workshop: str | None = None) -> dict[str, str]:
    ids = {w["name"]: w["id"] for w in demo["workshops"]}
    of = ids[workshop] if workshop else None
    found: dict[str, str] = next(
        m for m in demo["members"] if m["role"] == role and m["workshop"] == of
    )
    return found


def product(demo: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(p for p in demo["products"] if p["name"] == name)
    return found


def schedule_and_line_up(host: Visitor, products: list[dict[str, Any]]) -> str:
    """A show on air with the products in its line-up, and codes for all; its address."""
    start = datetime.now(UTC).astimezone(BEIJING) + timedelta(days=3)
    host.open("/desk/shows/new").press(
        "/desk/shows/new",
        {
            "title": "木雕晚场",
            "starts_at": f"{start:%Y-%m-%dT%H:%M}",
            "ends_at": f"{start + timedelta(hours=2):%Y-%m-%dT%H:%M}",
            "place": "村口大树下",
        },
    )
    show = host.path.removesuffix("/line-up")
    for wanted in products:
        host.press(f"{show}/line-up", {"add": str(wanted["id"])})
    host.press(f"{show}/line-up", {"save": "1", "items.0.talking_points": "一整块板子刻出来的"})
    host.open(show).press(f"{show}/links")
    host.open(show).press(f"{show}/start", {"despite": "练一遍，只有一件"})
    return show


def printed_code(host: Visitor, wanted: dict[str, Any], paper: Path) -> str:
    """What the QR on the product's printed card says."""
    host.open("/desk/links")
    rows = re.findall(r"<tr.*?</tr>", host.page, re.DOTALL)
    row = next(row for row in rows if wanted["name"] in row and "木雕晚场" in row)
    address = re.search(r"/desk/links/\w+/card\.pdf", row)
    assert address is not None
    (text,) = codes_on(host.client.get(address[0]).content, paper)
    return text


def buy(buyer: Visitor, addresses: list[str]) -> str:
    """One payment for everything behind the codes; the address of the buyer's order page."""
    for address in addresses:
        buyer.open(address)
    items = ",".join(f"{address.rsplit('/', 1)[1]}*1" for address in addresses)
    buyer.open(f"/cart?i={items}")
    form = buyer.form("/holds")
    items_of_form = re.findall(r'name="item" value="([^"]+)"', buyer.page)
    assert len(items_of_form) == len(addresses)
    buyer.submit(form, {"item": items_of_form})
    buyer.press(buyer.path, BUYER)
    assert "彩排" in buyer.page
    buyer.submit(buyer.only_form(), {"method": "alipay", "behaviour": "succeed"})
    assert "已经付款" in buyer.page
    return buyer.path


def test_from_the_schedule_to_the_parcel(
    demo: dict[str, Any], tmp_path: Path, visit: Callable[[], Visitor]
) -> None:
    wanted = [product(demo, "福字圆挂"), product(demo, "莲花梅瓣盘")]
    host = visit().sign_in(member(demo, "host"))
    schedule_and_line_up(host, wanted)
    addresses = [printed_code(host, one, tmp_path / f"{one['id']}.pdf") for one in wanted]
    assert all(address.isupper() for address in addresses)
    buyer = visit()
    order = buy(buyer, addresses)
    code = re.search(r"[2-9A-Z]{8}", buyer.page)
    assert code is not None

    wang = visit().sign_in(member(demo, "artisan", "王家木作"))
    li = visit().sign_in(member(demo, "artisan", "李家木雕"))
    assert "福字圆挂" in wang.page
    assert "莲花梅瓣盘" not in wang.page
    assert "莲花梅瓣盘" in li.page
    newest = max(map(int, re.findall(r"/workshop/work-orders/(\d+)", li.page)))
    work_order = f"/workshop/work-orders/{newest}"
    assert wang.client.get(work_order).status_code == 404

    li.open(work_order).press(f"{work_order}/accept")
    li.open(work_order).press(f"{work_order}/ready")
    li.open(f"{work_order}/ship").press(
        f"{work_order}/ship", {"carrier": "中通", "tracking": "78120099887766"}
    )
    buyer.open(order)
    assert "78120099887766" in buyer.page
    assert "中通" in buyer.page
    desk = visit().sign_in(member(demo, "order_desk"))
    desk.open(f"/desk/orders?q={code[0]}")
    assert BUYER["name"] in desk.page
