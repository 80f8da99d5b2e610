"""Every route behind which control asks an agent and waits for JSON. A new one belongs here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AgentRoute:
    """One call of the API on server 5000."""

    method: str
    path: str
    body: Any = None
    tolerant: bool = False
    """It answers without the agent as well, only knowing less."""


SERVER = "/api/servers/5000"
ROUTES = [
    AgentRoute("POST", f"{SERVER}/game/start"),
    AgentRoute("POST", f"{SERVER}/game/stop"),
    AgentRoute("POST", f"{SERVER}/game/restart"),
    AgentRoute("POST", f"{SERVER}/console/command", {"command": "list"}),
    AgentRoute("GET", f"{SERVER}/console/log?after=0&wait=0"),
    AgentRoute("GET", f"{SERVER}/mods"),
    AgentRoute("POST", f"{SERVER}/mods/install", {"project": "sodium"}),
    AgentRoute("PATCH", f"{SERVER}/mods/a.jar", {"enabled": False}),
    AgentRoute("DELETE", f"{SERVER}/mods/a.jar"),
    AgentRoute("GET", f"{SERVER}/backups"),
    AgentRoute("POST", f"{SERVER}/backups", {"label": "x"}),
    AgentRoute("POST", f"{SERVER}/backups/restore?id=20261125T200000Z-0a1b2c3d"),
    AgentRoute("DELETE", f"{SERVER}/backups/20261125T200000Z-0a1b2c3d"),
    AgentRoute("GET", f"{SERVER}/files/list?path="),
    AgentRoute("GET", f"{SERVER}/files/stat?path=a.txt"),
    AgentRoute("GET", f"{SERVER}/files/read?path=a.txt"),
    AgentRoute("DELETE", f"{SERVER}/files?path=logs/a.log"),
    AgentRoute("POST", f"{SERVER}/files/revert?path=server.properties"),
    AgentRoute("POST", f"{SERVER}/files/move?path=logs/a.log&to=logs/b.log"),
    AgentRoute("GET", "/api/game/mods/search?vmid=5000&q=sodium", tolerant=True),
]
