"""The name of a screen at the console: a first-party cookie, so that a press without scripts has it."""

import secrets
from typing import Any, TypeVar

from litestar import Request, Response

SCREEN_COOKIE = "xb_screen"
_NAME = "xb_screen"
_NEW = "xb_new_screen"
_A_DAY = 24 * 60 * 60

Answer = TypeVar("Answer", bound=Response[Any])


def screen_of(request: Request[Any, Any, Any]) -> str:
    """The screen's name; one that has none gets a new one, for `keep_screen` to set."""
    state = request.scope["state"]
    if _NAME not in state:
        name = request.cookies.get(SCREEN_COOKIE, "")
        state[_NEW] = not (16 <= len(name) <= 40 and name.isascii())
        state[_NAME] = secrets.token_urlsafe(16) if state[_NEW] else name
    found: str = state[_NAME]
    return found


def keep_screen(request: Request[Any, Any, Any], answer: Answer) -> Answer:
    """Have the browser remember the name that its screen was given with this request."""
    name = screen_of(request)
    if request.scope["state"].get(_NEW):
        answer.set_cookie(
            SCREEN_COOKIE, name, path="/desk", max_age=_A_DAY, httponly=True, samesite="lax"
        )
    return answer
