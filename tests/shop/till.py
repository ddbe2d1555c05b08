"""A till to pay at: the rehearsal service over real HTTP, at a time of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from shop.payments.rehearsal.config import RehearsalConfig
from shop.payments.stripe_gateway import StripeGateway
from tests.making import NOON
from tests.serving import free_port
from tests.shop.payments.conftest import API_KEY, SECRET, mounted, serving
from tests.shop.sales import GATEWAY


@dataclass
class Till:
    """The rehearsal service at noon; it answers while `open` is entered."""

    gateway: StripeGateway
    open: Callable[[], AbstractAsyncContextManager[None]]
    browser: httpx.AsyncClient

    async def pay(self, url: str) -> None:
        """Pay at a session's page; the shop is not told."""
        answer = await self.browser.post(url, data={"behaviour": "silent"})
        assert answer.status_code in (200, 303), answer.text


@asynccontextmanager
async def till_in(folder: Path) -> AsyncIterator[Till]:
    port = free_port()
    config = RehearsalConfig(
        store_path=folder / "rehearsal.sqlite3",
        api_key=API_KEY,
        webhook_url=f"http://127.0.0.1:{free_port()}/webhooks/stripe",
        webhook_secret=SECRET,
        base_url=f"http://127.0.0.1:{port}/rehearsal",
        clock=lambda: NOON,
    )
    gateway = StripeGateway(API_KEY, SECRET, base_url=config.base_url, name=GATEWAY)
    async with httpx.AsyncClient(trust_env=False) as browser:
        yield Till(gateway, lambda: serving(mounted(config), port), browser)
    await gateway.aclose()
