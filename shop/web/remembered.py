"""Pages rendered once for all who see the same: what differs is the form's token and the clock.

A page is a pure function of what it shows. The key holds everything that a page is made of, so
what is remembered is never older than what was asked for; a changed price is another key.
"""

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime
from typing import Any

from litestar import MediaType, Request, Response

from catalog.answers import FLASH_COOKIE
from shop.web.render import environment
from shop.web.visit import actor_of, csrf_token

MOST = 500

_CSRF_MARK = "\x00token\x00"
_CLOCK_MARK = "\x00clock\x00"


class Remembered:
    """The last `MOST` pages of one template, for strangers."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._pages: OrderedDict[Hashable, str] = OrderedDict()

    def fits(self, request: Request[Any, Any, Any]) -> bool:
        """Whether the frame says nothing about this visitor: no member, no word on the last form."""
        return actor_of(request) is None and FLASH_COOKIE not in request.cookies

    def answer(
        self,
        request: Request[Any, Any, Any],
        key: Hashable,
        now: datetime,
        context: dict[str, Any],
    ) -> Response[str]:
        """The page for `key` with this request's token and time; minutes are told, so they count."""
        token = csrf_token(request, request.app.state.secret_key)
        whole = (key, now.replace(second=0, microsecond=0))
        page = self._pages.get(whole)
        if page is None:
            page = (
                environment()
                .get_template(self._template)
                .render(request=request, now=now, **context)
            )
            page = page.replace(token, _CSRF_MARK).replace(now.isoformat(), _CLOCK_MARK)
            self._pages[whole] = page
            if len(self._pages) > MOST:
                self._pages.popitem(last=False)
        page = page.replace(_CSRF_MARK, token).replace(_CLOCK_MARK, now.isoformat())
        return Response(page, media_type=MediaType.HTML)
