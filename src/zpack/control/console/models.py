"""What a console request may say."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import StringConstraints

from zpack.control.accounts.models import Body
from zpack.wire.console import FRAMED, PROTOCOLS


class CommandBody(Body):
    """``{command}``: one printable line (contract §4.4)."""

    command: Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f]+$")]


def chosen_protocol(offered: list[str]) -> str | None:
    """Return the way of speaking that a client offered first; None: plain text, without saying so."""
    return next((word for word in offered if word in PROTOCOLS), None)


def commands_in(protocol: str | None, frame: str) -> list[int]:
    """Return the length of each command in a frame; what is malformed is the agent's to refuse."""
    lines = [line for line in frame.split("\n") if line.strip()]
    if protocol != FRAMED:
        return [len(line) for line in lines]
    return [len(said["input"]) for line in lines if isinstance((said := _object(line)).get("input"), str)]


def _object(line: str) -> dict[str, Any]:
    try:
        said = orjson.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
