"""The pay page: what a buyer sees instead of Stripe's, and where the outcome is chosen."""

from collections.abc import Mapping

import msgspec
from jinja2 import Environment, PackageLoader

from shop.payments.rehearsal import sessions
from shop.payments.rehearsal.asgi import Request, Response
from shop.payments.rehearsal.config import Behaviour, RehearsalConfig
from shop.payments.rehearsal.delivery import Delivery
from shop.payments.rehearsal.errors import ApiError
from shop.payments.rehearsal.forms import Form
from shop.payments.rehearsal.store import Session, Store

METHOD_NAMES = {"alipay": "支付宝", "wechat_pay": "微信支付", "card": "银行卡"}
BEHAVIOUR_NAMES = {
    Behaviour.SUCCEED: "一切正常",
    Behaviour.FAIL: "付款被拒绝，钱没有动",
    Behaviour.SILENT: "付了钱，店里收不到通知",
    Behaviour.UNREACHABLE: "付了钱，两分钟内问了也不答",
    Behaviour.TWICE: "同一个通知来两次",
    Behaviour.LATE: "通知晚 5 秒才来",
    Behaviour.EARLY: "通知来了才跳回店里",
    Behaviour.REFUSE_REFUND: "以后退款，会被拒绝",
    Behaviour.REFUND_LATER: "以后退款，晚 5 秒才退成",
    Behaviour.REFUND_FAILS: "以后退款，5 秒后退失败",
}
NOTICES = {
    "complete": ("已经付过了", "这笔钱已经收下，不用再付。"),
    "expired": ("付款时间已过", "这次付款已经关闭，没有扣钱。请回到店里重新下单。"),
    "unknown": ("没有这笔付款", "网址可能不完整。请回到店里，从订单页再进来。"),
    "silent": (
        "钱付出去了，对方不回话",
        "彩排要的就是这个：店里收不到通知，要自己去查。",
    ),
    "unreachable": (
        "钱付出去了，对方失去联系",
        "彩排要的就是这个：店里收不到通知，两分钟内去查也没有回音，之后能查到。",
    ),
    "wrong": ("没有这样的选择", "请退回上一页，重新选一次。"),
}
STATUSES = {"unknown": 404, "expired": 410, "wrong": 400}
HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

_pages = Environment(loader=PackageLoader("shop.payments.rehearsal"), autoescape=True)


async def answer(
    store: Store, config: RehearsalConfig, delivery: Delivery, request: Request, session_id: str
) -> Response:
    """Answer GET and POST of /pay/{session_id}."""
    now = config.clock().timestamp()
    try:
        session = sessions.look_up(store, session_id, config, now)
    except ApiError:
        return _notice("unknown")
    if session.status != "open":
        return _notice(session.status, session.cancel_url)
    if request.method == "POST":
        return await _pay(store, config, delivery, Form(request.body), session)
    return _pay_page(session, declined="declined" in request.query)


async def _pay(
    store: Store, config: RehearsalConfig, delivery: Delivery, form: Form, session: Session
) -> Response:
    """Let the payment go the chosen way, then send the buyer on."""
    method = form.text("method") or _methods(session)[0]
    behaviour = form.text("behaviour") or session.behaviour
    if method not in _methods(session) or behaviour not in BEHAVIOUR_NAMES:
        return _notice("wrong")
    if behaviour == Behaviour.FAIL:
        return _redirect("?declined=1")
    now = config.clock().timestamp()
    try:
        with store.writing() as db:
            claim = delivery.has_room or behaviour == Behaviour.EARLY
            paid = sessions.pay(db, session, method, Behaviour(behaviour), config, now, claim=claim)
    except sessions.NotPayable:
        return _redirect("?")
    if paid.event is None:
        delivery.wake()
    elif behaviour == Behaviour.EARLY:
        await delivery.deliver(paid.event)
    else:
        delivery.begin(paid.event)
    if behaviour in (Behaviour.SILENT, Behaviour.UNREACHABLE):
        return _notice(behaviour, session.cancel_url)
    # Stripe: this placeholder in success_url stands for the session's id.
    return _redirect(session.success_url.replace("{CHECKOUT_SESSION_ID}", session.id))


def _pay_page(session: Session, *, declined: bool) -> Response:
    return _render(
        "pay.html",
        200,
        {
            "yuan": f"{session.amount_fen // 100:,}.{session.amount_fen % 100:02d}",
            "session": session,
            "declined": declined,
            "methods": [(name, METHOD_NAMES[name]) for name in _methods(session)],
            "behaviours": BEHAVIOUR_NAMES.items(),
        },
    )


def _notice(name: str, back: str | None = None) -> Response:
    title, text = NOTICES[name]
    values = {"title": title, "text": text, "back": back}
    return _render("notice.html", STATUSES.get(name, 200), values)


def _render(template: str, status: int, values: Mapping[str, object]) -> Response:
    page = _pages.get_template(f"rehearsal/{template}").render(values)
    return Response(status, page.encode(), HEADERS)


def _redirect(where: str) -> Response:
    # Addresses were checked when the session was made; only non-ASCII letters need care.
    return Response(303, b"", {"location": _ascii(where)})


def _ascii(address: str) -> str:
    if address.isascii():
        return address
    return "".join(
        letter if letter.isascii() else "".join(f"%{byte:02X}" for byte in letter.encode())
        for letter in address
    )


def _methods(session: Session) -> list[str]:
    return msgspec.json.decode(session.methods, type=list[str])
