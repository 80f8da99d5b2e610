"""What an administrator asks of the edge (contract §2.9)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, Field

from zpack.control.accounts.models import Body

Port = Annotated[int, Field(ge=1, le=65535)]
NAME = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"


class EdgeBody(Body):
    """Which server; whatever else is told must agree with what we know of it."""

    vmid: int = Field(ge=1, le=999_999_999)
    hostname: str | None = Field(
        default=None, pattern=NAME, validation_alias=AliasChoices("slotHostname", "hostname")
    )
    game: str | None = Field(default=None, max_length=64)
    ports: list[Port] = Field(default_factory=list[Port], max_length=64)
    dry_run: bool = Field(default=False, validation_alias=AliasChoices("dryRun", "dry_run"))


class PublishBody(EdgeBody):
    """``POST /api/edge/publish``."""

    ip: str | None = Field(default=None, max_length=64, validation_alias=AliasChoices("ip", "ctIp"))


class DriftBody(Body):
    """``POST /api/edge/drift``: only ``apply`` changes anything."""

    apply: bool = False
    orphans: bool = False
    """Whether names without a server go however many they are."""


class DriftQuery(Body):
    """``GET /api/edge/drift``: without ``wait`` it is answered when everything is known."""

    wait: Annotated[float, Field(ge=0, le=30)] | None = None
