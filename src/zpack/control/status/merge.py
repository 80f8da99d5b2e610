"""What a customer sees, merged from what was stored: pure, no I/O (contract §2.4.1, §3.6, §8.1).

Every verdict carries its evidence: who said what, and when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict

ConnectionState = Literal[
    "connectable",
    "starting",
    "not_published",
    "not_registered",
    "ping_failed",
    "offline",
    "suspended",
    "asleep",
]

LATEST = 4_102_444_800_000
"""2100-01-01 in milliseconds; NaN and infinity are not below it either."""

KEPT_DOWN: tuple[ConnectionState, str] = (
    "suspended",
    "The owner's account is suspended; the server stays stopped.",
)
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

    ``registered`` is what the proxy's own list says: True when it lists the server at its own ``place``,
    False when it does not, None when the list could not be read or is empty (row S35); ``elsewhere`` is the
    wrong place it lists, if it does. The ``…_at`` are RFC 3339. A server that is not for the edge, such as a
    dev container, is reached as soon as it is ready.
    """

    for_edge: bool = True

    agent: dict[str, Any] | None = None
    edge: dict[str, Any] = field(default_factory=dict[str, Any])
    proxy: dict[str, Any] = field(default_factory=dict[str, Any])
    registered: bool | None = None
    elsewhere: str | None = None
    listed_at: str | None = None
    address: str | None = None
    power: str | None = None
    power_at: str | None = None
    host_operation: dict[str, Any] | None = None
    suspended: bool = False
    asleep: str | None = None
    """Why it was stopped, when that was because nobody used it."""

    @property
    def pinged(self) -> dict[str, Any]:
        """What the proxy's callbacks say of the present address; those about another say nothing."""
        told = self.proxy.get("address")
        return {} if told and self.address and told != self.address else self.proxy


def agent_ready(agent: dict[str, Any] | None) -> bool:
    """Return the poller's verdict; an expired entry is not ready."""
    return agent is not None and agent.get("ready") is True


def host_status(power: str | None, operation: dict[str, Any] | None) -> str:
    """Return one of running, stopped, starting, stopping, restarting (contract §8.1)."""
    settled = "running" if power == "running" else "stopped"
    under_way = _under_way(operation)
    return HOST_STATUS.get(under_way, settled) if under_way else settled


def merge_connection(seen: Observed) -> Connection:
    """Decide whether a player can join; the order of the rules is the contract's (§2.4.1)."""
    ready = agent_ready(seen.agent)
    published = str(seen.edge.get("state")) in {"published", "partial"}
    registered, verified = _registration(seen)
    ping = _backend_ping(seen)
    state, reason = KEPT_DOWN
    if not seen.suspended:
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
    proxy = seen.pinged
    told = proxy.get("registeredAt") is not None or proxy.get("status") == "registered_with_proxy"
    velocity = seen.edge.get("velocity")
    acknowledged = isinstance(velocity, dict) and velocity.get("registered") is True
    return told or acknowledged, told


def _backend_ping(seen: Observed) -> str:
    """Return ok, failed, agent (the agent's own ping stands in) or unknown."""
    proxy = seen.pinged
    ok, failed = proxy.get("pingOkAt"), proxy.get("pingFailedAt")
    status = proxy.get("status")
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
        return ("asleep", seen.asleep) if seen.asleep else ("offline", "The host is not running.")
    if under_way := _under_way(seen.host_operation):
        state: ConnectionState = "offline" if under_way == "stop" else "starting"
        return state, f"The host is {HOST_STATUS.get(under_way, 'changing')}."
    if not ready:
        return _not_ready(seen.agent)
    if not seen.for_edge:
        return "connectable", "The container is ready."
    return _on_edge(seen, published=published, registered=registered, ping=ping)


