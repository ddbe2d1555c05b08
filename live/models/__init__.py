"""The tables of shows, of their links, and of what is arranged around them."""

from live.models.links import Clip, Link, Placement, Scan
from live.models.on_air import Announcement, Overlay, Policy, Side, Tap, Watching
from live.models.planning import (
    CalendarFeed,
    CheckMark,
    PriceConsent,
    Recording,
    ShowRole,
    SignUp,
)
from live.models.shows import Airing, LineUpItem, Show, ShowState

__all__ = [
    "Airing",
    "Announcement",
    "CalendarFeed",
    "CheckMark",
    "Clip",
    "LineUpItem",
    "Link",
    "Overlay",
    "Placement",
    "Policy",
    "PriceConsent",
    "Recording",
    "Scan",
    "Show",
    "ShowRole",
    "ShowState",
    "Side",
    "SignUp",
    "Tap",
    "Watching",
]
