"""The desk's exceptions inbox: what is out of the ordinary, told once, with its next step.

A trouble is named by its kind and a subject, "table:id" as in `payment:17`, `refund:4`, `order:3`,
`work_order:8`, `product:2`, `photo:5`, `job:9`, `station:1`. `docs/troubles.md` has the whole list.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, joinedload

from catalog.access import TROUBLE_DESK, Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.errors import NotFound
from catalog.models import Member
from catalog.own import own
from shop.models import Trouble
from shop.notices import Event, tell_staff

MOST_ROWS = 200
MOST_TEXT = 300
BY_ITSELF = "自己好了"


class TroubleKind(StrEnum):
    """What may go wrong; `ABOUT` says each one's title, next step and whether it is urgent."""

    LATE_PAYMENT = "late_payment"
    SECOND_PAYMENT = "second_payment"
    REFUND_FAILED = "refund_failed"
    REFUND_STUCK = "refund_stuck"
    REFUND_WINDOW = "refund_window"
    PAYMENT_UNREACHABLE = "payment_unreachable"
    DIFFERENCE = "difference"
    NO_ANSWER = "no_answer"
    BEHIND = "behind"
    STOCK_MISMATCH = "stock_mismatch"
    LEDGER_MISMATCH = "ledger_mismatch"
    AUDIT_BROKEN = "audit_broken"
    JOB_FAILING = "job_failing"
    PHOTO_FAILED = "photo_failed"
    ADDRESS_ODD = "address_odd"
    RECEIPT_WAITING = "receipt_waiting"
    REFUND_BY_HAND = "refund_by_hand"
    SOLD_TWICE = "sold_twice"
    OVERLAY_UNSEEN = "overlay_unseen"
    RENEWAL_DUE = "renewal_due"
    TURNOVER_HIGH = "turnover_high"
    OTHER_PHONE = "other_phone"


@dataclass(frozen=True, slots=True)
class About:
    """A kind for people: its title, what to do next; an urgent one costs money when it waits."""

    title: str
    next_step: str
    urgent: bool = False


_K = TroubleKind
ABOUT = {
    _K.LATE_PAYMENT: About(
        "付款来晚了", "作品已经没有了，钱在自动退回。打电话跟买家说一声，看退款到了没有。"
    ),
    _K.SECOND_PAYMENT: About(
        "同一笔订单付了两次", "多付的钱在自动退回。打电话跟买家说一声，看退款到了没有。"
    ),
    _K.REFUND_FAILED: About(
        "退款没有成功", "再退一次；还是不行，就打电话问买家怎么收，由站里转给他。", urgent=True
    ),
    _K.REFUND_STUCK: About(
        "退款三天还没有到", "到付款服务的后台看这笔退款卡在哪里，再告诉买家。", urgent=True
    ),
    _K.REFUND_WINDOW: About(
        "快过退款期限", "催作坊赶紧做完寄出；做不完就现在退，过了期限钱就退不回原路。", urgent=True
    ),
    _K.PAYMENT_UNREACHABLE: About(
        "查不到这笔付款", "到付款服务的后台查有没有收到钱。确实没有，由站长或财务定为“没有收到钱”。"
    ),
    _K.DIFFERENCE: About(
        "账和付款服务对不上",
        "打开订单，和付款服务的后台逐笔对照，找到差在哪里再处理。",
        urgent=True,
    ),
    _K.NO_ANSWER: About("作坊没有应答", "打电话给作坊：接，还是接不了。", urgent=True),
    _K.BEHIND: About(
        "赶不上答应的日子",
        "打电话问作坊。做得完，记下“开始做”；做不完，在作坊的“活和歇工”里把新日子告诉买家。",
    ),
    _K.STOCK_MISMATCH: About("库存数对不上", "去作坊数一数实物，在作品页记下改动和原因。"),
    _K.LEDGER_MISMATCH: About(
        "账目对不上", "先不要结算。请管系统的人运行 xiangbo doctor 查明白。", urgent=True
    ),
    _K.AUDIT_BROKEN: About(
        "操作记录被改过", "不要动数据库，先备份，请管系统的人对照留存的记录指纹。", urgent=True
    ),
    _K.JOB_FAILING: About("后台的事一直没做成", "请管系统的人看日志；修好以后会自己接着做。"),
    _K.PHOTO_FAILED: About("照片处理不了", "打开作品，拿下这张照片，换一张再传。"),
    _K.ADDRESS_ODD: About("地址有点怪", "寄出以前打电话跟买家核对地址。"),
    _K.RECEIPT_WAITING: About(
        "收款等第二个人",
        "在“收款”里对着到账记录和照片看：是这笔就确认，不是就退回。作品一直替买家留着。",
        urgent=True,
    ),
    _K.SOLD_TWICE: About(
        "集市卖了，网上也有人买",
        "打电话给作坊：能不能再做一件。不能，就在工单里按“接不了”，钱会退给买家，再跟买家说一声。",
        urgent=True,
    ),
    _K.OTHER_PHONE: About(
        "手艺人的卡被别的手机扫了",
        "打电话问这家：换了手机，就在“卡和密码”里重新发一张；不是自己人扫的，就把卡作废。",
    ),
    _K.RENEWAL_DUE: About("手续快到期了", "请家里带上纸来，看过以后在作坊的“手续”里重新记。"),
    _K.TURNOVER_HIGH: About(
        "一家卖得多了，要想着登记",
        "告诉家里：一年过 10 万元要办营业执照。办好了在“手续”里填上号码。",
    ),
    _K.OVERLAY_UNSEEN: About(
        "开播前没见过浮层",
        "开播前在推流的电脑上打开一次，看得到画面就好；换了地址，就把新地址填进去。",
        urgent=True,
    ),
    _K.REFUND_BY_HAND: About(
        "要亲手退的钱", "把钱退给买家，在“收款”里登记单号，再请另一个人确认。", urgent=True
    ),
}

