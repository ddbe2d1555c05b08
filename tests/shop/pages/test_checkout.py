"""From held pieces to the gateway."""

from pathlib import Path
from typing import Any

from sqlalchemy import select

from catalog.db import Sessions
from shop.models import HoldState, Order
from tests.making import BUYER, make_live_show, make_product
from tests.shop.pages.buyer import NASTY, change, holds, minutes_ago, phone, value_of, words
from tests.shop.sales import figures, hold, link_to, staff, two_workshops, want


async def orders(sessions: Sessions) -> list[Order]:
    async with sessions() as session:
        return list(await session.scalars(select(Order).order_by(Order.id)))


async def test_the_page_says_what_is_held_what_sending_costs_and_until_when(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    one, two = await two_workshops(sessions)
    held = await hold(sessions, want(one, 2), want(two), now=minutes_ago(1))
    async with phone(database_url, tmp_path) as web:
        page = (await web.get(f"/checkout/{held.token}")).text
    said = words(page)
    assert "王家木作 福字圆挂 ¥268 × 1 ¥268" in said
    assert "李家木雕 福字圆挂 ¥268 × 2 ¥536" in said
    assert "每家作坊寄一个包裹，一个 ¥8；新疆 ¥20。" in said
    assert "甘肃（寄费 ¥16）" in said
    assert "新疆（寄费 ¥40）" in said
    assert "¥804 加寄费" in said
    assert f'data-countdown="{held.shown_until.isoformat()}"' in page
    wanted = {
        "name": "name",
        "phone": "tel",
        "province": "address-level1",
        "city": "address-level2",
        "district": "address-level3",
        "detail": "street-address",
    }
    for field, autocomplete in wanted.items():
        assert f'name="{field}"' in page
        assert f'autocomplete="{autocomplete}"' in page


async def test_each_field_is_answered_in_place_and_what_was_typed_is_kept(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    held = await hold(sessions, want(product), now=minutes_ago(1))
    wrong = [
        ({"name": ""}, "请填写收件人。"),
        ({"name": "长" * 41}, "收件人最多 40 个字，现在有 41 个。"),
        ({"phone": ""}, "请填写手机号。"),
        ({"phone": "12345"}, "手机号不对，要 11 位数字。"),
        ({"phone": NASTY}, "手机号不对，要 11 位数字。"),
        ({"province": ""}, "请填写省份。"),
        ({"province": "火星"}, "请从列表里选省份。"),
        ({"city": ""}, "请填写城市。"),
        ({"city": NASTY}, "城市最多 30 个字"),
        ({"district": "长" * 31}, "区县最多 30 个字，现在有 31 个。"),
        ({"detail": "1"}, "详细地址至少要 2 个字。"),
        ({"detail": "<b>" * 3000}, "详细地址最多 200 个字，现在有 9000 个。"),
    ]
    async with phone(database_url, tmp_path) as web:
        await web.get(f"/checkout/{held.token}")
        for values, sentence in wrong:
            answer = await web.submit(f"/checkout/{held.token}", {**BUYER, **values})
            assert answer.status_code == 422, values
            assert sentence in words(answer.text)
            assert "<script>alert" not in answer.text
            assert "<b>" not in answer.text
            for field in ("name", "phone", "city", "district", "detail"):
                assert value_of(answer.text, field) == {**BUYER, **values}[field]
        assert '<option value="甘肃" selected>' in answer.text
        assert "去付款 ¥276" in words(answer.text)
        everything = await web.submit(f"/checkout/{held.token}", {})
    assert "还有 5 处要改" in words(everything.text)
    assert await orders(sessions) == []
    assert (await holds(sessions))[0].state == HoldState.ACTIVE


async def test_an_order_is_placed_and_when_the_gateway_is_away_its_page_says_so(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    held = await hold(sessions, want(product, 2), now=minutes_ago(1))
    typed: dict[str, Any] = {**BUYER, "name": NASTY[:35], "province": "甘肃省", "detail": NASTY}
    async with phone(database_url, tmp_path) as web:
        await web.get(f"/checkout/{held.token}")
        web.client.headers["Accept-Language"] = "en,zh;q=0.5"
        answer = await web.submit(f"/checkout/{held.token}", typed)
        twice = await web.submit(f"/checkout/{held.token}", {**typed, "name": "别人"})
        (placed,) = await orders(sessions)
        page = await web.get(answer.headers["location"])
        again = await web.client.get(f"/checkout/{held.token}", follow_redirects=False)
    assert answer.status_code == 303
    assert {a.headers["location"] for a in (answer, twice, again)} == {f"/o/{placed.token}"}
    assert "付款服务暂时没有应答" in words(page.text)
    assert "还没付款" in words(page.text)
    assert (placed.buyer_name, placed.province) == (NASTY[:35], "甘肃")
    assert placed.language == "en"
    assert (placed.detail, placed.total_fen) == (NASTY, 54400)
    assert await figures(sessions, product) == [(3, 2)]


async def test_the_three_minutes_that_nobody_sees_still_count(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    held = await hold(sessions, want(product), now=minutes_ago(13))
    async with phone(database_url, tmp_path) as web:
        page = await web.get(f"/checkout/{held.token}")
        answer = await web.submit(f"/checkout/{held.token}", BUYER)
    assert "12 分钟到了。这会儿还留着" in words(page.text)
    assert "data-countdown" not in page.text
    assert answer.status_code == 303
    assert len(await orders(sessions)) == 1


async def test_a_hold_that_ran_out_leads_back(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    link = await link_to(sessions, product, show, by=await staff(sessions, product))
    held = await hold(sessions, want(product, link=link.code), now=minutes_ago(14))
    async with phone(database_url, tmp_path) as web:
        await web.get(f"/checkout/{held.token}")
        form = web.page
        (row,) = await holds(sessions)
        await change(sessions, row, expires_at=minutes_ago(0))
        answers = [await web.get(f"/checkout/{held.token}")]
        for values in (BUYER, {}):
            web.page = form
            answers.append(await web.submit(f"/checkout/{held.token}", values))
    for answer in answers:
        assert answer.status_code == 409
        assert "留的时间过了" in words(answer.text)
        assert f'href="/products/{product.slug}?link={link.code}"' in answer.text
    assert await orders(sessions) == []


async def test_giving_the_pieces_back_frees_them_once(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    one, two = await two_workshops(sessions)
    held = await hold(sessions, want(one, 2), want(two), now=minutes_ago(1))
    cart = f"p{one.id}*2,p{two.id}*1"
    async with phone(database_url, tmp_path) as web:
        await web.get(f"/checkout/{held.token}")
        answers = [await web.submit(f"/checkout/{held.token}/release") for _ in range(2)]
        assert await figures(sessions, one, two) == [(3, 0), (3, 0)]
        page = await web.get(answers[0].headers["location"])
        over = await web.get(f"/checkout/{held.token}")
    assert [a.headers["location"] for a in answers] == [f"/cart?i={cart}"] * 2
    assert "已经放回去了" in words(page.text)
    assert over.status_code == 409
    assert f'href="/cart?i={cart}"' in over.text


async def test_an_order_is_not_given_back_by_the_hold_s_button(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    held = await hold(sessions, want(product), now=minutes_ago(1))
    async with phone(database_url, tmp_path) as web:
        await web.get(f"/checkout/{held.token}")
        placed = await web.submit(f"/checkout/{held.token}", BUYER)
        answer = await web.submit(f"/checkout/{held.token}/release")
    assert answer.headers["location"] == placed.headers["location"]
    assert await figures(sessions, product) == [(3, 1)]


async def test_a_token_one_letter_off_is_not_found(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    held = await hold(sessions, want(product), now=minutes_ago(1))
    off = held.token[:-1] + ("A" if held.token[-1] != "A" else "B")
    async with phone(database_url, tmp_path) as web:
        await web.get(f"/checkout/{held.token}")
        form = web.page
        answers = [await web.get(f"/checkout/{off}")]
        for path, values in ((f"/checkout/{off}", BUYER), (f"/checkout/{off}/release", {})):
            web.page = form
            answers.append(await web.submit(path, values))
    assert [answer.status_code for answer in answers] == [404] * 3
    assert all("福字圆挂" not in answer.text for answer in answers)
    assert await figures(sessions, product) == [(3, 1)]
