"""Object ids in Stripe's manner: a prefix that tells the kind, then what nobody can guess."""

import secrets


def new_id(prefix: str) -> str:
    """`pi_`, `ch_`, `re_`, `evt_`, … and 24 characters."""
    return f"{prefix}_{secrets.token_hex(12)}"


def new_session_id() -> str:
    """`cs_test_` and 58 characters: whoever knows it can open the pay page."""
    return f"cs_test_{secrets.token_hex(29)}"
