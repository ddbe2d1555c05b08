"""What families, buyers and staff were told, and whether it reached them."""

from dataclasses import dataclass
from datetime import datetime

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ORDER_VIEWERS, WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.forms import read_number
from catalog.words import covered_phone
from shop import told
from shop.channels import Audience
from shop.errors import WrongNoticeState
from shop.models import Notice
from shop.notices import NAMES, NEVER_A_CALL, Event, audience_of

_PATH = "/desk/notices"


@dataclass(frozen=True, slots=True)
class Row:
    """A notice as the list shows it: `state` in words with its tone, `whom` with a covered number."""

    notice: Notice
    kind: str
    code: str
    whom: str
    phone: str
    state: tuple[str, str]
    again: bool


@get(_PATH, opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def notices_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    failed: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Template:
    """The newest first; or those alone that no channel took."""
    found = await told.list_told(
        session, actor.station_id, failed=failed == "1", before=read_number(before)
    )
    acts = actor.role in WORK_ORDER_DESK
    return page(
        "shop/desk_notices.html",
        rows=[_row(n, code, acts and told.may_send_again(session, n)) for n, code in found],
        failed=failed == "1",
        further=found[-1][0].id if len(found) == told.MOST_ROWS else None,
    )


def _row(notice: Notice, code: str, again: bool) -> Row:
    audience = audience_of(notice)
    family = notice.workshop
    phone = notice.phone or (family.phone if family else "")
    whom = {Audience.BUYER: "买家", Audience.STAFF: "站里"}.get(audience, "")
    return Row(
        notice=notice,
        kind=NAMES[Event(notice.kind)],
        code=code,
        whom=family.name if family else whom,
        phone=covered_phone(phone) if phone else "",
        state=_state(notice),
        again=again,
    )


def _state(notice: Notice) -> tuple[str, str]:
    if notice.sent_at is not None:
        return f"发出去了 · {notice.channel}", "green"
    if notice.done_by is not None:
        return "打过电话了", "green"
    if notice.problem:
        return notice.problem, "red"
    if notice.done_at is not None and notice.kind not in NEVER_A_CALL:
        return "不用说了", "plain"
    return ("正在发", "plain") if notice.kind in NEVER_A_CALL else ("要打电话", "amber")


@post(f"{_PATH}/{{notice_id:int}}/again", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def send_again(
    notice_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """One more try by the channels."""
    try:
        await told.send_again(session, actor, notice_id, now)
    except WrongNoticeState as refusal:
        return see_other(_PATH, refusal.text, kind="warn")
    return see_other(_PATH, "正在再发一次。")


ROUTES: list[ControllerRouterHandler] = [notices_page, send_again]
