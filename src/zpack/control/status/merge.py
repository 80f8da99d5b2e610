"""What a customer sees, merged from what was stored: pure, no I/O (contract §2.4.1, §3.6, §8.1).

Every verdict carries its evidence: who said what, and when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

ConnectionState = Literal[
    "connectable", "starting", "not_published", "not_registered", "ping_failed", "offline"
]

HOST_STATUS: dict[str, str] = {"start": "starting", "stop": "stopping", "restart": "restarting"}


class Evidence(TypedDict):
    """One statement: ``source`` said ``fact``, at ``at`` (RFC 3339) when that is known."""

    source: str
    fact: str
    at: str | None


class Connection(TypedDict):
    """Whether a player can join, why, and on whose word."""

    state: ConnectionState
    connectable: bool
    reason: str
    agentReady: bool
    edgePublished: bool
    velocityRegistered: bool
    velocityVerified: bool
    backendPing: str
    evidence: list[Evidence]


@dataclass(frozen=True)
class Observed:
    """All that is known about one server. Missing knowledge is None or empty, never invented.

    ``registered`` is what the proxy's own list says: True, False, or None when it could not be read or
    listed nothing.
    """

    agent: dict[str, Any] | None = None
    edge: dict[str, Any] = field(default_factory=dict[str, Any])
    proxy: dict[str, Any] = field(default_factory=dict[str, Any])
    registered: bool | None = None
    power: str | None = None
    host_operation: dict[str, Any] | None = None


def agent_ready(agent: dict[str, Any] | None) -> bool:
    """Return the poller's verdict; an expired entry is not ready."""
    return agent is not None and agent.get("ready") is True


def host_status(power: str | None, operation: dict[str, Any] | None) -> str:
    """Return one of running, stopped, starting, stopping, restarting (contract §8.1)."""
    if operation is not None and str(operation.get("status")) in {"pending", "queued", "running"}:
        return HOST_STATUS.get(str(operation.get("type")), "running" if power == "running" else "stopped")
    return "running" if power == "running" else "stopped"


def merge_connection(seen: Observed) -> Connection:
    """Decide whether a player can join; the order of the rules is the contract's (§2.4.1)."""
    ready = agent_ready(seen.agent)
    published = str(seen.edge.get("state")) in {"published", "partial"}
    registered, verified = _registration(seen)
    ping = _backend_ping(seen)
    state, reason = _verdict(seen, ready=ready, published=published, registered=registered, ping=ping)
    return Connection(
        state=state,
        connectable=state == "connectable",
        reason=reason,
        agentReady=ready,
        edgePublished=published,
        velocityRegistered=registered,
        velocityVerified=verified,
        backendPing=ping,
        evidence=_evidence(seen),
    )


def _registration(seen: Observed) -> tuple[bool, bool]:
    """Return (registered, verified): the proxy's list decides, else its callback, else what we stored."""
    if seen.registered is not None:
        return seen.registered, seen.registered
    told = seen.proxy.get("registeredAt") is not None or seen.proxy.get("status") == "registered_with_proxy"
    velocity = seen.edge.get("velocity")
    acknowledged = isinstance(velocity, dict) and velocity.get("registered") is True
    return told or acknowledged, told


def _backend_ping(seen: Observed) -> str:
    """Return ok, failed, agent (the agent's own ping stands in) or unknown."""
    ok, failed = seen.proxy.get("pingOkAt"), seen.proxy.get("pingFailedAt")
    status = seen.proxy.get("status")
    if status == "proxy_ping_failed" or (failed and not ok) or (failed and ok and str(failed) > str(ok)):
        return "failed"
    if status == "proxy_ping_ok" or ok:
        return "ok"
    if seen.agent is not None and seen.agent.get("readySource") == "minecraft_ping":
        return "agent"
    return "unknown"


def _verdict(
    seen: Observed, *, ready: bool, published: bool, registered: bool, ping: str
) -> tuple[ConnectionState, str]:
    if seen.power is not None and seen.power != "running":
        return "offline", "The host is not running."
    if not ready:
        return _not_ready(seen.agent)
    if not published:
        return "not_published", "The server is ready but not published on the edge yet."
    if not registered:
        return "not_registered", "The proxy does not know this server yet."
    return _pinged(ping, seen.proxy.get("detail"))


def _pinged(ping: str, detail: Any) -> tuple[ConnectionState, str]:
    if ping == "failed":
        return "ping_failed", f"The proxy cannot reach the server: {detail or 'no answer'}."
    if ping == "unknown":
        return "starting", "Waiting for the proxy's first ping of the server."
    return "connectable", "Players can join."


def _not_ready(agent: dict[str, Any] | None) -> tuple[ConnectionState, str]:
    if agent is None or agent.get("hostOnline") is False:
        return "offline", "The agent has not answered for a while."
    state = str(agent.get("state"))
    if state in {"idle", "stopped"}:
        return "offline", "The game is stopped."
    if state in {"error", "crashed"}:
        return "offline", str(
            agent.get("error") or agent.get("readyError") or f"The game is in state {state}."
        )
    return "starting", str(agent.get("readyError") or "The game is starting.")


def _evidence(seen: Observed) -> list[Evidence]:
    found: list[Evidence] = []
    if seen.agent is None:
        found.append(Evidence(source="agent", fact="no answer within the last 15 s", at=None))
    else:
        word = "ready" if agent_ready(seen.agent) else f"not ready ({seen.agent.get('state')})"
        source = seen.agent.get("readySource")
        fact = f"{word}, by {source}" if source else word
        found.append(Evidence(source="agent", fact=fact, at=_at(seen.agent.get("lastReadyAt"))))
    if seen.edge:
        found.append(
            Evidence(source="edge", fact=str(seen.edge.get("state")), at=_at(seen.edge.get("publishedAt")))
        )
    if seen.registered is not None:
        fact = "lists the server" if seen.registered else "does not list the server"
        found.append(Evidence(source="proxy", fact=fact, at=None))
    for key, fact in (
        ("registeredAt", "registered"),
        ("pingOkAt", "ping ok"),
        ("pingFailedAt", "ping failed"),
    ):
        if seen.proxy.get(key):
            found.append(Evidence(source="proxy", fact=fact, at=_at(seen.proxy[key])))
    return found


def _at(value: Any) -> str | None:
    return value if isinstance(value, str) else None
