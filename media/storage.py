"""Files by key, in a folder or in an object store, behind one small interface."""

import re
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

if TYPE_CHECKING:
    from obstore.store import RetryConfig

KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)
"""Relative, and safe as a file name, a URL and an object key alike. No part starts with a dot."""

LONGEST_KEY = 512

PATIENCE: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=15)}
"""How long an ailing object store is tried; obstore's own three minutes outlast any request."""


class NoSuchFile(LookupError):
    """Nothing is stored under this key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no file {key!r}")
        self.key = key


class StorageUnavailable(OSError):
    """The folder or the object store cannot be used now; trying again later may help."""


class Storage:
    """One place to keep files. Safe to share between tasks and threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def open(cls, url: str, **options: str) -> "Storage":
        """Open `file:///folder`, `memory:///`, `s3://bucket/prefix` or another obstore address.

        `options` go to the object store (`endpoint`, `access_key_id`, `region`, …; for what they
        leave out, obstore looks at the provider's usual variables). A folder and the memory take
        none. A folder is made when missing, its parents too; an object store is not asked yet.

        Raises ValueError for an address or option that can never work, and StorageUnavailable for
        a folder that cannot be made or written to.
        """
        settings: dict[str, object] = {**options, **_settings(url, options.get("endpoint", ""))}
        try:
            store = from_url(url, **settings)  # type: ignore[call-overload]
        except OSError as fault:
            raise StorageUnavailable(f"cannot make the folder of {url}: {fault}") from fault
        except (BaseError, TypeError, ValueError) as fault:
            raise ValueError(f"not a storage address: {url} ({_first_line(fault)})") from fault
        if isinstance(store, LocalStore):
            _must_be_writable(store.prefix)
        return cls(store)

    async def put(self, key: str, data: bytes, media_type: str) -> None:
        """Store `data`, in place of what the key held. Readers see the old or the new, never half.

        An object store keeps the media type too; a folder does not.
        Raises ValueError for an unsafe key, StorageUnavailable.
        """
        about = None if isinstance(self._store, LocalStore) else {"Content-Type": media_type}
        try:
            await obstore.put_async(self._store, _checked(key), data, attributes=about)
        except (BaseError, OSError) as fault:
            raise StorageUnavailable(_first_line(fault)) from fault

    async def get(self, key: str) -> bytes:
        """Read a file whole.

        Raises NoSuchFile, StorageUnavailable; ValueError for an unsafe key.
        """
        try:
            found = await obstore.get_async(self._store, _checked(key))
            return bytes(await found.bytes_async())
        except FileNotFoundError as fault:
            raise NoSuchFile(key) from fault
        except (BaseError, OSError) as fault:
            raise StorageUnavailable(_first_line(fault)) from fault

    async def delete(self, key: str) -> None:
        """Remove a file; one that is gone already is no error.

        Raises StorageUnavailable; ValueError for an unsafe key.
        """
        try:
            await obstore.delete_async(self._store, _checked(key))
        except FileNotFoundError:
            return
        except (BaseError, OSError) as fault:
            raise StorageUnavailable(_first_line(fault)) from fault

    async def exists(self, key: str) -> bool:
        """Tell whether a file is there. Raises StorageUnavailable; ValueError for an unsafe key."""
        try:
            await obstore.head_async(self._store, _checked(key))
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as fault:
            raise StorageUnavailable(_first_line(fault)) from fault
        return True


def _checked(key: str) -> str:
    """Refuse a key that could leave the folder or read differently in another store."""
    if len(key) > LONGEST_KEY or not KEY.fullmatch(key):
        raise ValueError(f"unsafe storage key {key!r}")
    return key


def _settings(url: str, endpoint: str) -> dict[str, object]:
    """Say how the kind of store at `url` is to behave."""
    if url.startswith("file:"):
        return {"mkdir": True}
    if url.startswith("memory:"):
        return {}
    settings: dict[str, object] = {
        "retry_config": PATIENCE,
        "client_options": {"allow_http": endpoint.startswith("http:")},
    }
    if url.startswith("s3"):  # the bulk call is missing from several stores that speak S3
        settings["disable_bulk_delete"] = True
    return settings


def _must_be_writable(folder: Path | None) -> None:
    """Find a read-only folder at the start rather than at the first upload.

    Writes a nameless file, since permissions do not tell of read-only and full disks.
    """
    try:
        with TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
    except OSError as fault:
        raise StorageUnavailable(
            f"cannot write to the folder {folder}: {fault.strerror}"
        ) from fault


def _first_line(fault: Exception) -> str:
    """Leave out the pages of detail that obstore appends; the cause keeps them."""
    return str(fault).partition("\n")[0]
