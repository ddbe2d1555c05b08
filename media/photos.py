"""Photos from phones, made safe and small for the pages.

`inspect` is cheap enough for a web request: it reads the header and decodes no pixel. `render`
decodes and belongs in a worker. Both take the bytes of one upload and touch nothing else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Any

from PIL import ExifTags, Image, ImageCms
from pillow_heif import register_heif_opener

MAX_BYTES = 50_000_000
MAX_PIXELS = 110_000_000
"""Room for the 108-megapixel sensors of today's phones."""

PAPER = (0xF7, 0xF2, 0xE8)
"""The pages' ground; what shows through a transparent picture."""

SIZES = {"s": 320, "m": 640, "l": 1280}
"""The widest each named rendition may be, in pixels."""

TALLEST = 4
"""A rendition is at most this many times as tall as its size is wide. It keeps a scroll whole and a
screenshot of a whole chat from outgrowing WebP, which ends at 16,383 pixels."""

TYPES = {
    "JPEG": ("image/jpeg", "jpg"),
    "HEIF": ("image/heic", "heic"),
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "AVIF": ("image/avif", "avif"),
}
"""Media type and file name extension of every format we read."""

SHOWN_EVERYWHERE = ("image/jpeg", "image/png", "image/webp")
"""What every browser shows as it is."""

BEGINNING = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP|....ftyp(avi|hei|hev|mif|msf)", re.DOTALL
)
"""How files of these formats begin. One that cannot be opened in spite of it was cut short."""

# Measured on carvings 640 wide: AVIF 21-30 KB, WebP 23-34 KB, JPEG 48-63 KB. AVIF is what most
# phones get, so it is worth its time; speed 7 takes twice as long for the same bytes, and 9 gives
# a tenth more bytes. WebP method 4 takes three times as long as 2 to save a twentieth.
ENCODINGS: dict[str, dict[str, Any]] = {
    "AVIF": {"quality": 62, "speed": 8, "max_threads": 1},
    "WEBP": {"quality": 76, "method": 2},
    "JPEG": {"quality": 80, "optimize": True, "progressive": True},
}

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by its EXIF orientation."""

ON_ITS_SIDE = {5, 6, 7, 8}

# `_opened` holds our own limit for every picture. Pillow's would warn from 89 megapixels on.
Image.MAX_IMAGE_PIXELS = None
register_heif_opener(depth_images=False, aux_images=False)


class PhotoFault(StrEnum):
    """Why a photo was refused; pages translate these."""

    EMPTY = "empty"
    TOO_MANY_BYTES = "too_many_bytes"
    NOT_A_PICTURE = "not_a_picture"
    TOO_MANY_PIXELS = "too_many_pixels"
    TRUNCATED = "truncated"
    """Cut short or damaged; sending it again may help."""


class BadPhoto(ValueError):
    """An upload that cannot become a photo; `reason` says why."""

    def __init__(self, reason: PhotoFault) -> None:
        super().__init__(f"photo refused: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class PhotoFacts:
    """What a photo's header says. Width and height are in pixels, the photo upright."""

    format: str
    media_type: str
    extension: str
    width: int
    height: int


@dataclass(frozen=True)
class Rendition:
    """One encoding of a photo at one size, in sRGB and without any metadata."""

    name: str
    width: int
    height: int
    extension: str
    media_type: str
    data: bytes


def inspect(data: bytes) -> PhotoFacts:
    """Tell format and upright size of an upload from its header alone.

    An animation is accepted: its first frame is the photo. Raises BadPhoto for everything that
    `render` would refuse too, save damage further in, which only decoding can find.
    """
    image = _opened(data)
    kind = _format(image)
    media_type, extension = TYPES[kind]
    width, height = _upright(image.size, _orientation(image))
    return PhotoFacts(kind, media_type, extension, width, height)


def render(data: bytes) -> list[Rendition]:
    """Decode a photo once and encode it as "s", "m" and "l", each in AVIF, WebP and JPEG.

    Never larger than the photo itself: of a small one, several sizes are the same. EXIF, GPS
    position, XMP and colour profile are gone; the profile's colours are kept, as sRGB.

    Takes about half a second of CPU. A JPEG is decoded at the smallest scale that still covers
    "l", so 48 megapixels need little memory; other formats must be decoded whole.

    Raises BadPhoto, with TRUNCATED when the pixel data is cut short or damaged.
    """
    image = _opened(data)
    orientation = _orientation(image)
    profile = image.info.get("icc_profile")
    full = _upright(image.size, orientation)
    image = _decoded(image, _upright(_fitted(full, SIZES["l"]), orientation))
    if orientation in TURNS:
        image = image.transpose(TURNS[orientation])
    return list(_renditions(_on_paper(_in_srgb(image, profile)), full))


