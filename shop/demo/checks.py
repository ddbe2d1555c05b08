"""What the demo's station has made sure of: all is well, but for two families."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.checks import BEIJING
from catalog.models import CheckKind, Workshop
from catalog.onboarding import make_check
from media.storage import Storage

# Whose consent ends soon, whose account nobody has looked at, and who has a (made up) licence.
_ENDS_SOON, _NOT_LOOKED_AT, _LICENSED = "zhao", "ma", "liu"


async def check_families(
    session: AsyncSession,
    storage: Storage,
    manager: Actor,
    families: Mapping[str, Workshop],
    now: datetime,
) -> None:
    """The manager has seen to each family, forty days ago."""
    today = now.astimezone(BEIJING).date()
    for login, family in families.items():
        for kind in CheckKind:
            if (login, kind) == (_NOT_LOOKED_AT, CheckKind.BANK_NAME):
                continue
            typed = {}
            if kind == CheckKind.CONSENT:
                left = 12 if login == _ENDS_SOON else 325
                typed["renew_on"] = (today + timedelta(days=left)).isoformat()
            if kind == CheckKind.REGISTRATION and login == _LICENSED:
                typed = {"registration": "licence", "registration_no": "92620000DEMO00001X"}
            elif kind == CheckKind.REGISTRATION:
                typed = {"registration": "exempt"}
            at = now - timedelta(days=40)
            await make_check(session, storage, manager, family, kind, typed, None, at)
