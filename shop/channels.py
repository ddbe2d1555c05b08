"""Which channels take notices, and for whom: what XIANGBO_NOTICE_URLS says. `docs/notices.md`.

Loads nothing: the settings read it at every start. `shop.sending` alone speaks to the channels.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

PHONE = "{phone}"

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#]\S*", re.ASCII)


class Audience(StrEnum):
    """Who is told: a buyer, a family, or the people of the station."""

    BUYER = "buyer"
    FAMILY = "family"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Channel:
    """An address that takes notices for some. It holds a secret, so it is never shown or logged."""

    audiences: frozenset[Audience]
    url: str = field(repr=False)

    @property
    def name(self) -> str:
        """What may be told of it: the kind of its service, "wecombot"."""
        return self.url.partition("://")[0][:20]

    def url_for(self, phone: str) -> str:
        """Its address for one who is told; staff have no number."""
        return self.url.replace(PHONE, quote(phone, safe=""))


def read_channels(typed: str) -> tuple[Channel, ...]:
    """The channels that a setting names, in its order.

    Raises ValueError with what is wrong with the first that can be none; it never says the address.
    """
    return tuple(_read(n, word) for n, word in enumerate(typed.split(), start=1))


def _read(number: int, word: str) -> Channel:
    whom, given, rest = word.partition("=")
    if given and whom in set(Audience):
        audiences, url = frozenset({Audience(whom)}), rest
    else:
        audiences, url = frozenset({Audience.BUYER, Audience.FAMILY}), word
    if not _ADDRESS.fullmatch(url):
        raise ValueError(f"address {number} is none like service://…")
    if PHONE not in url and audiences != {Audience.STAFF}:
        raise ValueError(
            f"address {number} has no {PHONE}, so everybody's notices would go to one place; "
            "put it where the number belongs, or staff= before an address of the station's own"
        )
    return Channel(audiences, url)
