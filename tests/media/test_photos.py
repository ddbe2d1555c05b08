"""Photos as phones send them, and uploads that are no photos."""

import struct
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms

from media.photos import MAX_BYTES, BadPhoto, PhotoFacts, PhotoFault, Rendition, inspect, render

CARVING = (Path(__file__).parent / "carving.jpg").read_bytes()
RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 30), (30, 30, 220), (255, 255, 255)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(rendition: Rendition) -> Image.Image:
    return Image.open(BytesIO(rendition.data))


def with_red_corner(size: tuple[int, int]) -> Image.Image:
    """A white picture whose upper left quarter is red."""
    image = Image.new("RGB", size, WHITE)
    image.paste(RED, (0, 0, size[0] // 2, size[1] // 2))
    return image


def is_near(image: Image.Image, at: tuple[float, float], colour: tuple[int, int, int]) -> bool:
    """Compare the pixel at a fraction of width and height; lossy formats are a little off."""
    pixel = image.convert("RGB").getpixel((int(image.width * at[0]), int(image.height * at[1])))
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= 12 for a, b in zip(pixel, colour, strict=True))


def exif_of_a_phone(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "SecretPhone"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "N", (35.0, 36.0, 12.0)
    gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", (103.0, 12.0, 30.0)
    return exif


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile_with_red_and_green_exchanged() -> bytes:
    """An sRGB profile whose table of tags points red at green's primary and the reverse."""
    profile = srgb_profile()
    return (
        profile.replace(b"rXYZ", b"????", 1)
        .replace(b"gXYZ", b"rXYZ", 1)
        .replace(b"????", b"gXYZ", 1)
    )


def png_claiming(width: int, height: int) -> bytes:
    """A PNG with one pixel's worth of data under a header of any size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0\0")
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def refusal(data: bytes) -> PhotoFault:
    """Say why both functions refuse `data`, which they must do alike."""
    with pytest.raises(BadPhoto) as caught:
        inspect(data)
    with pytest.raises(BadPhoto) as again:
        render(data)
    assert caught.value.reason is again.value.reason
    return caught.value.reason


@pytest.mark.parametrize(
    ("kind", "media_type", "extension"),
    [
        ("JPEG", "image/jpeg", "jpg"),
        ("PNG", "image/png", "png"),
        ("WEBP", "image/webp", "webp"),
        ("AVIF", "image/avif", "avif"),
        ("HEIF", "image/heic", "heic"),
    ],
)
def test_every_format_is_told_apart_and_rendered(
    kind: str, media_type: str, extension: str
) -> None:
    image = with_red_corner((400, 300))
    data = saved(image, kind)
    assert inspect(data) == PhotoFacts(kind, media_type, extension, 400, 300)
    for rendition in render(data):
        assert is_near(opened(rendition), (0.2, 0.2), RED)
        assert is_near(opened(rendition), (0.8, 0.8), WHITE)


def test_nine_renditions_of_three_sizes() -> None:
    assert [(r.name, r.width, r.height, r.extension, r.media_type) for r in render(CARVING)] == [
        (name, side, side, extension, f"image/{subtype}")
        for name, side in (("s", 320), ("m", 640), ("l", 1280))
        for extension, subtype in (("avif", "avif"), ("webp", "webp"), ("jpg", "jpeg"))
    ]


def test_renditions_are_what_they_say() -> None:
    for rendition in render(CARVING):
        facts = inspect(rendition.data)
        assert (facts.width, facts.height) == (rendition.width, rendition.height)
        assert (facts.media_type, facts.extension) == (rendition.media_type, rendition.extension)


def test_a_carving_stays_light_enough_for_a_phone() -> None:
    """The page's whole first load is to stay under 150 KB with the photo."""
    sizes = {r.extension: len(r.data) for r in render(CARVING) if r.name == "m"}
    assert sizes["avif"] < 45_000
    assert sizes["webp"] < 60_000
    assert sizes["jpg"] < 80_000


def test_a_carving_still_looks_like_itself() -> None:
    """Mean difference from an unencoded reduction, of 255, for the picture buyers see first."""
    with Image.open(BytesIO(CARVING)) as original:
        ideal = original.convert("L").resize((640, 640), Image.Resampling.LANCZOS).tobytes()
    for rendition in render(CARVING):
        if rendition.name == "m":
            pixels = opened(rendition).convert("L").tobytes()
            total = sum(abs(a - b) for a, b in zip(ideal, pixels, strict=True))
            assert total / len(ideal) < 4, rendition.extension


def test_a_small_photo_is_never_enlarged() -> None:
    sizes = {r.name: (r.width, r.height) for r in render(saved(with_red_corner((500, 250)), "PNG"))}
    assert sizes == {"s": (320, 160), "m": (500, 250), "l": (500, 250)}


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1, 1), {"s": (1, 1), "m": (1, 1), "l": (1, 1)}),
        ((4000, 2), {"s": (320, 1), "m": (640, 1), "l": (1280, 1)}),
        ((100, 20_000), {"s": (6, 1280), "m": (13, 2560), "l": (26, 5120)}),
    ],
)
def test_odd_shapes(size: tuple[int, int], expected: dict[str, tuple[int, int]]) -> None:
    data = saved(Image.new("L", size, 128), "PNG")
    assert {r.name: (r.width, r.height) for r in render(data)} == expected


