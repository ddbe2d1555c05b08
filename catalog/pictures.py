"""Pictures that show that something was so: kept as they came, looked at by staff alone.

Photos of products, which everybody sees in several sizes, are `catalog.photos`.
"""

import asyncio
import secrets

from catalog.errors import Invalid, NotFound
from catalog.photos import SENTENCES
from media.photos import BadPhoto, inspect, viewable
from media.storage import NoSuchFile, Storage


async def keep_picture(storage: Storage, folder: str, data: bytes, *, field: str = "photo") -> str:
    """Store a picture under a name that nobody can guess, which is returned. Raises Invalid.

    Before anything is locked: one whose row does not commit stays behind under that name.
    """
    try:
        media_type = inspect(data).media_type
    except BadPhoto as error:
        raise Invalid({field: SENTENCES[error.reason]}) from error
    key = f"{folder}/{secrets.token_hex(16)}"
    await storage.put(key, data, media_type)
    return key


async def picture_at(storage: Storage, key: str) -> tuple[bytes, str]:
    """A kept picture as every browser can show it, and its media type.

    Raises NotFound, also for "", which stands where there is none.
    """
    try:
        return await asyncio.to_thread(viewable, await storage.get(key))
    except (NoSuchFile, BadPhoto, ValueError) as error:
        raise NotFound(f"picture {key}") from error
