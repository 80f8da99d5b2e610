"""Errors as Stripe words them: a type, a code, the parameter and a sentence."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An error answer. ``saved`` tells whether an idempotency key remembers it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        saved: bool = True,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.saved = saved
        self.body: dict[str, Any] = {"type": kind, "message": message, **more}
        if code:
            self.body["code"] = code
            self.body["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param:
            self.body["param"] = param


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """Return the 400 for parameters that fail their check; no idempotency key remembers it."""
    return ApiError(400, message, param=param, code=code, saved=False)


def missing(kind: str, ident: str, *, param: str = "id", status: int = 404) -> ApiError:
    """Return the answer for an object that is not there: 404 in the path, 400 in a parameter."""
    return ApiError(
        status, f"No such {kind.rpartition('.')[2]}: '{ident}'", code="resource_missing", param=param
    )


def declined(decline_code: str, message: str, **more: Any) -> ApiError:
    """Return the 402 for a card that was refused."""
    return ApiError(402, message, kind="card_error", code="card_declined", decline_code=decline_code, **more)