_ROW = ("station_id", "kind", "subject", "text", "order_id", "opened_at")


def _opening(insert: Callable[..., Any]) -> Any:
    """The same trouble told again while it is open changes nothing; closed, it opens anew."""
    row = insert(Trouble).values({**{name: bindparam(name) for name in _ROW}, "closing": ""})
    told = {name: row.excluded[name] for name in ("text", "order_id", "opened_at")}
    fresh = {"owner_id": None, "closed_at": None, "closed_by": None, "closing": ""}
    return row.on_conflict_do_update(
        index_elements=[Trouble.kind, Trouble.subject],
        set_={**told, **fresh},
        where=Trouble.closed_at.is_not(None),
    ).returning(Trouble.id)


_OPEN = {"sqlite": _opening(sqlite_insert), "postgresql": _opening(postgresql_insert)}


async def open_trouble(
    session: AsyncSession,
    *,
    station_id: int,
    kind: TroubleKind,
    subject: str,
    text: str,
    order_id: int | None = None,
    now: datetime,
) -> None:
    """Tell the desk of something, in the caller's transaction; once while it is open.

    `subject` is "table:id" (60 characters at most), `text` one sentence for people. A trouble
    that was closed opens again, with the new sentence and nobody to see to it. Of an urgent one
    the station's people are told, where they have a channel.
    """
    row = {
        "station_id": station_id,
        "kind": kind.value,
        "subject": subject,
        "text": text[:MOST_TEXT],
        "order_id": order_id,
        "opened_at": now,
    }
    opened = await session.scalar(_OPEN[session.get_bind().dialect.name], row)
    if opened is not None and ABOUT[kind].urgent:
        tell_staff(session, Event.TROUBLE, station_id, now, title=ABOUT[kind].title, text=text)


async def close_trouble(
    session: AsyncSession, kind: TroubleKind, subject: str, now: datetime
) -> None:
    """Note that a trouble is over by itself; nothing happens where it was not open."""
    await session.execute(
        update(Trouble)
        .where(Trouble.kind == kind.value, Trouble.subject == subject, Trouble.closed_at.is_(None))
        .values(closed_at=now, closed_by=None, closing=BY_ITSELF)
        .execution_options(synchronize_session=False)
    )


def was_told(
    kind: TroubleKind, table: str, row_id: InstrumentedAttribute[int]
) -> ColumnElement[bool]:
    """Whether the desk knows of a row's trouble: it is open, or somebody has closed it.

    A condition for queries that would otherwise tell every night of what a person has settled.
    """
    known = or_(Trouble.closed_at.is_(None), Trouble.closed_by.is_not(None))
    subject = literal(f"{table}:").concat(cast(row_id, String))
    return exists().where(Trouble.kind == kind.value, Trouble.subject == subject, known)


def was_closed(
    kind: TroubleKind, table: str, row_id: InstrumentedAttribute[int]
) -> ColumnElement[bool]:
    """Whether a person has closed a row's trouble: it is not to be told of again."""
    subject = literal(f"{table}:").concat(cast(row_id, String))
    by_person = Trouble.closed_by.is_not(None)
    return exists().where(Trouble.kind == kind.value, Trouble.subject == subject, by_person)


