"""The list as its template writes it, in chunks that the browser skips while they are out of sight.

A thousand cards are written with each visit. What a collapsed one says is worked out here and handed over at
once: a template that looks up and translates each word of each card by itself takes five times as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from zpack.portal.standing import Standing
    from zpack.portal.texts import Texts

CHUNK = 20
"""Cards of a chunk; ts/chunks.ts and css/servers.css know the number, too."""


class Face(NamedTuple):
    """What a collapsed card says. ``playing`` is empty where nobody counts players."""

    id: str
    words: str
    tone: str
    name: str
    kind: str
    state: str
    playing: str
    played: str


@dataclass(frozen=True)
class Card:
    """A server of the list."""

    server: Standing
    face: Face
    hidden: bool


@dataclass(frozen=True)
class Chunk:
    """Some cards that follow each other."""

    cards: list[Card]
    shown: int


@dataclass(frozen=True)
class Group:
    """The servers of one kind."""

    id: str
    title: str
    icon: str
    chunks: list[Chunk]

    @property
    def shown(self) -> int:
        """Return how many of them fit."""
        return sum(chunk.shown for chunk in self.chunks)


def groups_of(texts: Texts, servers: list[Standing], fitting: AbstractSet[str]) -> list[Group]:
    """Return these servers in their groups; hidden are those that are not among the fitting ones."""
    cards = [Card(server, _face_of(texts, server), server.id not in fitting) for server in servers]
    games = [card for card in cards if not card.server.is_dev]
    devs = [card for card in cards if card.server.is_dev]
    return [
        Group("games", texts("Game"), "game", _chunks_of(games)),
        Group("devs", texts("Development"), "dev", _chunks_of(devs)),
    ]


def _chunks_of(cards: list[Card]) -> list[Chunk]:
    parts = [cards[at : at + CHUNK] for at in range(0, len(cards), CHUNK)]
    return [Chunk(part, sum(not card.hidden for card in part)) for part in parts]


def _face_of(texts: Texts, server: Standing) -> Face:
    players = server.view["players"]
    online, most = (players["online"], players["max"]) if players else ("", "")
    return Face(
        server.id,
        server.words,
        server.tone,
        server.name,
        server.kind,
        server.state,
        f"{online} / {most}" if players else "",
        texts("%(online)s of %(max)s players", online=online, max=most) if players else "",
    )
