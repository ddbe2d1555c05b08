"""The desk's navigation: where a member may go, told by the routes themselves."""

from typing import Any

from litestar import Litestar
from litestar.routes import HTTPRoute

from catalog.access import ALLOW_KEY, Actor

# Address, words, and the key that goes there after G.
PLACES = (
    ("/desk", "今天", "t"),
    ("/desk/inbox", "要处理的", "x"),
    ("/desk/shows", "场次", "s"),
    ("/desk/calendar", "日历", "c"),
    ("/desk/volunteers", "志愿者", "v"),
    ("/desk/orders", "订单", "o"),
    ("/desk/work-orders", "工单", "w"),
    ("/desk/packing", "打包", "d"),
    ("/desk/calls", "电话", "h"),
    ("/desk/requests", "申请", "r"),
    ("/desk/money", "账", "y"),
    ("/desk/receipts", "收款", "k"),
    ("/desk/reports", "报告", "b"),
    ("/desk/products", "作品", "p"),
    ("/desk/workshops", "作坊", "f"),
    ("/desk/links", "商品码", "l"),
    ("/desk/people", "成员", "m"),
    ("/desk/station", "本站", "z"),
)


def places_for(app: Litestar, actor: Actor | None) -> list[tuple[str, str, str]]:
    """The places whose page the actor may open, so that no link leads to a refusal."""
    if actor is None:
        return []
    allowed = _allowed(app)
    return [place for place in PLACES if actor.role in allowed.get(place[0], ())]


def _allowed(app: Litestar) -> dict[str, Any]:
    return {
        route.path: route.route_handler_map["GET"][0].opt.get(ALLOW_KEY, ())
        for route in app.routes
        if isinstance(route, HTTPRoute) and any(route.path == place[0] for place in PLACES)
    }
