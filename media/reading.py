"""Reading the codes in a photo: a slip on a table, taken with a phone.

A photo of 100 megapixels takes seconds and hundreds of megabytes to decode. `codes_in_photo` has
it done by a process of its own, which gives both back, and is ended when it takes too long.
"""

import asyncio
import sys
from io import BytesIO

import msgspec

from media.photos import BadPhoto, inspect

LONGEST = 25.0
"""Seconds; a large HEIC takes five."""


class Unreadable(ValueError):
    """The photo could not be decoded, or took too long."""


async def codes_in_photo(data: bytes) -> list[str]:
    """The text of every QR code that can be made out. Raises BadPhoto, Unreadable."""
    inspect(data)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "media.reading",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        found, _ = await asyncio.wait_for(process.communicate(data), LONGEST)
    except TimeoutError as fault:
        process.kill()
        await process.wait()
        raise Unreadable("too slow") from fault
    if process.returncode != 0:
        raise Unreadable(f"reading ended with {process.returncode}")
    return msgspec.json.decode(found, type=list[str])


def read_codes(data: bytes) -> list[str]:
    """As `codes_in_photo`, in this process. The photo is tried small, then larger, then sharpened.

    Most are found in the small one; what is far away needs the pixels, what is out of focus edges.
    """
    # Loaded here alone: web processes read no pixels.
    import zxingcpp
    from PIL import Image, ImageFilter, ImageOps

    with Image.open(BytesIO(data)) as opened:
        opened.draft("L", (4000, 4000))
        image = ImageOps.exif_transpose(opened).convert("L")
    for longest in (1600, 3200, 800):
        small = image.copy()
        small.thumbnail((longest, longest))
        for tried in (small, small.filter(ImageFilter.UnsharpMask(3, 250, 2))):
            found = zxingcpp.read_barcodes(
                tried, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
            )
            if found:
                return [one.text for one in found]
    return []


def main() -> None:
    """Read a photo from standard input, write the texts found as JSON."""
    data = sys.stdin.buffer.read()
    try:
        inspect(data)
        found = read_codes(data)
    except (BadPhoto, OSError, SyntaxError):
        sys.exit(2)
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
