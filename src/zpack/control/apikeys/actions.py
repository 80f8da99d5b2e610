"""Makes, lists and deletes keys, and tells who bears one."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zpack.control.accounts.auth import BadToken, digest_of
from zpack.control.accounts.fields import InvalidField
from zpack.control.accounts.models import KEY_PREFIX, Session
from zpack.control.accounts.store import read_caller
from zpack.control.apikeys import store
from zpack.control.audit.store import record
from zpack.control.engine.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection

    from zpack.control.apikeys.models import KeyBody
    from zpack.control.db.session import Database
    from zpack.control.db.tables import ApiKey

KEYS_PER_USER = 25
KEY_LENGTH = len(KEY_PREFIX) + 43
SHOWN_LETTERS = 12
CHANNEL_SECONDS = 86400.0
"""A channel opened with a key without an end lasts no longer than this."""


class TooManyKeys(Refusal):
    """The owner has as many keys as one may have."""

    kind = "conflict"
    code = "too_many_keys"


class KeyMissing(Refusal):
    """The caller has no such key."""

    kind = "not_found"
    code = "key_not_found"


class ApiKeys:
    """Every account's keys; only their hashes are kept."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def session(self, key: str) -> Session:
        """Return the session of a key. Raises BadToken."""
        async with self._database.reading() as reading:
            found = await store.find(reading, digest_of(key)) if len(key) == KEY_LENGTH else None
            owner = await read_caller(reading, found.user_id, "") if found is not None else None
            if found is None or owner is None:
                raise BadToken("The API key is not valid or has expired.")
            key_id, _, scopes, ends, stale = found
            if stale:
                await store.note_use(reading, key_id)
        latest = datetime.now(UTC).timestamp() + CHANNEL_SECONDS
        expires = min(ends.timestamp(), latest) if ends else latest
        return Session(owner[0], expires, "", frozenset(scopes), key_id)

    async def live(self, key_ids: Collection[str]) -> set[str]:
        """Return those keys that are still good."""
        async with self._database.reading() as reading:
            return await store.live(reading, key_ids)

    async def make(self, session: Session, body: KeyBody) -> dict[str, Any]:
        """Make a key; return it once, and what is shown of it. Raises InvalidField, TooManyKeys."""
        if body.is_past(datetime.now(UTC)):
            raise InvalidField("A key ends in the future.", details={"field": "expiresAt"})
        key = f"{KEY_PREFIX}{secrets.token_urlsafe(32)}"
        async with self._database.transaction() as rows:
            await store.lock_owner(rows, session.user.id)
            if len(await store.listed(rows, session.user.id)) >= KEYS_PER_USER:
                raise TooManyKeys(f"An account has at most {KEYS_PER_USER} API keys; delete one first.")
            row = await store.add(
                rows,
                id=f"key_{secrets.token_hex(12)}",
                user_id=session.user.id,
                name=body.name,
                prefix=key[:SHOWN_LETTERS],
                digest=digest_of(key),
                scopes=sorted(set(body.scopes)),
                expires_at=body.expiresAt,
            )
            record(rows, "key.create", actor=session.user.id, key=row.id, scopes=row.scopes)
        return {"key": key, **_shown(row)}

    async def listed(self, session: Session) -> list[dict[str, Any]]:
        """Return what is shown of the caller's keys."""
        async with self._database.reading() as reading:
            return [_shown(row) for row in await store.listed(reading, session.user.id)]

    async def delete(self, session: Session, key_id: str) -> None:
        """Delete one of the caller's keys: it stops at once. Raises KeyMissing."""
        async with self._database.transaction() as rows:
            if not await store.remove(rows, session.user.id, key_id):
                raise KeyMissing("You have no such API key.")
            record(rows, "key.delete", actor=session.user.id, key=key_id)


def _shown(row: ApiKey) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": row.scopes,
        "createdAt": row.created_at.isoformat(),
        "expiresAt": row.expires_at.isoformat() if row.expires_at else None,
        "lastUsedAt": row.last_used_at.isoformat() if row.last_used_at else None,
    }
