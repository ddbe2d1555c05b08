"""QR pictures that survive cheap printers and livestream compression.

Level Q, a quiet zone of 4 modules, black on white, no logo. Text in capitals, such as
`HTTPS://HOST/Q/7K3FD`, takes QR's alphanumeric mode and so a smaller symbol with larger modules.
"""

from io import BytesIO
from itertools import groupby

import qrcode
from PIL import Image
from qrcode.exceptions import DataOverflowError

QUIET_ZONE = 4
"""White modules around the symbol, as the standard asks."""


def qr_png(text: str, module_px: int = 10) -> bytes:
    """Draw a code as a 1-bit PNG, `module_px` pixels (1 or more) to a module.

    On a livestream overlay never go below 7: at 4 nothing reads after H.264. Print may.
    Raises ValueError for text longer than a code can hold.
    """
    if module_px < 1:
        raise ValueError("module_px must be 1 or more")
    rows = _modules(text)
    side = len(rows)
    picture = Image.new("1", (side, side))
    picture.putdata([0 if dark else 255 for row in rows for dark in row])
    picture = picture.resize((side * module_px, side * module_px), Image.Resampling.NEAREST)
    buffer = BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def qr_svg(text: str) -> str:
    """Draw a code as SVG measured in modules: one white ground, one black path.

    Raises ValueError for text longer than a code can hold.
    """
    rows = _modules(text)
    side = len(rows)
    path = "".join(f"M{x} {y}h{width}v1h-{width}z" for x, y, width in _runs(rows))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" '
        'shape-rendering="crispEdges">'
        f'<rect width="{side}" height="{side}" fill="#fff"/><path d="{path}"/></svg>'
    )


def _modules(text: str) -> list[list[bool]]:
    """Lay out the code in its quiet zone, row by row; True is dark."""
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_Q, border=QUIET_ZONE)
    code.add_data(text, optimize=0)
    try:
        rows: list[list[bool]] = code.get_matrix()
    except (DataOverflowError, ValueError) as fault:  # which of the two depends on the text
        raise ValueError("text too long for a QR code") from fault
    return rows


def _runs(rows: list[list[bool]]) -> list[tuple[int, int, int]]:
    """Join neighbouring dark modules of a row into (x, y, width)."""
    runs = []
    for y, row in enumerate(rows):
        x = 0
        for dark, group in groupby(row):
            width = len(list(group))
            if dark:
                runs.append((x, y, width))
            x += width
    return runs
