"""The buyer's number on a family's phone: covered until it is copied onto the parcel."""

from pathlib import Path

from catalog.db import Sessions
from shop import work_steps
from tests.making import BUYER, NOON, act, make_product
from tests.shop.pages.family import make_family, order_paid
from tests.shop.test_phones import seen
from tests.web import browser, settings_for


async def test_a_press_shows_the_number_to_the_family_that_sends(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    family = await make_family(sessions)
    neighbours = await make_family(sessions, family.station, "李家木雕")
    part = await order_paid(sessions, (await make_product(sessions, family.workshop), 1))
    async with sessions.begin() as session:
        await work_steps.accept(session, act(family.artisan), part.id, NOON)
        await work_steps.ready(session, act(family.artisan), part.id, NOON)
    path = f"/workshop/work-orders/{part.id}"
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(neighbours.artisan.login)
        await web.get("/workshop/earnings")
        assert (await web.submit(f"{path}/phone")).status_code == 404
        assert await seen(sessions) == []
        web.client.cookies.clear()
        await web.sign_in(family.artisan.login)
        page = (await web.get(path)).text
        assert ("138****8000" in page, BUYER["phone"] in page) == (True, False)
        answer = await web.submit(f"{path}/phone")
        assert answer.status_code == 200
        for text in ("王芳", BUYER["phone"], "东岗西路 1 号"):
            assert text in answer.text
    (entry,) = await seen(sessions)
    assert entry == ("order.phone_seen", "orders", family.artisan.id, {"work_order": part.id})
