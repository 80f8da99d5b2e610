"""What a request may ask of the audit and of other people's accounts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from zpack.control.accounts.models import Body

PAGE = 50
PAGE_MAX = 200
Limit = Annotated[int, Field(ge=1, le=PAGE_MAX)]
Word = Annotated[str, StringConstraints(max_length=100)]


class AuditQuery(Body):
    """``GET /api/audit``: ``before`` is the ``next`` of the page that was shown last."""

    actor: Word | None = None
    action: Word | None = None
    since: AwareDatetime | None = None
    before: Annotated[int, Field(ge=1, le=(1 << 31) - 1)] | None = None
    limit: Limit = PAGE


class WholeAuditQuery(AuditQuery):
    """``GET /api/admin/audit``."""

    vmid: Annotated[int, Field(ge=0, le=(1 << 31) - 1)] | None = None


class UsersQuery(Body):
    """``GET /api/admin/users``: ``after`` is the ``next`` of the page that was shown last."""

    q: Word = ""
    search: Word = ""
    after: Word = ""
    limit: Limit = PAGE


class UserBody(Body):
    """``PATCH /api/admin/users/{id}``."""

    role: Literal["admin", "user"]
