"""A server's time line in words, grouped by day: pure. An action that has no words is shown by its name."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from babel.dates import format_date

from zpack.portal.texts import read_moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zpack.portal.texts import Texts

ICONS = {
    "backup": "backup",
    "mods": "mods",
    "files": "folder",
    "console": "console",
    "game": "game",
    "host": "power",
    "idle": "timer",
    "ide": "code",
    "codeserver": "code",
    "instance": "server",
}
BY_KIND = {"audit": "account", "operation": "operations", "repair": "wrench"}
TONES = {"succeeded": "ok", "failed": "bad", "cancelled": "warn", "running": "accent", "queued": "accent"}
ABOUT = ("displayName", "label", "path", "mod", "filename", "port", "minutes", "until", "reason")
"""Details that tell what an entry was about, the most telling first."""


@dataclass(frozen=True)
class Happening:
    """One entry: what, when, by whom, and how it went."""

    at: str
    text: str
    icon: str
    who: str | None
    about: str
    status: str | None
    tone: str


@dataclass(frozen=True)
class Day:
    """What happened on one day, in UTC."""

    title: str
    entries: tuple[Happening, ...]


def days_of(texts: Texts, entries: Iterable[dict[str, Any]]) -> list[Day]:
    """Return entries of ``/activity`` by day, in their order."""
    grouped = groupby(entries, key=lambda entry: _day(texts, entry["at"]))
    return [Day(title, tuple(_happening(texts, entry) for entry in found)) for title, found in grouped]


def _day(texts: Texts, at: str) -> str:
    moment = read_moment(at)
    return format_date(moment, "full", locale=texts.locale) if moment else at


def _happening(texts: Texts, entry: dict[str, Any]) -> Happening:
    action, status, detail = str(entry["action"]), entry["status"], entry["detail"] or {}
    area = action.replace("-", ".").partition(".")[0]
    actor = entry["actor"] or {}
    return Happening(
        at=entry["at"],
        text=_words(texts).get(action) or entry.get("text") or action,
        icon=ICONS.get(area, BY_KIND.get(entry["kind"], "information")),
        who=actor.get("name") or actor.get("id"),
        about=next((str(detail[name]) for name in ABOUT if detail.get(name) not in {None, ""}), ""),
        status=_statuses(texts).get(status, status) if status else None,
        tone=TONES.get(status or "", ""),
    )


def _statuses(texts: Texts) -> dict[str, str]:
    return {
        "queued": texts("Waiting"),
        "running": texts("Under way"),
        "succeeded": texts("Done"),
        "failed": texts("Failed"),
        "cancelled": texts("Cancelled"),
    }


def _words(texts: Texts) -> dict[str, str]:
    return {
        "instance-create": texts("Created"),
        "instance-delete": texts("Deleted"),
        "host-start": texts("Host start"),
        "host-stop": texts("Host stop"),
        "host-restart": texts("Host restart"),
        "host.start": texts("Host start asked for"),
        "host.stop": texts("Host stop asked for"),
        "host.restart": texts("Host restart asked for"),
        "game.start": texts("Game started"),
        "game.stop": texts("Game stopped"),
        "game.restart": texts("Game restarted"),
        "backup.create": texts("Backup made"),
        "backup.restore": texts("Backup restored"),
        "backup.delete": texts("Backup deleted"),
        "mods.install": texts("Mod installed"),
        "mods.switch": texts("Mod switched on or off"),
        "mods.remove": texts("Mod removed"),
        "console.open": texts("Console opened"),
        "console.command": texts("Command sent"),
        "instance.create": texts("Asked for"),
        "instance.rename": texts("Renamed"),
        "idle.rule": texts("Idle rule changed"),
        "idle.keep": texts("Kept running"),
        "ide.port": texts("Port changed"),
        "codeserver.start": texts("IDE started"),
        "codeserver.stop": texts("IDE stopped"),
        "codeserver.restart": texts("IDE restarted"),
    }