@pytest.mark.parametrize(
    ("orientation", "size", "corner"),
    [
        (1, (400, 300), (0.2, 0.2)),
        (2, (400, 300), (0.8, 0.2)),
        (3, (400, 300), (0.8, 0.8)),
        (4, (400, 300), (0.2, 0.8)),
        (5, (300, 400), (0.2, 0.2)),
        (6, (300, 400), (0.8, 0.2)),
        (7, (300, 400), (0.8, 0.8)),
        (8, (300, 400), (0.2, 0.8)),
        (9, (400, 300), (0.2, 0.2)),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_photos_stand_upright(
    kind: str, orientation: int, size: tuple[int, int], corner: tuple[float, float]
) -> None:
    data = saved(with_red_corner((400, 300)), kind, exif=exif_of_a_phone(orientation).tobytes())
    facts = inspect(data)
    assert (facts.width, facts.height) == size
    picture = next(r for r in render(data) if (r.name, r.extension) == ("l", "webp"))
    assert (picture.width, picture.height) == size
    places = [(x, y) for x in (0.2, 0.8) for y in (0.2, 0.8)]
    assert [at for at in places if is_near(opened(picture), at, RED)] == [corner]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_position_phone_and_profile_are_gone(kind: str) -> None:
    image = with_red_corner((1400, 1000))
    about = {
        "exif": exif_of_a_phone(6).tobytes(),
        "icc_profile": srgb_profile(),
        "xmp": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>SecretPlace</x:xmpmeta>",
    }
    data = saved(image, kind, **about)
    assert b"SecretPhone" in data
    for rendition in render(data):
        for trace in (b"Secret", b"Exif", b"EXIF", b"acsp", b"adobe", b"XMP "):
            assert trace not in rendition.data
        with opened(rendition) as picture:
            assert dict(picture.getexif()) == {}
            assert not {"exif", "icc_profile", "xmp", "comment"} & set(picture.info)


def test_a_comment_is_gone() -> None:
    data = saved(with_red_corner((100, 100)), "JPEG", comment=b"SecretWords")
    assert b"SecretWords" in data
    assert not any(b"SecretWords" in rendition.data for rendition in render(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_colours_go_through_the_embedded_profile(kind: str) -> None:
    profile = profile_with_red_and_green_exchanged()
    data = saved(Image.new("RGB", (200, 200), (255, 0, 0)), kind, icc_profile=profile)
    for rendition in render(data):
        assert is_near(opened(rendition), (0.5, 0.5), (0, 255, 0))


@pytest.mark.parametrize("profile", [b"not a profile", srgb_profile()[:200]])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    data = saved(Image.new("RGB", (200, 200), BLUE), "JPEG", icc_profile=profile)
    assert all(is_near(opened(rendition), (0.5, 0.5), BLUE) for rendition in render(data))


def test_broken_exif_costs_the_rotation_only() -> None:
    exif = exif_of_a_phone(6).tobytes()
    data = saved(with_red_corner((400, 300)), "WEBP", exif=exif[:9] + b"\xff" * 8)
    assert (inspect(data).width, inspect(data).height) == (400, 300)
    assert len(render(data)) == 9


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_is_transparent_shows_paper(kind: str) -> None:
    image = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, 200, 400))
    for rendition in render(saved(image, kind)):
        assert is_near(opened(rendition), (0.75, 0.5), (0xF7, 0xF2, 0xE8))
        assert is_near(opened(rendition), (0.25, 0.5), RED)


def test_palettes_and_their_transparency() -> None:
    image = Image.new("P", (100, 100), 0)
    image.putpalette([0, 0, 0, *BLUE])
    image.paste(1, (0, 0, 50, 100))
    for rendition in render(saved(image, "PNG", transparency=0)):
        assert is_near(opened(rendition), (0.2, 0.5), BLUE)
        assert is_near(opened(rendition), (0.8, 0.5), (0xF7, 0xF2, 0xE8))


@pytest.mark.parametrize(
    ("image", "kind", "colour"),
    [
        (Image.new("L", (90, 60), 100), "JPEG", (100, 100, 100)),
        (Image.new("1", (90, 60), 1), "PNG", (255, 255, 255)),
        (Image.new("I;16", (90, 60), 100 * 256), "PNG", (100, 100, 100)),
        (Image.new("CMYK", (90, 60), (0, 255, 255, 0)), "JPEG", (255, 0, 0)),
        (Image.new("LA", (90, 60), (100, 255)), "PNG", (100, 100, 100)),
    ],
)
def test_unusual_pixels(image: Image.Image, kind: str, colour: tuple[int, int, int]) -> None:
    for rendition in render(saved(image, kind)):
        assert is_near(opened(rendition), (0.5, 0.5), colour)


def test_a_jpeg_with_a_second_picture_behind_it_is_a_jpeg() -> None:
    """Phones append a gain map or a depth map this way."""
    image = with_red_corner((400, 300))
    data = saved(image, "MPO", save_all=True, append_images=[Image.new("RGB", (40, 30))])
    assert inspect(data) == PhotoFacts("JPEG", "image/jpeg", "jpg", 400, 300)
    assert all(is_near(opened(rendition), (0.2, 0.2), RED) for rendition in render(data))


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "AVIF"])
def test_of_an_animation_the_first_frame_counts(kind: str) -> None:
    frames = [Image.new("RGB", (200, 100), colour) for colour in (RED, GREEN, BLUE)]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    assert (inspect(data).width, inspect(data).height) == (200, 100)
    assert all(is_near(opened(rendition), (0.5, 0.5), RED) for rendition in render(data))


