"""Short codes that are printed, read aloud on air and typed in."""

import re
import secrets
import unicodedata

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Digits and capitals without 0 O 1 I L U, which people mistake for each other."""

LENGTHS = range(4, 6)
"""How many symbols a code has: 4 where it is only spoken, otherwise 5."""

GAPS = re.compile(r"[\s\x00\u200b\ufeff\u2010-\u2015\u2212\u30fb\u00b7_-]+")
"""What people put between the symbols: spaces, dashes, a minus sign, middle dots.

And NUL, which PostgreSQL refuses in any text."""


def new_code(length: int = 5) -> str:
    """Draw a code at random; 5 symbols give 24 million. Whoever stores it checks it is new."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def normalise(text: str) -> str:
    """Bring a typed-in code into the form it is stored in.

    Full-width letters and digits become plain, small letters capital; spaces and dashes go.
    Everything else stays as typed, so that a wrong symbol is not found rather than guessed at.
    """
    return GAPS.sub("", unicodedata.normalize("NFKC", text)).upper()
