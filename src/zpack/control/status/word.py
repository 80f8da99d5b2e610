"""What an agent's last word says of players and of itself, or why it says nothing (contract §9.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import Refusal
from zpack.control.instances.models import COUNTED
from zpack.control.status.merge import agent_evidence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.status.merge import Evidence


class Unheard(Refusal):
    """The agent has not been heard for a while: whatever it said before is no longer told."""

    kind = "unavailable"
    code = "agent_not_heard"


class NotKnown(Refusal):
    """The agent is heard, and has not told this yet."""

    kind = "unavailable"
    code = "not_known_yet"


class NotRunning(Refusal):
    """Nobody can play: the game does not run, or is not ready."""

    kind = "conflict"
    code = "game_not_ready"


class NoPlayerList(Refusal):
    """Players are known of Minecraft servers only."""

    kind = "conflict"
    code = "players_not_supported"


def players_of(word: dict[str, Any] | None, *, game: object) -> dict[str, Any]:
    """Return ``{online, max, players, motd?}``. Raises Unheard, NotRunning, NotKnown, NoPlayerList."""
    if game not in COUNTED:
        raise NoPlayerList("Players are known of Minecraft servers only.")
    heard = _heard(word)
    if heard.get("ready") is not True:
        raise NotRunning("The game is not ready, so nobody plays.", details=_evidence(word))
    found = heard.get("players")
    if not isinstance(found, dict):
        raise NotKnown("The agent has not told yet who plays.", details=_evidence(word))
    return found


def count_of(word: Mapping[str, Any] | None) -> dict[str, int] | None:
    """Return ``{online, max}``; None while nobody can play or knows who does."""
    found = word.get("players") if word is not None and word.get("ready") is True else None
    return {"online": found["online"], "max": found["max"]} if isinstance(found, dict) else None


def update_of(word: dict[str, Any] | None) -> dict[str, Any]:
    """Return ``{agentVersion, updateStatus, updateAvailable}``. Raises Unheard, NotKnown."""
    heard = _heard(word)
    if heard.get("agentVersion") is None:
        raise NotKnown("The agent has not told its version yet.", details=_evidence(word))
    return {
        "agentVersion": heard["agentVersion"],
        "updateStatus": heard.get("updateStatus"),
        "updateAvailable": heard.get("updateAvailable") is True,
    }


def _heard(word: dict[str, Any] | None) -> Mapping[str, Any]:
    if word is None or word.get("hostOnline") is not True:
        raise Unheard("The agent does not answer; what it said before is too old.", details=_evidence(word))
    return word


def _evidence(word: dict[str, Any] | None) -> dict[str, list[Evidence]]:
    return {"evidence": [agent_evidence(word)]}
