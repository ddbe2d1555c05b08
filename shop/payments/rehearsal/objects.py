"""Stripe's objects, built from our rows.

Each carries every field of Stripe's published example of it, with the same JSON type, or null
where Stripe says the field may be null and nothing of the kind happened.
"""

from typing import Any

import msgspec

from shop.payments.rehearsal.store import Refund, Session

# Objects are JSON on their way out: nothing reads them back, so their values stay untyped.
Json = dict[str, Any]

CURRENCY = "cny"
NO_ADDRESS = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}
# What a charge says of how it was paid; the card is the one Stripe gives everybody to practise with.
PAID_WITH: dict[str | None, Json] = {
    "alipay": {"buyer_id": None, "fingerprint": None, "transaction_id": None},
    "wechat_pay": {"fingerprint": None, "location": None, "reader": None, "transaction_id": None},
    "card": {
        "amount_authorized": None,
        "authorization_code": None,
        "brand": "visa",
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "exp_month": 12,
        "exp_year": 2099,
        "extended_authorization": {"status": "disabled"},
        "fingerprint": None,
        "funding": "credit",
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": "4242",
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": "visa",
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": None,
        "regulated_status": None,
        "three_d_secure": None,
        "transaction_link_id": None,
        "wallet": None,
    },
}


def checkout_session(session: Session, pay_url: str) -> Json:
    paid = session.status == "complete"
    is_open = session.status == "open"
    methods = msgspec.json.decode(session.methods)
    return {
        "id": session.id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": methods,
        "amount_subtotal": session.amount_fen,
        "amount_total": session.amount_fen,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": session.cancel_url,
        "client_reference_id": session.reference,
        "client_secret": None,
        "collected_information": {
            "business_name": None,
            "individual_name": None,
            "shipping_details": None,
        },
        "consent": None,
        "consent_collection": None,
        "created": session.created,
        "currency": CURRENCY,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None,
        "customer_account": None,
        "customer_creation": "if_required",
        "customer_details": _customer_details() if paid else None,
        "customer_email": None,
        "discounts": [],
        "expires_at": session.expires_at,
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": _no_invoice(),
        "livemode": False,
        "locale": session.locale,
        "managed_payments": {"enabled": False},
        "metadata": msgspec.json.decode(session.metadata),
        "mode": "payment",
        "origin_context": None,
        "payment_intent": session.intent_id,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": _method_options(methods),
        "payment_method_types": methods,
        "payment_status": "paid" if paid else "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": session.status,
        "submit_type": None,
        "subscription": None,
        "success_url": session.success_url,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": pay_url if is_open else None,
        "wallet_options": None,
    }


def payment_intent(session: Session) -> Json:
    """The money of a paid session."""
    methods = msgspec.json.decode(session.methods)
    return {
        "id": session.intent_id,
        "object": "payment_intent",
        "amount": session.amount_fen,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": session.amount_fen,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{session.intent_id}_secret_rehearsal",
        "confirmation_method": "automatic",
        "created": session.paid_at,
        "currency": CURRENCY,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": session.charge_id,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": _method_id(session),
        "payment_method_configuration_details": None,
        "payment_method_options": _method_options(methods),
        "payment_method_types": methods,
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def charge(session: Session, refunded_fen: int) -> Json:
    """The one successful charge of a paid session."""
    return {
        "id": session.charge_id,
        "object": "charge",
        "amount": session.amount_fen,
        "amount_captured": session.amount_fen,
        "amount_refunded": refunded_fen,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": f"txn_{(session.charge_id or '')[3:]}",
        "billing_details": {
            "address": NO_ADDRESS,
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "calculated_statement_descriptor": None,
        "captured": True,
        "created": session.paid_at,
        "currency": CURRENCY,
        "customer": None,
        "description": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": _authorized(),
        "paid": True,
        "payment_intent": session.intent_id,
        "payment_method": _method_id(session),
        "payment_method_details": {
            "type": session.method,
            session.method: PAID_WITH[session.method],
        },
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": refunded_fen == session.amount_fen,
        "refunds": None,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def refund(row: Refund, status: str) -> Json:
    built: Json = {
        "id": row.id,
        "object": "refund",
        "amount": row.amount_fen,
        "balance_transaction": None,
        "charge": row.charge_id,
        "created": row.created,
        "currency": CURRENCY,
        "customer": None,
        "customer_account": None,
        "destination_details": None,
        "metadata": msgspec.json.decode(row.metadata),
        "payment_intent": row.intent_id,
        "payment_method": None,
        "reason": row.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }
    if status == "failed":
        built["failure_reason"] = "unknown"
    return built


def event(event_id: str, kind: str, created: int, thing: Json, key: str | None) -> Json:
    """`key` is the idempotency key of the request that caused it; None when a buyer or time did."""
    return {
        "id": event_id,
        "object": "event",
        "api_version": None,
        "created": created,
        "data": {"object": thing},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": key},
        "type": kind,
    }


def _method_id(session: Session) -> str:
    return f"pm_{(session.charge_id or '')[3:]}"


def _method_options(methods: list[str]) -> Json:
    return {"wechat_pay": {"client": "web"}} if "wechat_pay" in methods else {}


def _customer_details() -> Json:
    return {
        "address": NO_ADDRESS,
        "business_name": None,
        "email": None,
        "individual_name": None,
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def _no_invoice() -> Json:
    return {
        "enabled": False,
        "invoice_data": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": None,
            "metadata": {},
            "rendering_options": None,
        },
    }


def _authorized() -> Json:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
