"""A submitted form as plain values, with nothing lost when it has to be shown again."""

from typing import Any

from litestar import Request
from litestar.datastructures import UploadFile


async def read_form(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The text fields of a form in its order, the last value of each name.

    Files and the form token are left out.
    """
    form = await request.form()
    return {
        name: value
        for name, value in form.items()  # `multi_items` would give them in any order
        if isinstance(value, str) and name != "csrf"
    }


async def read_choices(request: Request[Any, Any, Any], name: str) -> list[str]:
    """Every value of a field that may be ticked more than once."""
    form = await request.form()
    return [value for value in form.getall(name, []) if isinstance(value, str)]


async def read_file(request: Request[Any, Any, Any], name: str) -> bytes | None:
    """The bytes of an uploaded file; None when none was chosen."""
    form = await request.form()
    file = form.get(name)
    if not isinstance(file, UploadFile) or not file.filename:
        return None
    return await file.read()


def read_number(typed: str) -> int | None:
    """A whole number out of an address, such as a filter or the end of the last page; else None.

    What does not fit a database key is no number here, so nobody's address bar can make an error.
    """
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= 18 else None


def yuan_input(fen: int) -> str:
    """An amount as a field holds it: 26800 -> "268", 26850 -> "268.50"."""
    return f"{fen // 100}.{fen % 100:02d}".removesuffix(".00")
