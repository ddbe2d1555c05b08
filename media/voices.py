"""Recordings of a voice: what kind a file is, told by its first bytes."""

import re

MAX_BYTES = 20_000_000

# An MPEG frame begins with eleven set bits and a layer that is not the reserved one.
_KINDS = {
    "audio/mp4": re.compile(rb"....ftyp(M4A|M4B|mp41|mp42|isom|iso[2-6]|3gp)", re.DOTALL),
    "audio/mpeg": re.compile(rb"ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]", re.DOTALL),
    "audio/ogg": re.compile(rb"OggS", re.DOTALL),
    "audio/webm": re.compile(rb"\x1a\x45\xdf\xa3", re.DOTALL),
    "audio/amr": re.compile(rb"#!AMR(-WB)?\n", re.DOTALL),
    "audio/wav": re.compile(rb"RIFF....WAVE", re.DOTALL),
}

ENDINGS = {
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/webm": "webm",
    "audio/amr": "amr",
    "audio/wav": "wav",
}


def voice_type(data: bytes) -> str:
    """The media type of a recording; "" for what is none."""
    return next((kind for kind, begins in _KINDS.items() if begins.match(data)), "")
