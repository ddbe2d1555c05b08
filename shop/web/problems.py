"""What a refusal becomes: Problem Details (RFC 9457) for programs, a page in Chinese for people."""

import re
from typing import Any
from urllib.parse import urlencode

import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.response import Redirect

from catalog import errors as catalog_errors
from catalog.errors import Invalid, Refusal
from live import errors as live_errors
from shop import errors
from shop.web.render import environment

log = structlog.get_logger()

STATUSES: dict[type[Refusal], int] = {
    catalog_errors.NotFound: 404,
    catalog_errors.NotAllowed: 403,
    catalog_errors.Invalid: 422,
    catalog_errors.OutOfStock: 409,
    catalog_errors.StockPromised: 409,
    catalog_errors.NotOpen: 409,
    catalog_errors.NotOnboarded: 409,
    catalog_errors.OwnReview: 403,
    catalog_errors.ReviewDecided: 409,
    catalog_errors.NotTakenBack: 409,
    live_errors.OverlappingShow: 409,
    live_errors.WrongShowState: 409,
    live_errors.LineUpChanged: 409,
    live_errors.NotReady: 409,
    live_errors.NoPlaceLeft: 409,
    live_errors.LinkRetired: 410,
    live_errors.TooManyWatchers: 503,
    live_errors.NotController: 409,
    errors.PieceHeld: 409,
    errors.NoLine: 409,
    errors.HoldExpired: 409,
    errors.PriceChanged: 409,
    errors.NotOnSale: 409,
    errors.OpenWork: 409,
    errors.RehearsalShow: 409,
    errors.KeyReused: 422,
    errors.TooManyRows: 422,
    errors.WrongWorkOrderState: 409,
    errors.WrongOrderState: 409,
    errors.WrongPayoutState: 409,
    errors.WrongNoticeState: 409,
    errors.PaymentUnavailable: 503,
    errors.PaymentNotClosed: 503,
    errors.WrongRequestState: 409,
    errors.DateAnswered: 409,
    errors.WorkshopFull: 409,
    errors.WorkshopAway: 409,
    errors.AddressLocked: 429,
    errors.UnsignedEvent: 400,
    errors.SignInRefused: 403,
    errors.CardUnknown: 404,
    errors.CardRevoked: 410,
    errors.CardStopped: 403,
    errors.CardOfAnotherPhone: 409,
    errors.PinNeeded: 403,
    errors.PinLocked: 429,
    errors.TooManyTries: 429,
    catalog_errors.SecondPersonNeeded: 403,
    errors.NotSignedIn: 401,
    errors.BadForm: 403,
}

_TITLES = {
    400: "这个请求看不懂",
    401: "请先登录",
    403: "这里不能进",
    404: "没有找到这一页",
    405: "这一页不是这样用的",
    409: "刚刚有变化",
    410: "已经停用",
    413: "传的东西太大了",
    422: "有些地方需要改一改",
    429: "请歇一会儿再试",
    500: "我们这边出错了",
    503: "暂时用不了",
}
_TEXTS = {
    404: "网址可能打错了，或者这一页已经不在了。",
    405: "请回到上一页，再点一次按钮。",
    413: "照片最大 50 MB，别的内容不能超过 1 MB。",
    500: "不是您的问题。请过一会儿再试；您填过的订单和付款都还在。",
}

type_request = Request[Any, Any, Any]


def answer_refusal(request: type_request, refusal: Refusal) -> Response[Any]:
    """A refusal as its status; a stranger at a members' page is sent to sign in, a family to its PIN."""
    status = STATUSES[type(refusal)]
    if isinstance(refusal, errors.NotSignedIn) and not _for_program(request):
        return Redirect(f"/sign-in?next={refusal.path}", status_code=303)
    if isinstance(refusal, errors.PinNeeded):
        return Redirect(
            f"/workshop/earnings/pin?{urlencode({'next': refusal.path})}", status_code=303
        )
    errors_by_field = refusal.errors if isinstance(refusal, Invalid) else None
    answer = _answer(request, status, refusal.code, refusal.text, errors_by_field)
    if isinstance(refusal, live_errors.TooManyWatchers):
        answer.headers["Retry-After"] = "30"
    return answer


def answer_http(request: type_request, error: HTTPException) -> Response[Any]:
    """An error that the framework found: no such address, a wrong method, a body too large."""
    status = error.status_code
    if isinstance(error, ValidationException):
        return _answer(request, 422, "invalid", "请求的内容不合要求。", _fields(error))
    code = {404: "not_found", 403: "not_allowed", 413: "too_large"}.get(status, f"http_{status}")
    return _answer(request, status, code, _TEXTS.get(status, _TITLES.get(status, "")), None)


def answer_too_deep(request: type_request, _error: RecursionError) -> Response[Any]:
    """JSON that is nested deeper than anything of ours, and than the decoder goes."""
    return _answer(request, 400, "http_400", _TITLES[400], None)


def _fields(error: ValidationException) -> dict[str, str]:
    """What was wrong by the path of its field, written as our own checks write it."""
    found = error.extra if isinstance(error.extra, list) else []
    return dict(_fault(str(e.get("key", "")), str(e["message"])) for e in found)


def _fault(path: str, text: str) -> tuple[str, str]:
    # The framework calls the body "data", and tells of a field that is missing or unknown at the
    # object around it: "Object missing required field `phone`" at "data.buyer".
    path = re.sub(r"\[(\d+)\]", r".\1", "" if path == "data" else path)
    named = re.fullmatch(r"Object (?:missing required|contains unknown) field `([^`]*)`", text)
    if named:
        path = f"{path}.{named[1]}".lstrip(".")
    return path, "请填写请求的内容。" if text == "'data'" else text


def answer_fault(request: type_request, fault: Exception) -> Response[Any]:
    """A fault of ours: noted with its trace, told without it."""
    log.error("request failed", path=request.url.path, method=request.method, exc_info=fault)
    return _answer(request, 500, "fault", _TEXTS[500], None)


def _for_program(request: type_request) -> bool:
    return request.url.path.startswith(("/api/", "/webhooks/"))


def _answer(
    request: type_request, status: int, code: str, text: str, fields: dict[str, str] | None
) -> Response[Any]:
    title = _TITLES.get(status, "出错了")
    if _for_program(request):
        problem = {"type": f"/problems/{code}", "title": title, "status": status, "detail": text}
        return Response(
            {**problem, **({"errors": fields} if fields is not None else {})},
            status_code=status,
            media_type="application/problem+json",
            headers={"WWW-Authenticate": "Bearer"} if status == 401 else None,
        )
    if code == catalog_errors.NotOpen.code:
        # The front page would say the same.
        return _error_page(request, status, "还没有开张", text, action_label="")
    return _error_page(request, status, title, text)


def _error_page(
    request: type_request, status: int, title: str, text: str, *, action_label: str = "回到首页"
) -> Response[Any]:
    body = (
        environment()
        .get_template("web/error.html")
        .render(
            request=request,
            status=status,
            title=title,
            text=text,
            action_label=action_label,
            action_href="/",
        )
    )
    return Response(body, status_code=status, media_type=MediaType.HTML)
