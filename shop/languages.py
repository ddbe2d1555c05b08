"""The languages that buyers are told in: Chinese, and English for who reads no Chinese."""

CHINESE, ENGLISH = "zh", "en"
# A header is a stranger's; what browsers send has a dozen tags at most.
MOST_TAGS = 20


def language_of(accepted: str) -> str:
    """The one that an `Accept-Language` header (RFC 9110, 12.5.4) likes best; Chinese for neither."""
    liked = {CHINESE: 0.0, ENGLISH: 0.0}
    for part in accepted.split(",")[:MOST_TAGS]:
        tag, _, parameter = part.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        if primary in liked:
            liked[primary] = max(liked[primary], _weight(parameter))
    return ENGLISH if liked[ENGLISH] > liked[CHINESE] else CHINESE


def _weight(parameter: str) -> float:
    """The `q` of a tag, 1 where there is none; 0 for one that is no number from 0 to 1."""
    name, _, value = parameter.partition("=")
    if not name.strip():
        return 1.0
    try:
        weight = float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
