"""Styles, scripts and photos: bytes whose address changes when they do, kept for a year."""

from pathlib import PurePosixPath

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

from catalog.access import EVERYONE, allow
from catalog.errors import NotFound
from media.photos import TYPES
from media.storage import NoSuchFile, Storage
from shop.web.render import STATIC

FOREVER = "public, max-age=31536000, immutable"

_MEDIA_TYPES = {extension: media_type for media_type, extension in TYPES.values()}


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


ROUTES: list[ControllerRouterHandler] = [
    photo,
    create_static_files_router(
        "/static",
        [STATIC],
        cache_control=None,
        include_in_schema=False,
        opt=allow(EVERYONE),
    ),
]
