"""VMID ranges, host names: pure (contract §1.3, §5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from zpack.control.accounts.models import Body

ContainerType = Literal["game", "dev"]

RANGES: dict[str, range] = {"game": range(5000, 6000), "dev": range(6000, 7000)}
MARK = "zpack"
"""The tag, and the first word of the description, of every container we made."""
COUNTED = frozenset({"minecraft"})
"""The games that tell who plays."""


class ServerBody(Body):
    """``PATCH /api/servers/{id}``; null takes the name away."""

    displayName: str | None  # noqa: N815 - the contract's spelling


@dataclass(frozen=True, slots=True)
class AgentAddress:
    """What one needs to ask a server's agent; ``seed`` is what its token is derived from."""

    vmid: int
    owner: str | None
    ip: str
    seed: str
    game: str | None


@dataclass(frozen=True, slots=True)
class Reached:
    """A server whose agent may be asked on behalf of a caller who owns it."""

    vmid: int
    owner: str | None
    ctype: str
    ip: str
    token: str
    """The bearer of this server's agent."""
    payload: dict[str, Any]


ON = frozenset({"published", "partial", "failed"})
"""States of ``payload.edge`` whose intent is that the server is reached; the rest is how far it came."""


@dataclass(frozen=True, slots=True)
class EdgeIntent:
    """Whether a server is to be reached through the edge, and where it is.

    Doors lead players to the container; names only lead to a door, and outlive a suspension.
    """

    vmid: int
    owner: str | None
    hostname: str
    ip: str | None
    state: str | None
    """``payload.edge.state``."""
    suspended: bool = False
    """Whether no door leads to it for as long as its owner is suspended."""
    ctype: str = "game"
    game: str = ""
    ports: Any = None
    """The column ``allocated_ports``."""
    abandoned: bool = False
    """Whether it has been ``pending`` for so long that nobody is about to finish it."""
    link: str | None = None
    """What the record says of the one link that was asked about."""
    asleep: bool = False
    """Whether the edge answers for it: it was stopped because nobody used it."""

    @property
    def published(self) -> bool:
        """Whether the doors must lead to it."""
        return self.named and not self.suspended

    @property
    def unpublished(self) -> bool:
        """Whether no door may lead to it."""
        return self.unnamed or self.suspended

    @property
    def named(self) -> bool:
        """Whether its names must be there."""
        return self.ip is not None and (self.state in ON or (self.state == "pending" and self.abandoned))

    @property
    def unnamed(self) -> bool:
        """Whether its names must be gone."""
        return self.state == "unpublished"


def is_held(edge: Mapping[str, Any]) -> bool:
    """Say whether a record keeps the doors shut, whatever its state is."""
    return edge.get("suspended") is True


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What is stored of a server and shown in lists. ``mark`` changes with every change of the row."""

    vmid: int
    mark: int
    customer_id: str | None
    hostname: str
    ctype: str
    ip: str | None
    created_at: str
    payload: dict[str, Any]
    """``game, variant, runtime, version, edge, proxy`` of the payload, the ``ports``, and the ``limits``."""
    display_name: str | None = None
    plan: str | None = None
    billing_state: str = "allowed"
    suspended: bool = False
    """How the owner stands, as the row of ``standings`` says; an administrator's stands for nothing."""
    idle: dict[str, Any] | None = None
    """When it stops because nobody uses it, or why it did; None while it does not stop by itself."""


def is_ours(vmid: int) -> bool:
    """Say whether a VMID lies in our ranges; nothing outside is ever touched."""
    return any(vmid in numbers for numbers in RANGES.values())


def hostname_for(*, ctype: str, vmid: int, game: str = "", variant: str = "") -> str:
    """Return the short host name: the DNS label and the name the proxy knows."""
    if ctype == "dev":
        return f"dev-{vmid}"
    if game == "minecraft":
        return f"mc-{variant}-{vmid}" if variant else f"mc-{vmid}"
    return f"{game}-{vmid}"


def description_for(*, operation_id: str, customer_id: str) -> str:
    """Return the description a clone carries from its first moment, so that it is never an orphan."""
    return f"{MARK} operation={operation_id} owner={customer_id}"


def is_marked(description: str | None, tags: str | None) -> bool:
    """Say whether a container carries our mark."""
    words = (description or "").split()
    labels = (tags or "").replace(";", ",").split(",")
    return (bool(words) and words[0] == MARK) or MARK in labels


def made_by(description: str | None, operation_id: str) -> bool:
    """Say whether a container was made by this operation."""
    return f"operation={operation_id}" in (description or "").split()


def owner_of(description: str | None) -> str | None:
    """Return the owner a description names."""
    for word in (description or "").split():
        key, found, value = word.partition("=")
        if found and key == "owner":
            return value
    return None
