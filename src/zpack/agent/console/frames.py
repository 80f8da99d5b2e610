"""Turns console lines into frames and frames into what was typed. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.agent.console.commands import check_command
from zpack.agent.problems import Invalid
from zpack.wire.console import FRAMED, MAX_SIZE, PLAIN_SEPARATOR

if TYPE_CHECKING:
    from zpack.wire.agent import ConsoleLog

LOST = "[zpack] some lines were lost"


@dataclass(frozen=True)
class Typed:
    """Something to type: a command, or keys."""

    text: str


@dataclass(frozen=True)
class Resized:
    """Another size of the viewer's terminal."""

    columns: int
    rows: int


def told(protocol: str | None, found: ConsoleLog, *, lines: bool) -> str:
    """Return the frame that tells these lines, or these chunks when they are no ``lines``."""
    if protocol == FRAMED:
        said: list[Any] = [{"lost": True}] if found["lost"] else []
        return "\n".join(_json(each) for each in [*said, *found["lines"]])
    texts = [each["line"] for each in found["lines"]]
    if not lines:
        return "".join(texts)
    return PLAIN_SEPARATOR.join([LOST, *texts] if found["lost"] else texts)


def problem(protocol: str | None, code: str, message: str) -> str:
    """Return the frame that says why input was refused."""
    return _json({"error": code, "message": message}) if protocol == FRAMED else f"[zpack] {message}"


def parse_command_frame(protocol: str | None, text: str) -> list[Typed | Resized]:
    """Return what a frame asks of a workload: commands are checked. Raises :class:`Invalid`."""
    asked = _asked(text) if protocol == FRAMED else [Typed(text)]
    return [
        step
        for each in asked
        for step in ([each] if isinstance(each, Resized) else [Typed(c) for c in _commands(each.text)])
    ]


def parse_key_frame(protocol: str | None, text: str) -> list[Typed | Resized]:
    """Return what a frame asks of a shell: keys pass as they are. Raises :class:`Invalid`."""
    return _asked(text) if protocol == FRAMED else [Typed(text)]


def _commands(text: str) -> list[str]:
    return [check_command(line) for line in text.replace("\r\n", "\n").split("\n") if line.strip()]


def _asked(text: str) -> list[Typed | Resized]:
    found: list[Typed | Resized] = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            frame = json.loads(line)
        except (ValueError, RecursionError):
            raise Invalid("a frame is one JSON object a line", code="invalid_frame") from None
        if not isinstance(frame, dict):
            raise Invalid("a frame is one JSON object a line", code="invalid_frame")
        if isinstance(frame.get("input"), str):
            found.append(Typed(frame["input"]))
        elif isinstance(frame.get("resize"), dict):
            found.append(Resized(_size(frame["resize"], "cols"), _size(frame["resize"], "rows")))
        else:
            raise Invalid("a frame has input or resize", code="invalid_frame")
    return found


def _size(resize: dict[str, Any], name: str) -> int:
    value = resize.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_SIZE:
        raise Invalid(f"{name} must be a number from 1 to {MAX_SIZE}", code="invalid_frame")
    return value


def _json(said: Any) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))
