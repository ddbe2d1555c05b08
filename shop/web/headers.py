"""What every answer carries: security headers, and the cookies that a request made necessary."""

from functools import cache
from typing import Any

from litestar.types import Message, Scope

from catalog.answers import FLASH_COOKIE
from shop.web.render import FLASH_SEEN
from shop.web.visit import BROWSER_COOKIE, new_browser

YEAR = 365 * 24 * 3600


@cache
def _always(public_url: str) -> dict[bytes, bytes]:
    """What an answer carries unless it says otherwise itself."""
    return {
        b"content-security-policy": _content_policy(public_url).encode(),
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"same-origin",
        # Pages tell the state of this moment, and some of them tell it of one buyer.
        b"cache-control": b"no-store",
    }


def _content_policy(public_url: str) -> str:
    return "; ".join(
        (
            "default-src 'self'",
            "img-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            # Chromium holds a form's redirect against this rule too. The pay page stands at the
            # gateway's own address, or at our public one, which need not be the one at hand.
            f"form-action 'self' {public_url} https://checkout.stripe.com",
            "frame-ancestors 'none'",
        )
    )


async def add_headers(message: Message, scope: Scope) -> None:
    """Called by the framework for each message on its way out."""
    if message["type"] != "http.response.start":
        return
    headers = [*message["headers"]]
    public_url: str = scope["app"].state.shop.public_url
    said = {name.lower() for name, _ in headers}
    headers += [item for item in _always(public_url).items() if item[0] not in said]
    state: dict[str, Any] = scope.get("state", {})
    secure = public_url.startswith("https:")
    browser = new_browser(state)
    if browser is not None:
        headers.append(_cookie(BROWSER_COOKIE, browser, YEAR, secure=secure))
    if state.get(FLASH_SEEN):
        headers.append(_cookie(FLASH_COOKIE, "", 0, secure=secure))
    message["headers"] = headers


def _cookie(name: str, value: str, max_age: int, *, secure: bool) -> tuple[bytes, bytes]:
    # Written out: the framework's Cookie copies itself deeply, which costs more than the page.
    # The values are ours: nothing in them needs quoting.
    end = "; Secure" if secure else ""
    text = f"{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{end}"
    return b"set-cookie", text.encode()
