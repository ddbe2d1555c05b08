"""Who asks, and who may: roles, the actor behind a request, and what each route declares.

A route says who may use it with `opt=allow(...)`; a route that says nothing refuses everyone
(the guard in `shop/web/guard.py`). What a member may see within a route is decided by the
station and the workshop on the `Actor`.
"""

from dataclasses import dataclass
from typing import Any

from catalog.errors import NotAllowed, NotFound
from catalog.models import Role

ALLOW_KEY = "allow"


class Everyone:
    """The mark of a route that strangers may use."""


EVERYONE = Everyone()

# The county sees sums of all stations and nothing of any: it is in no other set than its own.
COUNTY = frozenset({Role.COUNTY})
MEMBERS = frozenset(Role) - COUNTY
STAFF = MEMBERS - {Role.ARTISAN, Role.VOLUNTEER}
MANAGERS = frozenset({Role.MANAGER})
SHOW_EDITORS = frozenset({Role.MANAGER, Role.HOST})
ON_AIR = frozenset({Role.MANAGER, Role.HOST, Role.ASSISTANT})
SHOW_VIEWERS = STAFF | {Role.VOLUNTEER}
CATALOG_EDITORS = frozenset({Role.MANAGER, Role.HOST, Role.ASSISTANT, Role.ORDER_DESK})
CATALOG_WRITERS = CATALOG_EDITORS | {Role.ARTISAN}
ORDER_VIEWERS = frozenset({Role.MANAGER, Role.HOST, Role.ORDER_DESK, Role.FINANCE})
WORK_ORDER_DESK = frozenset({Role.MANAGER, Role.ORDER_DESK})
WORK_ORDER_ACTORS = WORK_ORDER_DESK | {Role.ARTISAN}
WORK_ORDER_VIEWERS = ORDER_VIEWERS | {Role.ARTISAN}
# Who sees what a show came to: its figures tell of every family's money.
REPORT_VIEWERS = ORDER_VIEWERS
MONEY_DESK = frozenset({Role.MANAGER, Role.FINANCE})
MONEY_VIEWERS = frozenset({Role.MANAGER, Role.FINANCE, Role.ARTISAN})
# Who may write down money that came, and who may see its picture; MONEY_DESK decides.
RECEIPT_RECORDERS = ORDER_VIEWERS
RECEIPT_VIEWERS = frozenset({Role.MANAGER, Role.ORDER_DESK, Role.FINANCE})
TROUBLE_DESK = frozenset({Role.MANAGER, Role.ORDER_DESK, Role.FINANCE})
ARTISANS = frozenset({Role.ARTISAN})
# Who makes sure of a family before it sells, and sees the papers.
CHECKERS = frozenset({Role.MANAGER, Role.ORDER_DESK, Role.FINANCE})


def allow(who: Everyone | frozenset[Role]) -> dict[str, Any]:
    """The `opt` of a route: `EVERYONE`, or the roles that may use it."""
    return {ALLOW_KEY: who}


@dataclass(frozen=True, slots=True)
class Actor:
    """The member behind a request, as the audit trail tells of them.

    `channel` is "web" or "api"; where a family said what is done in its name, it is how it said
    so ("call", "visit", "slip"), and `evidence_id` is what shows it (`shop.acting`).
    """

    member_id: int
    station_id: int
    role: Role
    name: str
    station_name: str
    workshop_id: int | None
    workshop_name: str
    channel: str
    sees_phones: bool = False
    evidence_id: int | None = None
    station_phone: str = ""

    def must_see_workshop(self, workshop_id: int) -> None:
        """Raise NotFound, as for a thing that is not there, when it is another family's."""
        if self.workshop_id is not None and self.workshop_id != workshop_id:
            raise NotFound(f"workshop {workshop_id}")

    def must_be(self, roles: frozenset[Role]) -> None:
        """Raise NotAllowed unless the member has one of `roles`."""
        if self.role not in roles:
            raise NotAllowed(f"{self.role} is not one of {sorted(roles)}")
