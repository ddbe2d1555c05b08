"""The station's payment code."""

from io import BytesIO
from pathlib import Path

from PIL import ExifTags, Image
from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import AuditEntry, Role, Station
from tests.desk import only, open_desk
from tests.pictures import HUGE_PNG, truncated
from tests.shop.cashing import picture
from tests.shop.pages.buyer import NASTY, words

PATH = "/desk/station"


def with_camera() -> bytes:
    """A photo that says which camera took it."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Secret Camera"
    buffer = BytesIO()
    Image.new("RGB", (900, 1200), "#a8321f").save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


async def station(sessions: Sessions) -> Station:
    async with sessions() as session:
        return (await session.scalars(select(Station))).one()


async def test_the_manager_puts_up_the_code_and_takes_it_down(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        assert await desk.statuses(PATH) == only(Role.MANAGER)
        await desk.enter(Role.MANAGER)
        await desk.web.get(PATH)
        files = {"photo": ("code.jpg", with_camera(), "image/jpeg")}
        answer = await desk.web.submit(f"{PATH}/pay-code", {"note": NASTY}, files=files)
        assert answer.status_code == 303
        page = (await desk.web.get(PATH)).text
        assert "买家可以扫码付给社工站了。" in page
        assert "<script>alert" not in page
        set_up = await station(sessions)
        assert set_up.pay_note == NASTY
        assert f'src="/{set_up.pay_code_key}"' in page
        desk.web.client.cookies.clear()
        shown = await desk.web.get(f"/{set_up.pay_code_key}")
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
        assert Image.open(BytesIO(shown.content)).size == (640, 853)
        assert b"Secret Camera" not in shown.content

        await desk.enter(Role.MANAGER)
        await desk.web.get(PATH)
        await desk.web.submit(f"{PATH}/pay-code", {"note": "新的话"})
        kept = await station(sessions)
        assert (kept.pay_code_key, kept.pay_note) == (set_up.pay_code_key, "新的话")
        await desk.web.submit(f"{PATH}/pay-code", {"note": "新的话", "remove": "1"})
        assert (await station(sessions)).pay_code_key == ""
        assert "买家看不到收款码。" in (await desk.web.get(PATH)).text
        await desk.web.submit(f"{PATH}/pay-code", {"note": "新的话"})
    async with sessions() as session:
        rows = await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))
        assert list(rows) == ["station.pay_code"] * 3


async def test_what_cannot_be_shown_is_refused(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.MANAGER)
        for photo, said in (
            (b"<svg/>", "这个文件不是照片。"),
            (HUGE_PNG, "照片的尺寸太大了"),
            (truncated(picture()), "照片没有传完整"),
        ):
            await desk.web.get(PATH)
            files = {"photo": ("code.jpg", photo, "image/jpeg")}
            answer = await desk.web.submit(f"{PATH}/pay-code", {"note": "我的话"}, files=files)
            assert answer.status_code == 422
            assert said in words(answer.text)
            assert "我的话" in answer.text
        long = await desk.web.submit(f"{PATH}/pay-code", {"note": "长" * 201})
        assert "说明最多 200 个字，现在有 201 个。" in words(long.text)
    kept = await station(sessions)
    assert (kept.pay_code_key, kept.pay_note) == ("", "")
