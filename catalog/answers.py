"""How a page handler answers: a rendered page, or on to another with a word about what was done."""

from typing import Any
from urllib.parse import quote

from litestar.datastructures import Cookie
from litestar.response import Redirect, Template

FLASH_COOKIE = "xb_flash"


def page(name: str, *, status: int = 200, **context: Any) -> Template:
    """The template `name` with `context`; the frame's own values are added by `shop/web/render.py`.

    A form that comes back with faults is a page with status 422.
    """
    return Template(name, context=context, status_code=status, media_type="text/html")


def see_other(path: str, said: str = "", *, kind: str = "ok") -> Redirect:
    """After a form: go to `path` (303), where `said` is shown once. `kind`: ok, warn or error."""
    cookies = []
    if said:
        cookies.append(
            Cookie(
                key=FLASH_COOKIE,
                value=quote(f"{kind}:{said}"),
                path="/",
                max_age=60,
                httponly=True,
                samesite="lax",
            )
        )
    return Redirect(path, status_code=303, cookies=cookies)
