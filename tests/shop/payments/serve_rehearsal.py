"""A rehearsal service in a process of its own, so that a test can kill it.

Arguments: port, store path, key, webhook address, webhook secret, base address.
"""

import asyncio
import sys
from pathlib import Path

from granian.constants import Interfaces
from granian.server.embed import Server

from shop.payments.rehearsal.app import create_app
from shop.payments.rehearsal.config import RehearsalConfig


async def main() -> None:
    port, store_path, api_key, webhook_url, webhook_secret, base_url = sys.argv[1:]
    service = create_app(
        RehearsalConfig(Path(store_path), api_key, webhook_url, webhook_secret, base_url)
    )
    server = Server(service, port=int(port), interface=Interfaces.ASGINL, log_enabled=False)
    async with service.lifespan():
        await server.serve()


asyncio.run(main())
