"""Checks what is typed at the workload's console. Pure."""

from __future__ import annotations

import re
from typing import Any

from zpack.agent.problems import Invalid

MAX_COMMAND = 1024
MAX_BYTES = 4000
"""Less than a pipe takes at once, so that a command is never half typed."""
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def parse_command(body: Any) -> str:
    """Return the command of a decoded body. Raises :class:`Invalid`."""
    command = body.get("command") if isinstance(body, dict) else None
    if not isinstance(command, str) or not command.strip():
        raise Invalid("command must be a text", code="invalid_command")
    return check_command(command)


def check_command(command: str) -> str:
    """Return the command when it may be typed. Raises :class:`Invalid`."""
    if len(command) > MAX_COMMAND:
        raise Invalid(f"command must be at most {MAX_COMMAND} characters", code="invalid_command")
    if CONTROLS.search(command):
        raise Invalid("command must be one line without control characters", code="invalid_command")
    try:
        size = len(command.encode())
    except UnicodeEncodeError:
        raise Invalid("command is not valid text", code="invalid_command") from None
    if size > MAX_BYTES:
        raise Invalid(f"command must be at most {MAX_BYTES} bytes", code="invalid_command")
    return command
