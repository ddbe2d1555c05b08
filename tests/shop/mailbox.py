"""Who takes notices in tests: a real server on this machine, as apprise's `json://` speaks to it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from catalog.db import Database
from shop.channels import read_channels
from shop.context import Shop
from shop.notices import offer_channels


@dataclass
class Mailbox:
    """What came: the path and the words, in the order of coming. `status` is what it answers."""

    port: int = 0
    status: int = 200
    wait_seconds: float = 0
    came: list[tuple[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Its address for notices; half a second is its patience with who is slow."""
        return f"json://127.0.0.1:{self.port}/sms/{{phone}}?rto=0.5"


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            told = json.loads(self.rfile.read(length))
            box.came.append((self.path.partition("?")[0], told["message"]))
            time.sleep(box.wait_seconds)
            self.send_response(box.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    box.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        server.shutdown()
        server.server_close()


def shop_with(database: Database, *addresses: str) -> Shop:
    """A shop on `database` whose notices go to these addresses, as the setting names them."""
    channels = read_channels(" ".join(addresses))
    offer_channels(database, {one for channel in channels for one in channel.audiences})
    return Shop(database, {}, "rehearsal", "https://shop.example.org", channels)
