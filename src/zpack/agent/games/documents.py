"""Writes a server's own settings files without losing what the customer put there. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def merge_properties(existing: str, *, enforced: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Return a ``.properties`` text: enforced keys set, defaults added, all other lines as they were."""
    wanted = {key: _line(key, value) for key, value in enforced.items()}
    lines: list[str] = []
    seen: set[str] = set()
    for line in existing.splitlines():
        key = _key(line)
        if key is None or (key not in wanted and key not in seen):
            lines.append(line)
        elif key in wanted and key not in seen:
            lines.append(wanted[key])
        if key is not None:
            seen.add(key)
    lines += [line for key, line in wanted.items() if key not in seen]
    lines += [_line(k, v) for k, v in defaults.items() if k not in seen and k not in wanted]
    return "\n".join(lines) + "\n"


def merge_json(existing: str, *, enforced: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Return a JSON object's text: enforced keys set, defaults added; a damaged file starts anew."""
    try:
        value = json.loads(existing or "{}")
    except (ValueError, RecursionError):
        value = {}
    kept: dict[str, Any] = value if isinstance(value, dict) else {}
    return json.dumps({**defaults, **kept, **enforced}, indent=2) + "\n"


def _key(line: str) -> str | None:
    text = line.lstrip()
    if not text or text[0] in "#!":
        return None
    ends = [at for at in (text.find("="), text.find(":"), text.find(" ")) if at >= 0]
    return text[: min(ends, default=len(text))].strip()


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _line(key: str, value: Any) -> str:
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    safe = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    ascii_only = "".join(c if " " <= c <= "~" else _escaped(c) for c in safe)
    if ascii_only.startswith(" "):
        ascii_only = "\\" + ascii_only
    return f"{key}={ascii_only}"