async def open_subjects(session: AsyncSession, kind: TroubleKind) -> set[str]:
    """What has a trouble of a kind now, at all stations."""
    query = select(Trouble.subject).where(Trouble.kind == kind.value, Trouble.closed_at.is_(None))
    return set(await session.scalars(query))


async def open_ids(session: AsyncSession, kind: TroubleKind, table: str) -> set[int]:
    """The ids of the rows of a table among them."""
    parts = [subject.partition(":") for subject in await open_subjects(session, kind)]
    return {int(row_id) for found, _, row_id in parts if found == table}


def _urgent_first() -> ColumnElement[int]:
    urgent = [kind.value for kind, about in ABOUT.items() if about.urgent]
    return case((Trouble.kind.in_(urgent), 0), else_=1)


async def list_open(
    session: AsyncSession, station_id: int, kind: TroubleKind | None = None
) -> list[Trouble]:
    """What is open, urgent kinds first, then the oldest, with orders and owners."""
    query = (
        select(Trouble)
        .where(Trouble.station_id == station_id, Trouble.closed_at.is_(None))
        .order_by(_urgent_first(), Trouble.opened_at, Trouble.id)
    )
    return await _listed(session, query, kind)


async def list_closed(
    session: AsyncSession, station_id: int, kind: TroubleKind | None = None
) -> list[Trouble]:
    """What was closed, the latest first."""
    query = (
        select(Trouble)
        .where(Trouble.station_id == station_id, Trouble.closed_at.is_not(None))
        .order_by(Trouble.closed_at.desc(), Trouble.id.desc())
    )
    return await _listed(session, query, kind)


async def _listed(
    session: AsyncSession, query: Select[Trouble], kind: TroubleKind | None
) -> list[Trouble]:
    if kind is not None:
        query = query.where(Trouble.kind == kind.value)
    query = query.options(joinedload(Trouble.order)).limit(MOST_ROWS)
    return list(await session.scalars(query))


async def count_open(session: AsyncSession, station_id: int) -> int:
    """How many are open at a station."""
    query = select(func.count()).where(
        Trouble.station_id == station_id, Trouble.closed_at.is_(None)
    )
    return int(await session.scalar(query) or 0)


async def owners(session: AsyncSession, station_id: int) -> list[Member]:
    """The members who may see to a trouble, by name."""
    query = select(Member).where(
        Member.station_id == station_id, Member.active, Member.role.in_(TROUBLE_DESK)
    )
    return list(await session.scalars(query.order_by(Member.name, Member.id)))


async def trouble_for(
    session: AsyncSession, actor: Actor, trouble_id: int, *, lock: bool = False
) -> Trouble:
    """A trouble of the actor's station, with its order. Raises NotFound."""
    return await own(session, actor, Trouble, trouble_id, joinedload(Trouble.order), lock=lock)


async def take(
    session: AsyncSession, actor: Actor, trouble_id: int, owner_id: int, now: datetime
) -> Trouble:
    """Say who sees to a trouble: oneself, or somebody else of the desk.

    Raises NotFound for a trouble or a member that is not of the station's desk.
    """
    actor.must_be(TROUBLE_DESK)
    trouble = await trouble_for(session, actor, trouble_id, lock=True)
    if owner_id not in {member.id for member in await owners(session, actor.station_id)}:
        raise NotFound(f"member {owner_id}")
    if trouble.closed_at is None and trouble.owner_id != owner_id:
        before, trouble.owner_id = trouble.owner_id, owner_id
        _record(
            session, actor, "trouble.take", trouble, now, {"owner": before}, {"owner": owner_id}
        )
    return trouble


async def close(
    session: AsyncSession, actor: Actor, trouble_id: int, words: object, now: datetime
) -> Trouble:
    """Note that a trouble is seen to, and how; the first to say so stands.

    Raises Invalid without a sentence, NotFound.
    """
    actor.must_be(TROUBLE_DESK)
    check = Check()
    said = check.text("words", words, "怎么处理的", most=200)
    check.done()
    trouble = await trouble_for(session, actor, trouble_id, lock=True)
    if trouble.closed_at is None:
        trouble.closed_at, trouble.closed_by, trouble.closing = now, actor.member_id, said
        _record(session, actor, "trouble.close", trouble, now, None, {"closing": said})
    return trouble


def _record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    trouble: Trouble,
    now: datetime,
    before: dict[str, Any] | None,
    after: dict[str, Any],
) -> None:
    told = {**after, "kind": trouble.kind, "subject": trouble.subject}
    record(session, actor, action, trouble, now, before=before, after=told)
