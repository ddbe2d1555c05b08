"""Printed paper, seen as a scanner sees it."""

import subprocess
from pathlib import Path

import zxingcpp
from PIL import Image


def codes_on(pdf: bytes, paper: Path) -> list[str]:
    """What the QR codes on the first page of a PDF say; `paper` is where it may be put."""
    paper.write_bytes(pdf)
    picture = paper.with_suffix("")
    subprocess.run(
        ["pdftoppm", "-r", "150", "-png", "-singlefile", str(paper), str(picture)], check=True
    )
    with Image.open(picture.with_suffix(".png")) as image:
        return [found.text for found in zxingcpp.read_barcodes(image)]
