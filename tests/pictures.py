"""Files that look like photos and are none, built by hand."""

import struct
import zlib
from pathlib import Path

CARVING = (Path(__file__).parent / "media" / "carving.jpg").read_bytes()
"""A photo of a carving, as a phone sends it."""


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


HUGE_PNG = b"\x89PNG\r\n\x1a\n" + b"".join(
    (
        _chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)),
        _chunk(b"IDAT", zlib.compress(b"\0")),
        _chunk(b"IEND", b""),
    )
)
"""A header that claims 100,000 × 100,000 pixels, in under a hundred bytes."""


def truncated(photo: bytes) -> bytes:
    """The first half of a photo: its header can be read, its pixels can not."""
    return photo[: len(photo) // 2]
