"""What the OpenAPI document promises holds for whatever a program sends."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from litestar import Litestar
from litestar.testing import TestClient
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from catalog.db import Database
from catalog.models import Role
from tests.making import make_live_show, make_member, make_product, make_station, make_workshop
from tests.programs import STRANGER, bearer
from tests.serving import free_port
from tests.web import application, settings_for

# PostgreSQL is the stricter of the two about what it takes.
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def manager(database_url: str) -> dict[str, str]:
    """A manager's token, at a station with something to find under low numbers."""

    async def prepare() -> dict[str, str]:
        database = Database.connect(database_url)
        station = await make_station(database.writing)
        workshop = await make_workshop(database.writing, station)
        products = [await make_product(database.writing, workshop) for _ in range(2)]
        await make_live_show(database.writing, products)
        member = await make_member(database.writing, station, Role.MANAGER)
        token = await bearer(database.writing, member)
        await database.close()
        return token

    return asyncio.run(prepare())


@pytest.fixture
def client(database_url: str, tmp_path: Path) -> Iterator[TestClient[Litestar]]:
    with (
        application(settings_for(database_url, tmp_path, PORT=str(free_port()))) as app,
        TestClient(app) as client,
    ):
        yield client


@pytest.mark.parametrize("as_manager", [False, True], ids=["stranger", "manager"])
def test_answers_are_what_the_document_says(
    client: TestClient[Litestar], manager: dict[str, str], as_manager: bool
) -> None:
    headers = manager if as_manager else STRANGER
    document = client.get("/schema/openapi.json").json()
    # An answer that never ends can not be waited for; tests/live/test_api.py reads it.
    schema = schemathesis.openapi.from_dict(document).exclude(path_regex="/events$")
    for found in schema.get_all_operations():
        operation = found.ok()

        @EXAMPLES
        @given(case=operation.as_strategy())
        def examine(case: schemathesis.Case) -> None:
            answer = _sent(client, case, headers)
            case.validate_response(answer, checks=CHECKS)

        examine()


def _sent(client: TestClient[Litestar], case: schemathesis.Case, headers: dict[str, str]) -> Any:
    wanted = case.as_transport_kwargs(base_url=str(client.base_url))
    if isinstance(wanted.get("data"), bytes):
        wanted["content"] = wanted.pop("data")
    invented = {k: v for k, v in wanted.pop("headers").items() if k != "Authorization"}
    del wanted["cookies"]
    request = client.build_request(**wanted, headers={**invented, **headers})
    # Schemathesis looks at what was sent, which for a form is otherwise gone once sent.
    request.read()
    return client.send(request)
