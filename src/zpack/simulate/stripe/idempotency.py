"""Idempotency keys: the first answer again, errors of ours included; other parameters refused."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.errors import ApiError

if TYPE_CHECKING:
    from zpack.simulate.stripe.store import Body, Store

KEY_LIMIT = 255
KIND = "_idempotency"
MOST = 20_000


@dataclass(frozen=True)
class Saved:
    """An answer as it was given."""

    status: int
    body: Any


class Keys:
    """The keys an account has seen. One call per key runs at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._running: set[str] = set()

    def begin(self, key: str, call: str, params: bytes) -> Saved | None:
        """Return the saved answer, or None and take the key. Raises ApiError."""
        if len(key) > KEY_LIMIT:
            raise _refused(400, f"Idempotency keys must be at most {KEY_LIMIT} characters.")
        if key in self._running:
            raise _refused(
                409,
                "There is currently another in-progress request using this Idempotent Key. Please try again"
                " later.",
                code="idempotency_key_in_use",
            )
        mark = hashlib.sha256(call.encode() + b"\n" + params).hexdigest()
        found = self._store.find(KIND, key)
        if found is None:
            self._running.add(key)
            return None
        if found["mark"] != mark:
            raise _refused(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used"
                f" with. Try using a key other than '{key}' if you meant to execute a different request.",
            )
        return Saved(found["status"], found["body"])

    def finish(self, key: str, call: str, params: bytes, answer: Saved | None) -> None:
        """Give the key back, and remember the answer when there is one."""
        self._running.discard(key)
        if answer:
            mark = hashlib.sha256(call.encode() + b"\n" + params).hexdigest()
            row: Body = {"id": key, "mark": mark, "status": answer.status, "body": answer.body}
            self._store.put(row, kind=KIND)
            self._store.trim(KIND, MOST)


def _refused(status: int, message: str, *, code: str | None = None) -> ApiError:
    return ApiError(status, message, kind="idempotency_error", code=code, saved=False)
