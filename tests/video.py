"""What viewers get to see: pictures through H.264, and what a phone's camera makes of them."""

import random
from collections.abc import Iterator, Sequence
from io import BytesIO
from math import cos, radians, sin

import av
import zxingcpp
from PIL import Image, ImageChops, ImageFilter

FRAMES_A_SECOND = 25


def through_h264(frames: Sequence[Image.Image], size: tuple[int, int], bits: int) -> bytes:
    """The frames at `size`, sent with `bits` a second as streaming programs do: constant rate, a
    whole picture every two seconds, little time to think."""
    file = BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_A_SECOND)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = bits
        stream.gop_size = 2 * FRAMES_A_SECOND
        rate = {"maxrate": str(bits), "bufsize": str(bits), "minrate": str(bits)}
        stream.options = {"preset": "veryfast", "profile": "main", **rate}
        for frame in frames:
            small = frame if frame.size == size else frame.resize(size, Image.Resampling.BICUBIC)
            container.mux(stream.encode(av.VideoFrame.from_image(small)))
        container.mux(stream.encode())
    return file.getvalue()


def decoded(video: bytes) -> list[Image.Image]:
    """The pictures of a video."""
    with av.open(BytesIO(video)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def moving(photo: Image.Image, size: tuple[int, int], frames: int) -> Iterator[Image.Image]:
    """A camera that pans over a photo, and has a sensor's noise."""
    width, height = size
    scale = 1.25 * max(width / photo.width, height / photo.height)
    wide = photo.convert("RGB").resize(
        (round(photo.width * scale), round(photo.height * scale)), Image.Resampling.BILINEAR
    )
    noise = _noise(size, 12)
    for n in range(frames):
        left = round((wide.width - width) * n / frames)
        top = round((wide.height - height) * (1 - n / frames))
        picture = wide.crop((left, top, left + width, top + height))
        shifted = ImageChops.offset(noise, 37 * n, 53 * n)
        yield ImageChops.add(picture, shifted, offset=-6)


def by_phone(picture: Image.Image, seed: int) -> Image.Image:
    """A phone's picture of a screen that plays it: smaller, askew, tilted, a little blurred, noisy."""
    chance = random.Random(seed)
    shorter = min(picture.size)
    # Whatever the stream's size, the screen shows it as large; the phone holds 90 % of it.
    scale = 0.9 * 1080 / shorter
    seen = picture.resize(
        (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BILINEAR
    )
    turn = radians(chance.uniform(-6, 6))
    # How much farther away the far edge is than the near one: up to a tenth.
    across = chance.uniform(-0.1, 0.1) / seen.width
    down = chance.uniform(-0.1, 0.1) / seen.height
    x, y = seen.width / 2, seen.height / 2
    c, s = cos(turn), sin(turn)
    # Turned about the middle, then seen in perspective from before it.
    a, b, d, e = c + x * across, s + x * down, -s + y * across, c + y * down
    w = 1 - x * across - y * down
    tilt = (a, b, x * w - (c * x + s * y), d, e, y * w - (-s * x + c * y), across, down, 1 + w - 1)
    tilted = seen.transform(
        seen.size,
        Image.Transform.PERSPECTIVE,
        tuple(value / tilt[8] for value in tilt[:8]),
        Image.Resampling.BILINEAR,
        fillcolor="#333",
    )
    blurred = tilted.filter(ImageFilter.GaussianBlur(chance.uniform(0.6, 1.2)))
    return ImageChops.add(blurred, _noise(blurred.size, 24, seed), offset=-12)


def _noise(size: tuple[int, int], strength: int, seed: int = 7) -> Image.Image:
    tile = random.Random(seed).randbytes(256 * 256)
    grain = Image.frombytes("L", (256, 256), tile).point(lambda value: value * strength // 255)
    whole = Image.new("L", size)
    for left in range(0, size[0], 256):
        for top in range(0, size[1], 256):
            whole.paste(grain, (left, top))
    return Image.merge("RGB", (whole, whole, whole))


def codes_in(picture: Image.Image) -> list[str]:
    """What the codes in a picture say."""
    return [found.text for found in zxingcpp.read_barcodes(picture)]
