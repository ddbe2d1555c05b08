"""What a handler asks for is made one thing after another, not each in a task of its own."""

from litestar import Litestar
from litestar._kwargs.dependencies import DependencyContainer
from litestar.routes import HTTPRoute


def resolve_in_turn(app: Litestar) -> None:
    """Have every route's dependencies resolved in turn, those that must be closed again last.

    The framework starts a task for each of those that need none of one another. Ours wait for
    nothing, so that the tasks were the larger part of the work: `docs/performance.md`. A session
    comes last, for none is left open when another dependency refuses.
    """
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for _, model in route.route_handler_map.values():
                model.dependency_batches = [
                    {one} for batch in model.dependency_batches for one in sorted(batch, key=_turn)
                ]


def _turn(dependency: DependencyContainer) -> tuple[bool, str]:
    return dependency.provide.has_async_generator_dependency, dependency.key
