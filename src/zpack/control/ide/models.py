"""What may be said about an IDE or a port, and the names of cookies; pure."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool

PORT_LOW, PORT_HIGH = 1024, 65535
COOKIE = "zlh_dev_ide_token"
"""The contract's name (§7.2)."""
HOST_COOKIE = f"__Host-{COOKIE}"
"""The same for browsers that keep it from being set by a sibling host (CVE-2024-21583)."""

Port = Annotated[int, Field(ge=PORT_LOW, le=PORT_HIGH, strict=True)]


class TokenBody(BaseModel):
    """``POST /api/dev/{id}/ide-token``: without a port, the IDE is meant."""

    model_config = ConfigDict(extra="ignore")

    port: Port | None = None


class PortBody(BaseModel):
    """``PUT /api/dev/{id}/ports/{port}``."""

    model_config = ConfigDict(extra="ignore")

    public: StrictBool = False
