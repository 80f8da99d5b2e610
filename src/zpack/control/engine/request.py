"""The request in whose course something happens: its id is passed on, and the audit says where it came from.

Workflows have neither.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

AGENT_LIMIT = 200


@dataclass(frozen=True)
class Origin:
    """Where a request came from, and what it showed: a login session's id or an API key's."""

    address: str | None = None
    user_agent: str = ""
    session_id: str | None = None
    api_key: str | None = None


current_request: ContextVar[str | None] = ContextVar("current_request", default=None)
current_origin: ContextVar[Origin] = ContextVar("current_origin", default=Origin())  # noqa: B039 - frozen


def origin_of(client: tuple[str, int] | None, user_agent: bytes) -> Origin:
    """Return the origin of a connection; what a client calls itself is cut and made printable."""
    words = "".join(c for c in user_agent.decode("latin-1") if c.isprintable())
    return Origin(address=client[0] if client else None, user_agent=words[:AGENT_LIMIT])
