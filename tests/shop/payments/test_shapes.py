"""The rehearsal's objects beside Stripe's published examples: same fields, same JSON types.

A type with a question mark may also be null, where Stripe's client says so.
"""

FIELDS: dict[str, dict[str, str]] = {
    "checkout.session": {
        "array": "custom_fields payment_method_types shipping_options",
        "array?": "discounts",
        "boolean": "livemode",
        "boolean?": "allow_promotion_codes",
        "integer": "created expires_at",
        "integer?": "amount_subtotal amount_total",
        "object": "automatic_tax custom_text",
        "object?": (
            "adaptive_pricing after_expiration collected_information consent "
            "consent_collection currency_conversion customer_details invoice_creation "
            "managed_payments metadata payment_method_configuration_details "
            "payment_method_options permissions phone_number_collection "
            "saved_payment_method_options shipping_address_collection shipping_cost "
            "total_details wallet_options"
        ),
        "string": "id mode object payment_status",
        "string?": (
            "billing_address_collection cancel_url client_reference_id client_secret currency "
            "customer customer_account customer_creation customer_email "
            "integration_identifier invoice locale origin_context payment_intent payment_link "
            "payment_method_collection recovered_from setup_intent status submit_type "
            "subscription success_url ui_mode url"
        ),
    },
    "payment_intent": {
        "array": "payment_method_types",
        "array?": "excluded_payment_method_types",
        "boolean": "livemode",
        "integer": "amount amount_capturable amount_received created",
        "integer?": "application_fee_amount canceled_at",
        "object": "metadata",
        "object?": (
            "amount_details automatic_payment_methods last_payment_error managed_payments "
            "next_action payment_method_configuration_details payment_method_options "
            "processing shipping transfer_data"
        ),
        "string": "capture_method confirmation_method currency id object status",
        "string?": (
            "application cancellation_reason client_secret customer customer_account "
            "description latest_charge on_behalf_of payment_method receipt_email review "
            "setup_future_usage source statement_descriptor statement_descriptor_suffix "
            "transfer_group"
        ),
    },
    "charge": {
        "boolean": "captured disputed livemode paid refunded",
        "integer": "amount amount_captured amount_refunded created",
        "integer?": "application_fee_amount",
        "object": "billing_details metadata",
        "object?": (
            "fraud_details outcome payment_method_details refunds shipping source transfer_data"
        ),
        "string": "currency id object status",
        "string?": (
            "application application_fee balance_transaction calculated_statement_descriptor "
            "customer description failure_balance_transaction failure_code failure_message "
            "on_behalf_of payment_intent payment_method receipt_email receipt_number "
            "receipt_url review source_transfer statement_descriptor "
            "statement_descriptor_suffix transfer_group"
        ),
    },
    "refund": {
        "integer": "amount created",
        "object?": "destination_details metadata",
        "string": "currency id object",
        "string?": (
            "balance_transaction charge customer customer_account payment_intent "
            "payment_method reason receipt_number source_transfer_reversal status "
            "transfer_reversal"
        ),
    },
    "event": {
        "boolean": "livemode",
        "integer": "created pending_webhooks",
        "object": "data",
        "object?": "request",
        "string": "id object type",
        "string?": "api_version",
    },
}

NESTED: dict[str, dict[str, dict[str, str]]] = {
    "checkout.session": {
        "automatic_tax": {
            "boolean": "enabled",
            "object?": "liability",
            "string?": "provider status",
        },
        "collected_information": {
            "object?": "shipping_details",
            "string?": "business_name individual_name",
        },
        "custom_text": {
            "object?": "after_submit shipping_address submit terms_of_service_acceptance"
        },
        "customer_details": {
            "object?": "address",
            "string?": "business_name email individual_name name phone tax_exempt",
            "array?": "tax_ids",
        },
        "invoice_creation": {"boolean": "enabled", "object": "invoice_data"},
        "phone_number_collection": {"boolean": "enabled"},
        "adaptive_pricing": {"boolean": "enabled"},
        "managed_payments": {"boolean": "enabled"},
        "total_details": {"integer": "amount_discount amount_tax", "integer?": "amount_shipping"},
    },
    "payment_intent": {
        "amount_details": {"object": "tip"},
        "managed_payments": {"boolean": "enabled"},
    },
    "charge": {
        "billing_details": {"object": "address", "string?": "email name phone tax_id"},
        "outcome": {
            "string": "type",
            "string?": "advice_code network_advice_code network_decline_code network_status "
            "reason seller_message",
        },
        "payment_method_details": {"string": "type"},
    },
    "event": {"data": {"object": "object"}, "request": {"string?": "id idempotency_key"}},
    "refund": {},
}

KINDS = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    type(None): "null",
}


def differences(told: dict, expected: dict[str, str]) -> list[str]:
    """Fields that are missing or of another type than expected."""
    found = []
    for allowed, names in expected.items():
        for name in names.split():
            kind = KINDS[type(told[name])] if name in told else "missing"
            if kind != allowed.rstrip("?") and not (kind == "null" and allowed.endswith("?")):
                found.append(f"{name}: {kind} instead of {allowed}")
    return found


def check(told: dict) -> None:
    kind = told["object"]
    assert differences(told, FIELDS[kind]) == []
    for name, expected in NESTED[kind].items():
        if told[name] is not None:
            assert differences(told[name], expected) == [], name


def test_a_wrong_field_would_be_seen() -> None:
    refund = {"amount": "100", "created": 1}
    assert differences(refund, {"integer": "amount created", "string?": "reason"}) == [
        "amount: string instead of integer",
        "reason: missing instead of string?",
    ]


async def test_sessions_open_paid_and_expired(till) -> None:
    for session in (
        await till.opened("open"),
        await till.paid("paid"),
        await till.gateway.expire_session((await till.opened("expired")).id),
    ):
        told = (await till.api("GET", f"/v1/checkout/sessions/{session.id}")).json()
        assert told["status"] == session.state
        check(told)


async def test_intent_charge_refund_and_events(till) -> None:
    paid = await till.paid(method="wechat_pay")
    intent = (await till.api("GET", f"/v1/payment_intents/{paid.intent_id}")).json()
    check(intent)
    charge = (await till.api("GET", f"/v1/charges/{intent['latest_charge']}")).json()
    check(charge)
    assert charge["payment_method_details"] == {"type": "wechat_pay", "wechat_pay": {}}
    asked = {"payment_intent": paid.intent_id, "amount": "100"}
    refund = (await till.api("POST", "/v1/refunds", data=asked)).json()
    check(refund)
    assert (await till.api("GET", f"/v1/refunds/{refund['id']}")).json() == refund
    listed = (await till.api("GET", "/v1/events")).json()["data"]
    assert [event["type"] for event in listed] == ["refund.created", "checkout.session.completed"]
    for event in listed:
        check(event)
        check(event["data"]["object"])
