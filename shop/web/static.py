"""Styles, scripts and photos: bytes whose address changes when they do, kept for a year."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from catalog.access import EVERYONE, allow
from catalog.errors import NotFound
from media.photos import TYPES
from media.storage import NoSuchFile, Storage
from shop.web.render import STATIC

FOREVER = "public, max-age=31536000, immutable"

_ASSET_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MEDIA_TYPES = {extension: media_type for media_type, extension in TYPES.values()}


@dataclass(frozen=True, slots=True)
class Asset:
    """A style, script or drawing of the frame, as it is sent."""

    data: bytes
    media_type: str
    etag: str


@cache
def assets() -> dict[str, Asset]:
    """All there are, by name; they change with the program."""
    return {
        path.name: Asset(
            data := path.read_bytes(),
            _ASSET_TYPES[path.suffix],
            f'"{hashlib.sha256(data).hexdigest()[:20]}"',
        )
        for path in STATIC.iterdir()
    }


@get("/photos/{folder:str}/{name:str}", opt=allow(EVERYONE), include_in_schema=False)
async def photo(
    folder: FromPath[str], name: FromPath[str], storage: NamedDependency[Storage]
) -> Response[bytes]:
    """One rendition of a photo; originals are never served."""
    extension = PurePosixPath(name).suffix.lstrip(".")
    if extension not in _MEDIA_TYPES:
        raise NotFound(f"photo {name}")
    try:
        data = await storage.get(f"photos/{folder}/{name}")
    except (NoSuchFile, ValueError) as error:
        raise NotFound(f"photo {folder}/{name}") from error
    return Response(data, media_type=_MEDIA_TYPES[extension], headers={"Cache-Control": FOREVER})


@get("/static/{name:str}", opt=allow(EVERYONE), include_in_schema=False)
async def asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """A style or script. One that is asked for by its version may be kept for a year."""
    found = assets().get(name)
    if found is None:
        raise NotFound(f"asset {name}")
    headers = {
        "Cache-Control": FOREVER if "v" in request.query_params else "no-cache",
        "ETag": found.etag,
    }
    if request.headers.get("If-None-Match") == found.etag:
        return Response(b"", status_code=304, headers=headers)
    return Response(found.data, media_type=found.media_type, headers=headers)


ROUTES: list[ControllerRouterHandler] = [photo, asset]
