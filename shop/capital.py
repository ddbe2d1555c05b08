"""Amounts in the capital numerals that receipts are written in, which nobody can alter by a stroke."""

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿")


def capital_yuan(fen: int) -> str:
    """An amount as a receipt says it: 26_800 -> "贰佰陆拾捌元整", 32_504 -> "叁佰贰拾伍元零肆分".

    As the People's Bank's rules for filling in bills have it (支付结算办法, annex 1): one 零 for
    zeros within the number, 整 at the end where there is no fen. Raises ValueError for what is
    below zero or has more than 12 digits of yuan.
    """
    if not 0 <= fen < 10**14:
        raise ValueError(f"{fen} fen cannot be written on a receipt")
    whole, rest = divmod(fen, 100)
    if not fen:
        return "零元整"
    return (_whole(whole) + "元" if whole else "") + _rest(rest, whole)


def _rest(rest: int, whole: int) -> str:
    jiao, fen = divmod(rest, 10)
    if not rest:
        return "整"
    text = f"{_DIGITS[jiao]}角" if jiao else ""
    text += f"{_DIGITS[fen]}分" if fen else "整"
    # A place left out between yuan and what follows is said.
    return f"零{text}" if whole and (not jiao or whole % 10 == 0) else text


def _whole(number: int) -> str:
    text, skipped = "", False
    for power in range(2, -1, -1):
        group = number // 10_000**power % 10_000
        if group:
            zero = "零" if text and (skipped or group < 1000) else ""
            text += zero + _group(group) + _GROUPS[power]
        skipped = group == 0
    return text


def _group(group: int) -> str:
    text, zero = "", False
    for place in range(3, -1, -1):
        digit = group // 10**place % 10
        if digit:
            text += ("零" if text and zero else "") + _DIGITS[digit] + _PLACES[place]
        zero = digit == 0
    return text
