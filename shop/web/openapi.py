"""The OpenAPI document of the JSON interface, at `/schema`."""

from collections.abc import Iterator
from typing import Any

from litestar import Request, Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from catalog.access import EVERYONE, allow

_COMPONENTS = "#/components/schemas/"


class StrictBodies(JsonRenderPlugin):
    """The document as JSON, saying of every body that it takes no unknown fields, as is true."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        known = openapi_schema["components"]["schemas"]
        waiting = [
            body
            for path in openapi_schema["paths"].values()
            for operation in path.values()
            for body in _components(operation.get("requestBody"))
        ]
        while waiting:
            component = known[waiting.pop()]
            if "properties" in component and "additionalProperties" not in component:
                component["additionalProperties"] = False
                waiting.extend(_components(component))
        return super().render(request, openapi_schema)


def _components(part: object) -> Iterator[str]:
    """The names of the components that a part of the document refers to."""
    if isinstance(part, dict):
        reference = part.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(_COMPONENTS)
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from _components(one)


OPENAPI = OpenAPIConfig(
    title="乡播 Xiangbo",
    version="0.1.0",
    description=(
        "The same services as the pages, with the same refusals as Problem Details (RFC 9457). "
        "Amounts are whole fen; times are ISO 8601 in UTC."
    ),
    components=Components(
        security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")}
    ),
    openapi_router=Router(
        "/schema", route_handlers=[], opt=allow(EVERYONE), include_in_schema=False
    ),
    render_plugins=[StrictBodies()],
    use_handler_docstrings=True,
)
