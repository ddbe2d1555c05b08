"""Dependencies of a request: made in turn, and none left open when another refuses."""

from collections.abc import AsyncIterator

import pytest
from litestar import Litestar, get
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotAuthorizedException
from litestar.routes import HTTPRoute
from litestar.testing import AsyncTestClient

from shop.app import assemble
from shop.web.in_turn import resolve_in_turn


def test_every_route_resolves_one_dependency_at_a_time() -> None:
    numbers = [
        len(batch)
        for route in assemble().routes
        if isinstance(route, HTTPRoute)
        for _, model in route.route_handler_map.values()
        for batch in model.dependency_batches
    ]
    assert len(numbers) > 500
    assert set(numbers) == {1}


@pytest.mark.parametrize("in_turn", [True, False], ids=["in turn", "naive twin"])
async def test_a_session_is_not_opened_for_who_is_refused(in_turn: bool) -> None:
    trace = []

    async def session() -> AsyncIterator[str]:
        trace.append("opened")
        yield "session"
        trace.append("closed")

    async def actor() -> str:
        raise NotAuthorizedException

    @get("/", sync_to_thread=False)
    def handler(actor: NamedDependency[str], session: NamedDependency[str]) -> None:
        raise AssertionError

    app = Litestar([handler], dependencies={"actor": Provide(actor), "session": Provide(session)})
    if in_turn:
        resolve_in_turn(app)
    async with AsyncTestClient(app) as client:
        assert (await client.get("/")).status_code == 401
    assert trace == ([] if in_turn else ["opened"])
