"""All routes of the web application, package by package."""

from litestar.types import ControllerRouterHandler

from catalog import api as catalog_api
from catalog.pages import (
    artisan_products,
    desk_people,
    desk_product,
    desk_products,
    desk_workshops,
    storefront,
)
from live import api as live_api
from live.pages import console, desk_shows, line_up, links, shows
from shop import api as shop_api
from shop import order_api, webhook_api, work_order_api
from shop.pages import (
    artisan_earnings,
    artisan_work,
    cart,
    checkout,
    desk_accounts,
    desk_fees,
    desk_money,
    desk_orders,
    desk_payouts,
    desk_receipts,
    desk_requests,
    desk_station,
    desk_today,
    desk_troubles,
    desk_work_orders,
    front,
    health,
    holds,
    line,
    order,
    order_change,
    product,
    sign_in,
    ways,
)
from shop.web import static

ROUTES: list[ControllerRouterHandler] = [
    *static.ROUTES,
    *health.ROUTES,
    *catalog_api.ROUTES,
    *live_api.ROUTES,
    *shop_api.ROUTES,
    *work_order_api.ROUTES,
    *order_api.ROUTES,
    *webhook_api.ROUTES,
    *sign_in.ROUTES,
    *front.ROUTES,
    *product.ROUTES,
    *holds.ROUTES,
    *line.ROUTES,
    *cart.ROUTES,
    *checkout.ROUTES,
    *order.ROUTES,
    *ways.ROUTES,
    *order_change.ROUTES,
    *storefront.ROUTES,
    *shows.ROUTES,
    *artisan_work.ROUTES,
    *artisan_products.ROUTES,
    *artisan_earnings.ROUTES,
    *desk_people.ROUTES,
    *desk_product.ROUTES,
    *desk_products.ROUTES,
    *desk_workshops.ROUTES,
    *desk_orders.ROUTES,
    *desk_receipts.ROUTES,
    *desk_station.ROUTES,
    *desk_money.ROUTES,
    *desk_payouts.ROUTES,
    *desk_fees.ROUTES,
    *desk_accounts.ROUTES,
    *desk_requests.ROUTES,
    *desk_today.ROUTES,
    *desk_troubles.ROUTES,
    *desk_work_orders.ROUTES,
    *console.ROUTES,
    *desk_shows.ROUTES,
    *line_up.ROUTES,
    *links.ROUTES,
]
