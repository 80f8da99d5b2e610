"""Gathers what the stores know about servers and shows it (contract §3.6, §2.4.1).

A list costs one statement of SQL (two when rows changed) and one round trip to Redis, however long it is.
What a server looked like is kept with what it was made from, and made again only when that has changed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

import orjson

from zpack.control.instances import store
from zpack.control.publishing.models import MINECRAFT_PORT, endpoints_of, is_minecraft
from zpack.control.publishing.store import place_of
from zpack.control.status.live import Looked
from zpack.control.status.merge import Observed, agent_ready, host_status, merge_connection
from zpack.control.status.word import count_of, players_of, update_of

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.db.session import Database
    from zpack.control.instances.actions import Instances
    from zpack.control.instances.models import ServerFacts
    from zpack.control.status.live import Live, LiveState

PASSED_ON = (
    "state", "processRunning", "readySource", "readyError", "lastReadyAt", "installStep", "crashCount",
    "lastCrashTime", "lastCrashExitCode", "lastCrashSignal", "lastCrashUptimeSeconds", "lastCrashLogTail",
    "error", "operationInProgress", "operationType", "operationStartedAt", "operationMessage", "maintenance",
    "agentVersion", "updateStatus", "updateAvailable", "provisioningComplete", "provisioningError",
    "provisioningErrorCode", "codeServerRequested", "codeServerInstalled", "codeServerRunning",
    "codeServerVersion",
)  # fmt: skip
KEPT = 10_000
"""Servers whose facts and looks are kept in memory, some 4 KiB each; the longest unseen go first."""


HOSTS_AT, LISTED_AT = "\ue000hosts\ue001", "\ue000listed\ue001"
"""Stand in kept looks for the moments all servers share, which change every two seconds."""


Pieces = Sequence[Sequence[bytes]]
"""A look as JSON, cut where the moment of the proxy's list belongs, and those parts where the hosts' does."""


@dataclass(slots=True)
class Shown:
    """What a server looked like, and what that was made from."""

    facts: ServerFacts
    live: Live | None = None
    pieces: Pieces = ()


class Servers:
    """The server list and one server's live status."""

    def __init__(
        self,
        *,
        database: Database,
        instances: Instances,
        live: LiveState,
        domain: str,
        edge_port: int,
        plan_of: Callable[[str | None], str],
    ) -> None:
        self._plan_of = plan_of
        self._database = database
        self._instances = instances
        self._live = live
        self._domain = domain
        self._edge_port = edge_port
        self._shown: OrderedDict[int, Shown] = OrderedDict()

    async def listed(self, user: User) -> bytes:
        """Return ``{servers: […]}``, the caller's, oldest first, as JSON."""
        async with self._database.reading() as session:
            marks = await store.list_marks(session, None if user.is_admin else user.id)
        views = await self._views([shown.facts for shown in await self._known(marks)])
        return b"".join((b'{"servers":[', b",".join(views), b"]}"))

    async def seen_by(self, user: User, vmid: int) -> bytes | None:
        """Return one server as JSON, or None when it is gone or somebody else's."""
        async with self._database.reading() as session:
            facts = await store.read_facts(session, [vmid])
        if not facts or not (user.is_admin or facts[0].customer_id == user.id):
            return None
        return (await self._views(facts))[0]

    async def one(self, user: User, server_id: str) -> dict[str, Any]:
        """Return one server of the caller's. Raises ServerMissing."""
        facts = await self._instances.owned_facts(user, server_id)
        looked = await self._live.look([facts])
        return self._server_view(facts, looked.servers[0], looked)

    async def status(self, user: User, server_id: str) -> dict[str, Any]:
        """Return one server with the agent's fields and the edge's records. Raises ServerMissing."""
        facts = await self._instances.owned_facts(user, server_id)
        looked = await self._live.look([facts])
        view = self._server_view(facts, looked.servers[0], looked)
        word = _object_of(looked.servers[0].word)
        agent = {key: word[key] for key in PASSED_ON if key in word}
        return {
            **agent,
            **view,
            "edge": facts.payload.get("edge"),
            "proxy": facts.payload.get("proxy"),
            "connectable": view["connection"]["connectable"],
            "players": word.get("players"),
        }

    async def players(self, user: User, server_id: str) -> dict[str, Any]:
        """Return ``{online, max, players, motd?}``. Raises ServerMissing, and what ``players_of`` does."""
        facts = await self._instances.owned_facts(user, server_id)
        return players_of(await self._last_word(facts), game=facts.payload.get("game"))

    async def update_status(self, user: User, server_id: str) -> dict[str, Any]:
        """Return the agent's version and update. Raises ServerMissing, and whatever ``update_of`` raises."""
        return update_of(await self._last_word(await self._instances.owned_facts(user, server_id)))

    async def _last_word(self, facts: ServerFacts) -> dict[str, Any] | None:
        word = (await self._live.look([facts])).servers[0].word
        return _object_of(word) or None

    async def _known(self, marks: Sequence[tuple[int, int]]) -> list[Shown]:
        """Return what is kept of these servers, after reading those whose rows have changed."""
        kept = self._shown
        stale = [n for n, mark in marks if (had := kept.get(n)) is None or had.facts.mark != mark]
        if stale:
            async with self._database.reading() as session:
                for facts in await store.read_facts(session, stale):
                    kept[facts.vmid] = Shown(facts)
        found = [shown for n, _ in marks if (shown := kept.get(n)) is not None]
        for shown in found:
            kept.move_to_end(shown.facts.vmid)
        while len(kept) > KEPT:
            kept.popitem(last=False)
        return found

    async def _views(self, servers: Sequence[ServerFacts]) -> list[bytes]:
        """Return each server as JSON."""
        looked = await self._live.look(servers)
        marked = Looked([], HOSTS_AT if looked.hosts_at else None, LISTED_AT if looked.listed_at else None)
        hosts_at, listed_at = (looked.hosts_at or "").encode(), (looked.listed_at or "").encode()
        rendered = map(self._rendered, servers, looked.servers, repeat(marked))
        return [listed_at.join([hosts_at.join(piece) for piece in pieces]) for pieces in rendered]

    def _rendered(self, facts: ServerFacts, live: Live, looked: Looked) -> Pieces:
        shown = self._shown.get(facts.vmid)
        if shown is None or shown.facts.mark != facts.mark:
            return _cut(orjson.dumps(self._server_view(facts, live, looked)))
        if shown.live != live:
            shown.pieces = _cut(orjson.dumps(self._server_view(facts, live, looked)))
            shown.live = live
        return shown.pieces

    def _server_view(self, facts: ServerFacts, live: Live, looked: Looked) -> dict[str, Any]:
        word = orjson.loads(live.word) if live.word else None
        operation = orjson.loads(live.operation) if live.operation else None
        power = _power(live)
        connection = merge_connection(_observed(facts, live, looked, word=word, operation=operation))
        known = word or {}
        ready = agent_ready(word)
        payload = facts.payload
        fqdn = f"{facts.hostname}.{self._domain}"
        endpoints = _endpoints(payload, fqdn)
        return {
            "id": str(facts.vmid),
            "vmid": facts.vmid,
            "name": facts.hostname,
            "displayName": facts.display_name,
            "category": facts.ctype.upper(),
            "runtime": payload.get("game") or payload.get("runtime") or "unknown",
            "flavor": payload.get("variant") or payload.get("runtime"),
            "version": payload.get("version") or "unknown",
            "status": "suspended" if facts.suspended else _status(facts.ctype, power, known),
            "hostStatus": host_status(power, operation),
            "hostOnline": power == "running",
            "powerState": power,
            "hostOperation": operation,
            "agentStatus": "online" if known.get("hostOnline") else "offline",
            "agentReady": ready,
            "ready": ready,
            "installStep": known.get("installStep"),
            "crashCount": known.get("crashCount") or 0,
            "lastSeen": known.get("lastSeen"),
            "players": count_of(word),
            "operationInProgress": known.get("operationInProgress") is True,
            "operationType": known.get("operationType"),
            "operationStartedAt": known.get("operationStartedAt"),
            "operationMessage": known.get("operationMessage"),
            "maintenance": known.get("maintenance") is True,
            "connection": connection,
            "address": endpoints[0]["address"] if endpoints else self._by_name(payload, fqdn),
            "endpoints": endpoints,
            "ip": facts.ip,
            "plan": self._plan_of(facts.plan),
            "limits": payload.get("limits"),
            "suspended": facts.suspended,
            "idle": facts.idle,
            "serverBillingState": facts.billing_state,
            "createdAt": facts.created_at,
        }

    def _by_name(self, payload: dict[str, Any], fqdn: str) -> str:
        """Return what a player types; Minecraft looks at its usual port unless another is said."""
        at_usual = self._edge_port == MINECRAFT_PORT or not is_minecraft(str(payload.get("game")))
        return fqdn if at_usual else f"{fqdn}:{self._edge_port}"


