"""What one process of the shop works with, put together once at its start."""

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.db import Database
from catalog.errors import Invalid
from shop.payments.gateway import Gateway


@dataclass(frozen=True, slots=True)
class Shop:
    """The database, the ways to be paid and the public address; handed to what needs all three."""

    database: Database
    gateways: Mapping[str, Gateway]
    default_gateway: str
    public_url: str

    def gateway_name(self, wanted: str | None) -> str:
        """The way of paying that a buyer asked for, or the usual one. Raises Invalid."""
        name = wanted or self.default_gateway
        if name not in self.gateways:
            raise Invalid({"gateway": f"付款方式请从这些里选：{'、'.join(self.gateways)}。"})
        return name

    async def close(self) -> None:
        for gateway in self.gateways.values():
            await gateway.aclose()
        await self.database.close()
