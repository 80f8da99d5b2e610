"""What is known of a server beside what the cluster says: pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A server of ours, and whose it is."""

    vmid: int
    ctype: str
    hostname: str
    owner_id: str | None
    owner: str | None
    agent_state: str
    display_name: str | None
    suspended: bool = False
    heard: bool = False
    """Whether its agent spoke within the last seconds."""
    complaint: str | None = None
    """What its agent last said is wrong."""
