"""Amounts and names as people read them."""

PAY_WAYS = {"bank": "银行转账", "wechat": "微信转账", "cash": "现金"}
"""How a family's money is handed over."""


def yuan(fen: int) -> str:
    """Fen in yuan: 32800 -> "328", 32850 -> "328.50", 160800 -> "1,608"."""
    whole, rest = divmod(abs(fen), 100)
    return f"{'−' if fen < 0 else ''}{whole:,}" + (f".{rest:02d}" if rest else "")
