"""What viewers get to see: pictures through H.264, and what a phone's camera makes of them."""

import random
from collections.abc import Iterator, Sequence
from io import BytesIO

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
            picture = av.VideoFrame.from_image(small)  # type: ignore[no-untyped-call]
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return file.getvalue()


def decoded(video: bytes) -> list[Image.Image]:
    """The pictures of a video."""
    with av.open(BytesIO(video), "r") as container:
        frames = container.decode(video=0)
        return [frame.to_image() for frame in frames]  # type: ignore[no-untyped-call]


def moving(photo: Image.Image, size: tuple[int, int], frames: int) -> Iterator[Image.Image]:
    """A camera that pans over a photo in poor light, so that the encoder has much to send."""
    chance = random.Random(7)
    scale = 1.4 * max(size[0] / photo.width, size[1] / photo.height)
    wide = photo.convert("RGB").resize((round(photo.width * scale), round(photo.height * scale)))
    grain = _grain((size[0] + 400, size[1] + 400), 30, pixels=3, seed=7)
    for n in range(frames):
        left = round((wide.width - size[0]) * n / frames)
        top = round((wide.height - size[1]) * (1 - n / frames))
        picture = wide.crop((left, top, left + size[0], top + size[1]))
        x, y = chance.randrange(400), chance.randrange(400)
        yield ImageChops.add(picture, grain.crop((x, y, x + size[0], y + size[1])), offset=-15)


def by_phone(picture: Image.Image, seed: int) -> Image.Image:
    """A phone's picture of a screen: small, askew, from the side, out of focus, noisy.

    The screen shows every stream as large; a wide one is 1,056 pixels in the phone's picture.
    """
    chance = random.Random(seed)
    scale = 594 / min(picture.size)
    width, height = round(picture.width * scale), round(picture.height * scale)
    seen = picture.resize((width, height), Image.Resampling.BILINEAR)
    seen = seen.rotate(chance.uniform(-6, 6), Image.Resampling.BILINEAR)
    # The screen's corners come nearer to the middle, each by as much as it likes.
    x = [chance.uniform(0, 0.06) * width for _ in range(4)]
    y = [chance.uniform(0, 0.06) * height for _ in range(4)]
    corners = (-x[0], -y[0], -x[1], height + y[1], width + x[2], height + y[2], width + x[3], -y[3])
    tilted = seen.transform(
        seen.size, Image.Transform.QUAD, corners, Image.Resampling.BILINEAR, fillcolor="#333"
    )
    blurred = tilted.filter(ImageFilter.GaussianBlur(chance.uniform(0.7, 1.1)))
    return ImageChops.add(blurred, _grain(blurred.size, 30, pixels=1, seed=seed), offset=-15)


def _grain(size: tuple[int, int], strength: int, *, pixels: int, seed: int) -> Image.Image:
    """Noise of a colour sensor, up to `strength`, in grains so many pixels wide."""
    width, height = size[0] // pixels + 1, size[1] // pixels + 1
    grains = Image.frombytes(
        "RGB", (width, height), random.Random(seed).randbytes(width * height * 3)
    ).point(lambda value: value * strength // 255)
    large = grains.resize((width * pixels, height * pixels), Image.Resampling.NEAREST)
    return large.crop((0, 0, *size))


def codes_in(picture: Image.Image) -> list[str]:
    """What the codes in a picture say."""
    return [found.text for found in zxingcpp.read_barcodes(picture)]
