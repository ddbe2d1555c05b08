"""Lists to keep, as files of the desk."""

import csv
import io
import re
from pathlib import Path
from urllib.parse import quote

from openpyxl import load_workbook
from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import AuditEntry, Role
from tests.desk import only, open_desk
from tests.making import make_station, make_workshop
from tests.shop.parcel_desk import finished, sold

VIEWERS = only(Role.MANAGER, Role.HOST, Role.ORDER_DESK, Role.FINANCE)
EDITORS = only(Role.MANAGER, Role.HOST, Role.ASSISTANT, Role.ORDER_DESK)
STAFF = only(Role.MANAGER, Role.HOST, Role.ASSISTANT, Role.ORDER_DESK, Role.FINANCE)
INBOX = only(Role.MANAGER, Role.ORDER_DESK, Role.FINANCE)


async def test_every_list_is_a_file_for_who_sees_its_page(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await finished(sessions, await make_workshop(sessions, desk.station))
        for page, roles in (
            ("orders", VIEWERS), ("work-orders", VIEWERS), ("products", EDITORS),
            ("workshops", STAFF), ("inbox", INBOX),
        ):  # fmt: skip
            assert await desk.statuses(f"/desk/{page}.csv") == roles
            await desk.enter(Role.MANAGER)
            answer = await desk.web.get(f"/desk/{page}.xlsx")
            assert f'filename="{page}.xlsx"' in answer.headers["content-disposition"]
            assert load_workbook(io.BytesIO(answer.content)).active is not None


async def test_a_list_leads_to_its_files(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await finished(sessions, await make_workshop(sessions, desk.station), name="荷塘月色")
        await desk.enter(Role.MANAGER)
        for page in ("orders", "work-orders", "products", "workshops"):
            listed = (await desk.web.get(f"/desk/{page}")).text
            for file in (f"/desk/{page}.csv", f"/desk/{page}.xlsx"):
                assert re.search(rf'href="{file}["?]', listed), file
        narrowed = (await desk.web.get("/desk/products?q=荷塘&state=on_sale")).text
        assert f'href="/desk/products.csv?q={quote("荷塘")}&amp;state=on_sale"' in narrowed


async def test_a_file_is_narrowed_as_its_page_and_masked(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        made = await finished(sessions, workshop, name="荷塘月色")
        await sold(sessions, workshop)
        other = await make_station(sessions, "other")
        await sold(sessions, await make_workshop(sessions, other))
        await desk.enter(Role.ORDER_DESK)
        for page, query, count in (
            ("orders", "", 2), ("orders", "?q=荷塘", 1), ("orders", "?state=expired", 0),
            ("work-orders", "", 2), ("work-orders", "?state=ready", 1),
            ("work-orders", f"?workshop={workshop.id + 9}", 0), ("products", "?q=荷塘", 1),
        ):  # fmt: skip
            answer = await desk.web.get(f"/desk/{page}.csv{query}")
            text = answer.content.decode("utf-8-sig")
            assert len(list(csv.reader(io.StringIO(text)))) == count + 1
            assert "13800138000" not in text
        assert "电话不遮盖" in (await desk.web.get("/desk/orders?q=荷塘")).text
        answer = await desk.web.submit("/desk/orders.csv", {"q": "荷塘"})
        rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert [(row["订单"], row["电话"]) for row in rows] == [(made.order.code, "13800138000")]
        async with sessions() as session:
            query_ = select(AuditEntry).where(AuditEntry.action == "export.phones")
            [entry] = await session.scalars(query_)
        assert entry.after == {"what": "orders", "rows": 1, "filters": "q=%E8%8D%B7%E5%A1%98"}