def test_nothing_is_refused() -> None:
    assert refusal(b"") is PhotoFault.EMPTY


def test_too_many_bytes_are_refused_whatever_they_are() -> None:
    assert refusal(CARVING + bytes(MAX_BYTES + 1 - len(CARVING))) is PhotoFault.TOO_MANY_BYTES
    assert inspect(CARVING + bytes(MAX_BYTES - len(CARVING))).width == 1280


@pytest.mark.parametrize(
    "data",
    [
        "这是一封信，不是照片。".encode() * 50,
        b"\xff\xd8",
        saved(with_red_corner((64, 64)), "GIF"),
        saved(with_red_corner((64, 64)), "TIFF"),
        b"%PDF-1.7\n",
        b"\x00\x00\x00\x20ftypisom" + bytes(500),
        bytes(1000),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    assert refusal(data) is PhotoFault.NOT_A_PICTURE


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_a_header_cut_short_is_refused(kind: str) -> None:
    data = saved(with_red_corner((64, 64)), kind)
    assert refusal(data[:28]) is PhotoFault.TRUNCATED


@pytest.mark.parametrize("size", [(100_000, 100_000), (11_000, 10_001), (9_500, 19_000)])
def test_a_small_file_that_claims_too_many_pixels_is_refused(size: tuple[int, int]) -> None:
    data = png_claiming(*size)
    started = time.process_time()
    assert refusal(data) is PhotoFault.TOO_MANY_PIXELS
    assert time.process_time() - started < 0.1


def test_110_megapixels_are_not_too_many() -> None:
    facts = inspect(png_claiming(11_000, 10_000))
    assert (facts.width, facts.height) == (11_000, 10_000)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_pixel_data_cut_short_is_found_by_render(kind: str) -> None:
    with Image.open(BytesIO(CARVING)) as image:
        data = saved(image, kind)
    with pytest.raises(BadPhoto) as caught:
        render(data[: len(data) // 2])
    assert caught.value.reason is PhotoFault.TRUNCATED
    assert str(caught.value) == "photo refused: truncated"


def test_inspect_looks_at_the_header_only() -> None:
    assert inspect(CARVING[:2000]).width == 1280


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damage_anywhere_is_survived_or_refused(data: st.DataObject) -> None:
    """Only BadPhoto may come out of a damaged upload."""
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "AVIF", "HEIF"]))
    image = with_red_corner((32, 32))
    photo = bytearray(saved(image, kind))
    for _ in range(data.draw(st.integers(1, 4))):
        photo[data.draw(st.integers(0, len(photo) - 1))] = data.draw(st.integers(0, 255))
    try:
        inspect(bytes(photo))
        assert len(render(bytes(photo))) == 9
    except BadPhoto:
        pass


@dataclass(frozen=True)
class Cost:
    """What rendering a file took: the process's largest memory in MB, and the sizes made."""

    peak_mb: int
    sizes: set[str]


def cost_of(path: Path) -> Cost:
    """Render a file in a process of its own, which tells its peak (VmHWM, unlike ru_maxrss, does
    not include what this process had in memory before)."""
    script = (
        "import sys; from pathlib import Path; from media.photos import render\n"
        "made = render(Path(sys.argv[1]).read_bytes())\n"
        "status = Path('/proc/self/status').read_text().splitlines()\n"
        "print(next(line.split()[1] for line in status if line.startswith('VmHWM')))\n"
        "print(*{f'{r.width}x{r.height}' for r in made})\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    peak, sizes = done.stdout.splitlines()
    return Cost(int(peak) // 1024, set(sizes.split()))


def write_large_jpeg(path: Path, mode: str, size: tuple[int, int]) -> None:
    """Tile the carving over `size`, so that the pixels cost as much as a real photo's."""
    with Image.open(BytesIO(CARVING)) as carving:
        tile = carving.convert(mode)
    image = Image.new(mode, size)
    for x in range(0, size[0], tile.width):
        for y in range(0, size[1], tile.height):
            image.paste(tile, (x, y))
    image.save(path, "JPEG", quality=85)


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="reads a process's peak memory from /proc"
)


@needs_proc
def test_48_megapixels_need_little_memory(tmp_path: Path) -> None:
    """Decoded whole they would take 195 MB by themselves."""
    write_large_jpeg(tmp_path / "48.jpg", "RGB", (8064, 6048))
    cost = cost_of(tmp_path / "48.jpg")
    assert cost.sizes == {"320x240", "640x480", "1280x960"}
    assert cost.peak_mb < 150


@needs_proc
def test_108_megapixels_are_accepted(tmp_path: Path) -> None:
    write_large_jpeg(tmp_path / "108.jpg", "L", (12_000, 9_000))
    cost = cost_of(tmp_path / "108.jpg")
    assert cost.sizes == {"320x240", "640x480", "1280x960"}
    assert cost.peak_mb < 150