def _endpoints(payload: dict[str, Any], fqdn: str) -> list[dict[str, Any]]:
    """Return the public ports that lead to a server; none for one that is reached by its name."""
    ports = _object(payload.get("ports"))
    if not ports.get("public"):
        return []
    return [
        {
            "address": f"{fqdn}:{one.number}",
            "protocol": one.protocol,
            "port": one.number,
            "target": one.target,
        }
        for one in endpoints_of(str(payload.get("game")), ports)
    ]


def _cut(view: bytes) -> Pieces:
    return [part.split(HOSTS_AT.encode()) for part in view.split(LISTED_AT.encode())]


def _status(ctype: str, power: str | None, known: dict[str, Any]) -> str:
    """Return the workload's state; a dev container has none of its own, and runs when its host does."""
    if power not in {"running", None}:
        return "stopped"
    if ctype == "dev":
        return "running" if power or known.get("hostOnline") else "stopped"
    return str(known.get("state") or "stopped")


def _power(live: Live) -> str | None:
    """Return the power state in Proxmox's word; None when nobody has looked lately."""
    if live.host is not None:
        return live.host.partition(" ")[0]
    return "stopped" if live.hosts_known else None


def _observed(
    facts: ServerFacts,
    live: Live,
    looked: Looked,
    *,
    word: dict[str, Any] | None,
    operation: dict[str, Any] | None,
) -> Observed:
    ours = place_of(facts.ip or "", MINECRAFT_PORT)
    return Observed(
        for_edge=facts.ctype == "game",
        agent=word,
        edge=_object(facts.payload.get("edge")),
        proxy=_object(facts.payload.get("proxy")),
        registered=live.registration == ours if live.edge_known else None,
        elsewhere=live.registration if live.registration != ours else None,
        listed_at=looked.listed_at,
        address=facts.ip,
        power=_power(live),
        power_at=looked.hosts_at,
        host_operation=operation,
        suspended=facts.suspended,
        asleep=_asleep(facts.idle),
    )


def _asleep(idle: dict[str, Any] | None) -> str | None:
    return idle["reason"] if idle is not None and idle["state"] == "asleep" else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _object_of(raw: str | None) -> dict[str, Any]:
    return _object(orjson.loads(raw)) if raw else {}
