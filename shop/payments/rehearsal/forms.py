"""Form bodies as Stripe's clients write them: `line_items[0][price_data][unit_amount]=1200`."""

from urllib.parse import parse_qsl, urlsplit

from shop.payments.rehearsal.errors import ApiError

MAX_FIELDS = 500
# Stripe: up to 50 keys, names of 40 and values of 500 characters.
MAX_METADATA_KEYS = 50
MAX_METADATA_NAME = 40
MAX_METADATA_VALUE = 500


class Form:
    """The fields of one request, under the names they were sent with."""

    def __init__(self, encoded: str) -> None:
        try:
            pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError:
            raise ApiError("The request has too many parameters.") from None
        self.fields = dict(pairs)

    def allow(self, known: frozenset[str]) -> None:
        """Refuse parameters that are not known, as Stripe does, so that a typing slip shows."""
        for name in self.fields:
            if name.partition("[")[0] not in known:
                raise ApiError(
                    f"Received unknown parameter: {name}", code="parameter_unknown", param=name
                )

    def text(self, name: str) -> str | None:
        return self.fields.get(name) or None

    def require(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise ApiError(f"Missing required param: {name}.", code="parameter_missing", param=name)
        return value

    def whole(self, name: str) -> int:
        """A required whole number of zero or more."""
        value = self.require(name)
        if not (value.isascii() and value.isdecimal() and len(value) <= 12):
            raise ApiError(
                f"Invalid integer: {value[:40]}", code="parameter_invalid_integer", param=name
            )
        return int(value)

    def url(self, name: str) -> str | None:
        """An http(s) address: it becomes a link on the pay page, so nothing else may pass."""
        value = self.text(name)
        if value is None:
            return None
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname or not value.isprintable():
            raise ApiError("Not a valid URL", code="url_invalid", param=name)
        return value

    def items(self, name: str) -> list[str]:
        """`name[0]`, `name[1]`, … in their order."""
        return [value for field, value in self.fields.items() if field.startswith(f"{name}[")]

    def metadata(self) -> dict[str, str]:
        start = "metadata["
        found = {
            field[len(start) : -1]: value
            for field, value in self.fields.items()
            if field.startswith(start) and field.endswith("]")
        }
        if len(found) > MAX_METADATA_KEYS:
            raise ApiError("Metadata has a limit of 50 keys.", param="metadata")
        for name, value in found.items():
            if len(name) > MAX_METADATA_NAME or len(value) > MAX_METADATA_VALUE:
                raise ApiError(
                    "Metadata names have up to 40 and values up to 500 characters.",
                    param=f"metadata[{name[:MAX_METADATA_NAME]}]",
                )
        return found
