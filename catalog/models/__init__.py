"""The tables of stations, people, families and products, and what must stay true of them."""

from catalog.models.claims import (
    Claim,
    ProductReview,
    ReviewState,
)
from catalog.models.families import (
    CheckKind,
    Closure,
    ClosureReason,
    FamilyFact,
    WorkshopCheck,
)
from catalog.models.people import (
    Maker,
    Member,
    Reach,
    Registration,
    Role,
    Station,
    Workshop,
)
from catalog.models.products import (
    NOT_YET_SHOWN,
    Kind,
    Photo,
    PhotoState,
    Product,
    ProductState,
    Rendered,
    Stock,
    StockMovement,
)
from catalog.models.trail import (
    AuditEntry,
    AuditHead,
    Job,
)

__all__ = [
    "NOT_YET_SHOWN",
    "AuditEntry",
    "AuditHead",
    "CheckKind",
    "Claim",
    "Closure",
    "ClosureReason",
    "FamilyFact",
    "Job",
    "Kind",
    "Maker",
    "Member",
    "Photo",
    "PhotoState",
    "Product",
    "ProductReview",
    "ProductState",
    "Reach",
    "Registration",
    "Rendered",
    "ReviewState",
    "Role",
    "Station",
    "Stock",
    "StockMovement",
    "Workshop",
    "WorkshopCheck",
]
