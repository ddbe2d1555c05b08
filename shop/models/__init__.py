"""The tables of the shop, a file for each subject."""

from shop.models.buying import (
    Hold,
    HoldLine,
    HoldState,
    Order,
    OrderLine,
    OrderState,
    ShippingRate,
    Waiter,
    WaiterState,
    WorkOrder,
    WorkOrderState,
)
from shop.models.desk import (
    BuyerRequest,
    Notice,
    RequestKind,
    RequestState,
    Trouble,
)
from shop.models.ledger import (
    FeeRule,
    LedgerEntry,
    Payout,
    PayoutRun,
    PayoutState,
    Posting,
)
from shop.models.payments import (
    OfflineReceipt,
    Payment,
    PaymentState,
    ReceiptState,
    Refund,
    RefundState,
    WebhookEvent,
)
from shop.models.signin import (
    ApiToken,
    MemberSession,
    SignInTry,
)

__all__ = [
    "ApiToken",
    "BuyerRequest",
    "FeeRule",
    "Hold",
    "HoldLine",
    "HoldState",
    "LedgerEntry",
    "MemberSession",
    "Notice",
    "OfflineReceipt",
    "Order",
    "OrderLine",
    "OrderState",
    "Payment",
    "PaymentState",
    "Payout",
    "PayoutRun",
    "PayoutState",
    "Posting",
    "ReceiptState",
    "Refund",
    "RefundState",
    "RequestKind",
    "RequestState",
    "ShippingRate",
    "SignInTry",
    "Trouble",
    "Waiter",
    "WaiterState",
    "WebhookEvent",
    "WorkOrder",
    "WorkOrderState",
]