def viewable(data: bytes) -> tuple[bytes, str]:
    """A kept picture as every browser can show it, and its media type. Raises BadPhoto.

    JPEG, PNG and WebP are as they were; others become the largest rendition, as JPEG.
    """
    media_type = inspect(data).media_type
    if media_type in SHOWN_EVERYWHERE:
        return data, media_type
    largest = [r for r in render(data) if (r.name, r.extension) == ("l", "jpg")]
    return largest[0].data, largest[0].media_type


def _opened(data: bytes) -> Image.Image:
    """Read the header. Raises BadPhoto."""
    if not data:
        raise BadPhoto(PhotoFault.EMPTY)
    if len(data) > MAX_BYTES:
        raise BadPhoto(PhotoFault.TOO_MANY_BYTES)
    try:
        image = Image.open(BytesIO(data), formats=list(TYPES))
    except MemoryError:
        raise
    except Exception as fault:  # a parser fed with strangers' bytes may raise anything
        cut = BEGINNING.match(data)
        raise BadPhoto(PhotoFault.TRUNCATED if cut else PhotoFault.NOT_A_PICTURE) from fault
    if image.width * image.height > MAX_PIXELS:
        raise BadPhoto(PhotoFault.TOO_MANY_PIXELS)
    return image


def _format(image: Image.Image) -> str:
    """Name the format; phones put gain maps and depth behind a JPEG, which Pillow calls MPO."""
    return "JPEG" if image.format == "MPO" else str(image.format)


def _orientation(image: Image.Image) -> int:
    """Read the EXIF orientation, 1 when there is none or the EXIF is broken.

    `Image.getexif` is no use here: for a PNG it would decode all pixels to look behind them.
    """
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        return int(exif.get(ExifTags.Base.Orientation, 1))
    except Exception:  # costs the rotation, not the photo
        return 1


def _upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Turn a stored size into the displayed one; turning it again gives the stored one."""
    return (size[1], size[0]) if orientation in ON_ITS_SIDE else size


def _fitted(size: tuple[int, int], width: int) -> tuple[int, int]:
    """Shrink `size`, keeping its shape, to `width` and TALLEST times that; never enlarge."""
    scale = min(1, width / size[0], width * TALLEST / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _decoded(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Decode the pixels and shrink them to `size`, in a mode that has colours rather than indexes.

    Raises BadPhoto(TRUNCATED).
    """
    try:
        image.draft(None, size)
        image.load()
    except MemoryError:
        raise
    except Exception as fault:  # as in `_opened`
        raise BadPhoto(PhotoFault.TRUNCATED) from fault
    if image.mode == "I;16":  # converting alone would cut off all but the darkest tones
        image = image.point(lambda tone: tone * (1 / 256))
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert from the embedded profile to sRGB; without one, or a broken one, take it as sRGB."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile:
        try:
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, BytesIO(profile), srgb, outputMode=mode)
        except ImageCms.PyCMSError:
            return image.convert(mode)
        assert converted is not None
        return converted
    return image.convert(mode)


def _on_paper(image: Image.Image) -> Image.Image:
    """Copy the pixels alone, so that nothing else of the upload can come along."""
    paper = Image.new("RGB", image.size, PAPER)
    paper.paste(image, mask=image if image.mode == "RGBA" else None)
    return paper


def _renditions(image: Image.Image, full: tuple[int, int]) -> Iterator[Rendition]:
    """Encode each named size of `image`, whose photo measures `full`. Same pixels, same bytes."""
    done: dict[tuple[int, int], dict[str, bytes]] = {}
    for name, widest in SIZES.items():
        size = _fitted(full, widest)
        if size not in done:
            done[size] = _encoded(image.resize(size, Image.Resampling.LANCZOS))
        for kind, data in done[size].items():
            media_type, extension = TYPES[kind]
            yield Rendition(name, *size, extension, media_type, data)


def _encoded(image: Image.Image) -> dict[str, bytes]:
    """Encode a picture in every format of ENCODINGS."""
    encoded = {}
    for kind, options in ENCODINGS.items():
        buffer = BytesIO()
        image.save(buffer, kind, **options)
        encoded[kind] = buffer.getvalue()
    return encoded
