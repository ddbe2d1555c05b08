"""Folder, memory and a small S3 server behave alike."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from media.storage import LONGEST_KEY, NoSuchFile, Storage, StorageUnavailable

UNSAFE_KEYS = [
    "",
    "/etc/passwd",
    "../up",
    "a/../b",
    "a//b",
    "a/",
    "./a",
    ".hidden",
    "a\\b",
    "a b",
    "a\nb",
    "a\n",
    "a?b",
    "照片.jpg",
    "a\x00b",
    "a" * (LONGEST_KEY + 1),
]


class Bucket(ThreadingHTTPServer):
    """The part of S3 that storage uses, kept in a dictionary: path to (media type, bytes)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), BucketHandler)
        self.files: dict[str, tuple[str, bytes]] = {}

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class BucketHandler(BaseHTTPRequestHandler):
    server: Bucket
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.files[self.path] = (self.headers["Content-Type"], body)
        self.answer(200, b"")

    def do_GET(self) -> None:
        if self.path in self.server.files:
            self.answer(200, self.server.files[self.path][1])
        else:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.server.files.pop(self.path, None)
        self.answer(204, b"")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Wed, 01 Jul 2026 00:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test output to the tests."""


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    server = Bucket()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def open_bucket(endpoint: str) -> Storage:
    return Storage.open(
        "s3://shop/files",
        endpoint=endpoint,
        region="local",
        access_key_id="key",
        secret_access_key="secret",
    )


@pytest.fixture(params=["folder", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, bucket: Bucket) -> Storage:
    if request.param == "folder":
        return Storage.open((tmp_path / "files").as_uri())
    return Storage.open("memory:///") if request.param == "memory" else open_bucket(bucket.endpoint)


async def test_what_is_put_can_be_read_replaced_and_deleted(storage: Storage) -> None:
    await storage.put("photos/7/m.avif", b"first", "image/avif")
    assert await storage.get("photos/7/m.avif") == b"first"
    assert await storage.exists("photos/7/m.avif")
    await storage.put("photos/7/m.avif", b"second", "image/avif")
    assert await storage.get("photos/7/m.avif") == b"second"
    await storage.delete("photos/7/m.avif")
    assert not await storage.exists("photos/7/m.avif")


async def test_an_empty_file_is_a_file(storage: Storage) -> None:
    await storage.put("empty", b"", "text/plain")
    assert await storage.exists("empty")
    assert await storage.get("empty") == b""


async def test_a_missing_file_is_named_and_deleting_it_is_no_error(storage: Storage) -> None:
    with pytest.raises(NoSuchFile) as caught:
        await storage.get("photos/none.jpg")
    assert caught.value.key == "photos/none.jpg"
    await storage.delete("photos/none.jpg")
    assert not await storage.exists("photos/none.jpg")


@pytest.mark.parametrize("key", UNSAFE_KEYS)
async def test_an_unsafe_key_is_refused_by_every_call(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="unsafe storage key"):
        await storage.put(key, b"x", "text/plain")
    for call in (storage.get, storage.delete, storage.exists):
        with pytest.raises(ValueError, match="unsafe storage key"):
            await call(key)


async def test_a_folder_is_made_with_its_parents_and_holds_plain_files(tmp_path: Path) -> None:
    folder = tmp_path / "one" / "two 乡"
    storage = Storage.open(folder.as_uri())
    assert folder.is_dir()
    await storage.put("photos/a.jpg", b"abc", "image/jpeg")
    assert [path for path in folder.rglob("*") if path.is_file()] == [folder / "photos" / "a.jpg"]
    assert (folder / "photos" / "a.jpg").read_bytes() == b"abc"


async def test_an_object_store_keeps_the_media_type(bucket: Bucket) -> None:
    await open_bucket(bucket.endpoint).put("photos/a.avif", b"abc", "image/avif")
    assert bucket.files == {"/shop/files/photos/a.avif": ("image/avif", b"abc")}


async def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path.as_uri())
    versions = [bytes([letter]) * 2_000_000 for letter in b"ab"]
    await storage.put("big", versions[0], "text/plain")

    async def write() -> None:
        for turn in range(20):
            await storage.put("big", versions[turn % 2], "text/plain")

    async def read() -> set[bytes]:
        return {await storage.get("big") for _ in range(20)}

    _, *seen = await asyncio.gather(write(), read(), read())
    assert set().union(*seen) <= set(versions)


@pytest.mark.parametrize("url", ["nonsense", "ftp://host/folder", "file://relative/folder", ""])
def test_an_address_that_can_never_work_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match="not a storage address") as caught:
        Storage.open(url)
    assert "\n" not in str(caught.value)


def test_an_unknown_option_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="'colour' is not valid"):
        Storage.open("s3://shop", colour="red")


def test_a_file_where_the_folder_should_be_is_reported(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    for url in ((tmp_path / "taken").as_uri(), (tmp_path / "taken" / "below").as_uri()):
        with pytest.raises(StorageUnavailable, match="cannot make the folder"):
            Storage.open(url)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's read-only /proc")
def test_a_read_only_folder_is_found_on_opening() -> None:
    with pytest.raises(StorageUnavailable, match="cannot write to the folder /proc"):
        Storage.open("file:///proc")


def test_opening_leaves_nothing_behind(tmp_path: Path) -> None:
    Storage.open(tmp_path.as_uri())
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_goes_away_later_is_unavailable(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    storage = Storage.open(folder.as_uri())
    shutil.rmtree(folder)
    folder.write_bytes(b"now a file")
    with pytest.raises(StorageUnavailable):
        await storage.put("a/b", b"x", "text/plain")
    assert folder.read_bytes() == b"now a file"


async def test_a_silent_object_store_is_unavailable() -> None:
    storage = open_bucket("http://127.0.0.1:1")
    with pytest.raises(StorageUnavailable):
        await storage.put("a", b"x", "text/plain")
    with pytest.raises(StorageUnavailable):
        await storage.get("a")
    with pytest.raises(StorageUnavailable):
        await storage.exists("a")
    with pytest.raises(StorageUnavailable):
        await storage.delete("a")