def _on_edge(seen: Observed, *, published: bool, registered: bool, ping: str) -> tuple[ConnectionState, str]:
    velocity = _entry(seen.edge, "velocity").get("state")
    unlisted = velocity == "failed" and seen.registered is False
    if not published and not unlisted:
        error = seen.edge.get("error")
        broken = f": {error}" if isinstance(error, str) and error else " yet."
        return "not_published", f"The server is ready but not published on the edge{broken}"
    if velocity == "not_wanted":
        return "connectable", "Players can join."
    if not registered:
        still = f"The proxy still leads to {seen.elsewhere}."
        return "not_registered", still if seen.elsewhere else "The proxy does not know this server yet."
    return _pinged(ping, seen.pinged.get("detail"))


def _entry(edge: dict[str, Any], link: str) -> dict[str, Any]:
    """Return what the record says of one link; names are below ``dns``."""
    dns = edge.get("dns")
    found = edge.get(link) or (dns.get(link) if isinstance(dns, dict) else None)
    return found if isinstance(found, dict) else {}


def _under_way(operation: dict[str, Any] | None) -> str | None:
    """Return the type of an unfinished host operation."""
    if operation is None or str(operation.get("status")) not in {"pending", "queued", "running"}:
        return None
    return str(operation.get("type"))


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
    """Return who said what, and when; those first whose word weighs first."""
    found: list[Evidence] = []
    if seen.power is not None:
        found.append(Evidence(source="proxmox", fact=f"host {seen.power}", at=seen.power_at))
    if seen.host_operation is not None:
        at = _at(seen.host_operation.get("startedAt"))
        found.append(Evidence(source="operation", fact=f"host {seen.host_operation.get('type')}", at=at))
    found.append(agent_evidence(seen.agent))
    if seen.edge:
        at = _at(seen.edge.get("publishedAt"))
        found.append(Evidence(source="edge", fact=str(seen.edge.get("state")), at=at))
        found += link_evidence(seen.edge)
    if seen.registered is not None:
        found.append(Evidence(source="proxy", fact=_listing(seen), at=seen.listed_at))
    facts = {"registeredAt": "registered", "pingOkAt": "ping ok", "pingFailedAt": "ping failed"}
    outdated = min(("pingFailedAt", "pingOkAt"), key=lambda key: str(seen.proxy.get(key) or ""))
    for key, fact in facts.items():
        if seen.proxy.get(key) and key != outdated:
            stale = "" if seen.pinged else f" (of another address, {seen.proxy.get('address')})"
            found.append(Evidence(source="proxy", fact=fact + stale, at=_at(seen.proxy[key])))
    return found


def link_evidence(edge: dict[str, Any]) -> list[Evidence]:
    """Return what each broken link of the edge said, since when and how often; so it is seen which one."""
    found: list[Evidence] = []
    for link in ("technitium", "cloudflare", "rfc2136", "velocity", "traefik", "opnsense"):
        entry = _entry(edge, link)
        if entry.get("state") == "failed":
            often = f"since {entry.get('since')}, {entry.get('attempts')} times"
            fact = f"failed: {entry.get('message') or entry.get('code')} ({often})"
            found.append(Evidence(source=link, fact=fact, at=_at(entry.get("at"))))
    return found


def agent_evidence(agent: dict[str, Any] | None) -> Evidence:
    """Return what the agent said last, and when."""
    if agent is None:
        return Evidence(source="agent", fact="no answer within the last 15 s", at=None)
    fact = "ready" if agent_ready(agent) else f"not ready ({agent.get('state') or agent.get('error')})"
    if agent.get("readySource"):
        fact = f"{fact}, by {agent['readySource']}"
    return Evidence(source="agent", fact=fact, at=_moment(agent.get("lastSeen")))


def _listing(seen: Observed) -> str:
    if seen.registered:
        return "lists the server"
    return f"lists it at {seen.elsewhere}" if seen.elsewhere else "does not list the server"


def _moment(milliseconds: Any) -> str | None:
    """Return RFC 3339 of milliseconds since 1970, when it is a plausible number."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    if not 0 <= milliseconds < LATEST:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def _at(value: Any) -> str | None:
    return value if isinstance(value, str) else None
