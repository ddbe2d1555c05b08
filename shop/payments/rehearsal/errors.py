"""Errors in the shape that Stripe gives them: {"error": {type, code, message, param}}."""


class ApiError(Exception):
    """A request that cannot be answered as asked. Nothing was changed.

    `kept` marks a refusal that came from the state of things rather than from the request's form:
    Stripe answers a repeat of such a request, under the same idempotency key, the same way.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        kept: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        fields = {"type": kind, "message": message, "code": code, "param": param}
        self.body = {"error": {name: value for name, value in fields.items() if value is not None}}


class NoAnswer(Exception):
    """The service is told to leave this request without an answer."""


def missing_resource(kind: str, name: str, param: str) -> ApiError:
    return ApiError(f"No such {kind}: '{name}'", status=404, code="resource_missing", param=param)
