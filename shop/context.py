"""What one process of the shop works with, put together once at its start."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from catalog.db import Database
from catalog.errors import Invalid
from shop.channels import Channel
from shop.payments.gateway import Gateway
from shop.together import K, Together

V = TypeVar("V")

# A transaction costs as much for one buyer as for ten, so in a rush a few milliseconds of waiting
# are won back many times over (docs/performance.md has the figures).
ROUNDS_APART = 0.01


@dataclass(frozen=True, slots=True)
class Shop:
    """The database, the ways to be paid, the public address, and what takes notices."""

    database: Database
    gateways: Mapping[str, Gateway]
    default_gateway: str
    public_url: str
    channels: tuple[Channel, ...] = ()
    _gathered: dict[Any, Together[Any, Any]] = field(default_factory=dict, repr=False)

    def gateway_name(self, wanted: str | None) -> str:
        """The way of paying that a buyer asked for, or the usual one. Raises Invalid."""
        name = wanted or self.default_gateway
        if name not in self.gateways:
            raise Invalid({"gateway": f"付款方式请从这些里选：{'、'.join(self.gateways)}。"})
        return name

    async def together(
        self,
        work: "Callable[[Shop, Sequence[K]], Awaitable[Mapping[K, V | Exception]]]",
        question: K,
    ) -> V:
        """What `work` answers to a question, asked with all that others of this process ask now.

        `work` answers every question. Raises what it answered, or failed with.
        """
        gathered = self._gathered.get(work)
        if gathered is None:
            gathered = self._gathered[work] = Together(
                lambda asked: work(self, asked), apart=ROUNDS_APART
            )
        answer = await gathered.get(question)
        return cast(V, answer)

    async def close(self) -> None:
        for gateway in self.gateways.values():
            await gateway.aclose()
        await self.database.close()
