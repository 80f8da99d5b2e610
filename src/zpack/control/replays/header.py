"""The header that a request is known by when it comes again (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

Key = Annotated[str | None, Header(alias="Idempotency-Key")]
