"""Recognises a request that comes again by its ``Idempotency-Key``, in the transaction that answers it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import orjson

from zpack.control.engine.errors import Refusal
from zpack.control.replays import store

if TYPE_CHECKING:
    from zpack.control.db.session import AsyncSession

KEY_LIMIT = 255


class BadKey(Refusal):
    """The ``Idempotency-Key`` is empty, too long or not printable ASCII."""

    code = "invalid_idempotency_key"


class KeyReused(Refusal):
    """The ``Idempotency-Key`` was used for another request."""

    kind = "conflict"
    code = "idempotency_key_reused"


def check_key(key: str | None) -> None:
    """Refuse what is no key. Raises BadKey."""
    if key is not None and not (0 < len(key) <= KEY_LIMIT and key.isascii() and key.isprintable()):
        raise BadKey("An Idempotency-Key has 1 to 255 printable ASCII characters.")


def fingerprint_of(asked: object) -> str:
    """Return what tells one request from another."""
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def answered(
    session: AsyncSession, *, owner: str | None, key: str | None, asked: object, result: str
) -> str | None:
    """Return what the same request made before; None for a new one, which makes ``result``.

    Raises BadKey, KeyReused.
    """
    check_key(key)
    if key is None:
        return None
    fingerprint = fingerprint_of(asked)
    earlier = await store.claim(session, owner=owner or "", key=key, fingerprint=fingerprint, result=result)
    if earlier is not None and earlier.fingerprint != fingerprint:
        raise KeyReused("This Idempotency-Key was used for another request.")
    return None if earlier is None else earlier.result
