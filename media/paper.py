"""What can be printed, and having it printed.

Opening two Chinese fonts costs half a second of CPU and sixty megabytes. A process of its own does
it and gives both back; web processes load neither fonts nor what draws with them.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

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
    speaker: str
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


@dataclass(frozen=True)
class PackedLine:
    """One parcel of a packing list: what goes into it, for whom (masked) and to which town."""

    number: str
    order: str
    what: list[str]
    pieces: int
    to: str
    promised: str


@dataclass(frozen=True)
class PackingList:
    """What one family has ready, parcel by parcel."""

    workshop: str
    station: str
    printed: str
    lines: list[PackedLine]


@dataclass(frozen=True)
class Label:
    """What stands on one parcel. `how` says whether names and numbers are masked."""

    url: str
    number: str
    order: str
    name: str
    phone: str
    address: str
    what: list[str]
    workshop: str
    station: str
    station_phone: str
    how: str


@dataclass(frozen=True)
class HandoverReceipt:
    """What a family gets for the pieces that it brought; `facts` are label and words."""

    number: str
    station: str
    workshop: str
    facts: list[tuple[str, str]]
    lines: list[PackedLine]
    printed: str


@dataclass(frozen=True)
class ParcelPaper:
    """Packing lists, then labels, then receipts; each kind has a paper of its own size."""

    lists: list[PackingList] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    receipts: list[HandoverReceipt] = field(default_factory=list)


@dataclass(frozen=True)
class ConsentLine:
    """One thing that a family is asked about, and what it answered before."""

    words: str
    delicate: bool
    on_page: bool
    on_air: bool


@dataclass(frozen=True)
class ConsentSheet:
    """What is told of a family and where, to be read out and signed."""

    workshop: str
    village: str
    station: str
    phone: str
    facts: list[ConsentLine]
    names: list[ConsentLine]
    printed: str


@dataclass(frozen=True)
class PieceFace:
    """What the card of one sold piece says; `facts` are label and words, four at most."""

    name: str
    number: str
    workshop: str
    facts: list[tuple[str, str]]
    url: str
    code: str
    station: str


@dataclass(frozen=True)
class SignInCard:
    """What the card says by which an artisan signs in."""

    url: str
    name: str
    workshop: str
    station: str
    station_phone: str


@dataclass(frozen=True)
class WorkSlip:
    """A work order on paper, to be answered on it. `lines` are names and how many, "2 件".

    `due` is when it is to be ready and `share` what the family gets, both as people read them.
    `photo` is a JPEG.
    """

    url: str
    code: str
    number: int
    workshop: str
    lines: list[tuple[str, str]]
    facts: str
    photo: bytes | None
    due: str
    share: str
    station: str
    phone: str
    printed: str


@dataclass(frozen=True)
class FamilyLetter:
    """A family's week on paper. `parts` are a heading and its sentences each."""

    workshop: str
    week: str
    sums: list[tuple[str, str]]
    parts: list[tuple[str, list[str]]]
    station: str
    phone: str
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


async def print_parcels(paper: ParcelPaper) -> bytes:
    """Packing lists (A4), labels (100 × 150 mm) and receipts (A5) as PDF. Raises ValueError for none."""
    if not (paper.lists or paper.labels or paper.receipts):
        raise ValueError("nothing to print")
    return await _draw(msgspec.msgpack.encode(paper), "media.parcel_print")


async def print_consent_sheet(sheet: ConsentSheet) -> bytes:
    """A family's consent sheet as PDF, A4."""
    return await _draw(msgspec.msgpack.encode(sheet), "media.consent_sheet")


async def print_piece_cards(faces: Sequence[PieceFace]) -> bytes:
    """Cards of sold pieces as PDF, ten to an A4. Raises ValueError when there are none."""
    if not faces:
        raise ValueError("a sheet needs at least one card")
    return await _draw(msgspec.msgpack.encode(list(faces)), "media.piece_cards")


async def print_sign_in_card(card: SignInCard) -> bytes:
    """An artisan's A6 card as PDF; takes about a second."""
    return await _draw(msgspec.msgpack.encode(card), "media.sign_in_card")


async def print_slips(slips: Sequence[WorkSlip]) -> bytes:
    """Slips as PDF, one A5 page each."""
    return await _draw(msgspec.msgpack.encode(list(slips)), "media.slip")


async def print_letters(letters: Sequence[FamilyLetter]) -> bytes:
    """Weekly letters as PDF, one A4 page each."""
    return await _draw(msgspec.msgpack.encode(list(letters)), "media.letter")


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
