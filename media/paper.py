"""What can be printed, and having it printed.

Opening two Chinese fonts costs half a second of CPU and sixty megabytes. A process of its own does
it and gives both back; web processes load neither fonts nor what draws with them.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True)
class Card:
    """What an A6 card says. `photo` is a JPEG; `price_text` is in yuan, as people read it."""

    url: str
    code: str
    name: str
    workshop: str
    village: str
    wood: str
    size: str
    price_text: str
    photo: bytes | None
    station: str


@dataclass(frozen=True)
class Tag:
    """What a hang tag says. `price_text` is in yuan, as people read it."""

    url: str
    code: str
    name: str
    workshop: str
    price_text: str


@dataclass(frozen=True)
class PackItem:
    """One piece of a show's paper pack. `due` is when it is to be shown, "19:42".

    `pieces` says how many there are, as people read it; without a code, `url` and `code` are empty.
    """

    number: int
    due: str
    minutes: int
    name: str
    facts: str
    price_text: str
    pieces: str
    talking_points: str
    do_not_say: str
    url: str
    code: str


@dataclass(frozen=True)
class Pack:
    """A show on paper, for an evening without a network. Times in it are Beijing's.

    `facts` are label and words of the head, `phones` those of the box with the numbers.
    """

    title: str
    when: str
    station: str
    facts: list[tuple[str, str]]
    phones: list[tuple[str, str]]
    url: str
    code: str
    items: list[PackItem]
    printed: str


async def print_card(card: Card) -> bytes:
    """One A6 card as PDF; takes about a second."""
    return await _draw(msgspec.msgpack.encode(card))


async def print_tags(tags: Sequence[Tag]) -> bytes:
    """A4 sheets of hang tags as PDF. Raises ValueError when there are none."""
    if not tags:
        raise ValueError("a sheet needs at least one tag")
    return await _draw(msgspec.msgpack.encode(list(tags)))


async def print_pack(pack: Pack) -> bytes:
    """A show's paper pack as PDF, A4; takes a second or two."""
    return await _draw(msgspec.msgpack.encode(pack), "media.pack")


async def _draw(order: bytes, module: str = "media.print") -> bytes:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    pdf, _ = await process.communicate(order)
    if process.returncode != 0:
        raise RuntimeError(f"printing ended with {process.returncode}")
    return pdf
