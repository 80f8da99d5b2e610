"""Why an IDE does not answer: asked of its agent, for a person who waits, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import ForeignError, Refusal

if TYPE_CHECKING:
    from zpack.control.ide.admission import Visit
    from zpack.control.ide.pages import Condition
    from zpack.control.instances.actions import Instances
    from zpack.control.outside.agent import Agents

SECONDS = 2.0
STATES: dict[str, Condition] = {"idle": "stopped", "error": "failed"}
"""Of the agent; in all others it runs in a moment."""


class Conditions:
    """Asks."""

    def __init__(self, *, instances: Instances, agents: Agents) -> None:
        self._instances = instances
        self._agents = agents

    async def of(self, visit: Visit) -> Condition:
        """Return why the place does not answer; never fails itself."""
        if visit.session is None or visit.place.port is not None:
            return "silent"
        try:
            at = await self._instances.reach(visit.session.user, visit.place.vmid, ctype="dev")
            said = await self._agents.call(
                *("GET", at.ip, "/dev/codeserver", at.token), fallback="no state", seconds=SECONDS
            )
        except (ForeignError, Refusal):
            return "away"
        return told(said)


def told(said: Any) -> Condition:
    """Return what an agent's word about its IDE means to who waits for it."""
    if not isinstance(said, dict):
        return "away"
    found = STATES.get(str(said.get("state")), "starting")
    return "absent" if found == "stopped" and said.get("installed") is False else found
