"""What the whole JSON interface shares: ids and pages in addresses, refusals as documented."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter

from catalog.errors import Invalid

# Ids are 64-bit in the database; programs in JavaScript read whole numbers only up to here.
SAFE_INTEGER = 2**53 - 1

PathId = Annotated[int, PathParameter(ge=1, le=SAFE_INTEGER)]
QueryId = Annotated[int | None, QueryParameter(ge=1, le=SAFE_INTEGER)]
BodyId = Annotated[int, msgspec.Meta(ge=1, le=SAFE_INTEGER)]
Before = Annotated[
    int | None,
    QueryParameter(ge=1, le=SAFE_INTEGER, description="`next` of the page before this one."),
]
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many at most.")]

MEMBERS_ONLY: list[dict[str, list[str]]] = [{"bearer": []}]
FOR_ALL: list[dict[str, list[str]]] = [{}, {"bearer": []}]


class Problem(msgspec.Struct, omit_defaults=True):
    """A refusal (RFC 9457). `type` ends in the name of the error, `errors` tells of each field."""

    type: str
    title: str
    status: int
    detail: str
    errors: dict[str, str] | None = None


class Named(msgspec.Struct):
    """A workshop or a member, by id and name."""

    id: int
    name: str


_MEANINGS = {
    400: "The request can not be read: broken JSON, a bad signature.",
    401: "No bearer token, or one that is revoked or unknown.",
    403: "The member's role may not do this.",
    404: "No such thing, or none that the asker may know of.",
    409: "Not as things stand; `type` names why.",
    410: "The link was retired.",
    413: "The body is too large.",
    422: "Some fields are wrong; `errors` names each.",
    503: "Not now: the payment service does not answer, or too many watch. Nothing was changed.",
}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """How a route may refuse, for its documentation; 400 may always be."""
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description=_MEANINGS[status],
            media_type="application/problem+json",
        )
        for status in sorted({400, *statuses})
    }


def given(body: msgspec.Struct, **renamed: str) -> dict[str, Any]:
    """The fields that a body gave, and no others; `renamed` by the names the functions use."""
    fields = ((name, getattr(body, name)) for name in body.__struct_fields__)
    return {renamed.get(name, name): v for name, v in fields if v is not msgspec.UNSET}


@contextmanager
def faults_as(**names: str) -> Iterator[None]:
    """Within it an Invalid tells of fields as the body calls them: `workshop_id="workshop"`."""
    try:
        yield
    except Invalid as error:
        raise Invalid({names.get(k, k): text for k, text in error.errors.items()}) from error


def paged(rows: Sequence[Any], most: int) -> tuple[Sequence[Any], int | None]:
    """The first `most` of rows read with one to spare, and where the next page begins."""
    return rows[:most], rows[most - 1].id if len(rows) > most else None
