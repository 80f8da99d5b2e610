"""A plan as a form holds it, and as the API is told it: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMITS = ("gameServers", "devContainers", "memoryMb", "cpus", "diskMb", "backupsPerServer")
WORDS = ("name", "description", "currency", "interval", "stripePriceId")
NUMBERS = ("priceCents", "position")
EMPTY: dict[str, Any] = {
    "id": "", "name": "", "description": "", "currency": "usd", "interval": "month", "stripePriceId": "",
    "priceCents": "0", "position": "0", "active": True, "idleMinutes": "", "idleRequired": False,
} | dict.fromkeys(LIMITS, "0")  # fmt: skip


def form_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a plan's form is filled with; a limit that is not there is an empty field."""
    idle = plan["idle"] or {}
    limits = {name: _blank(plan["limits"][name]) for name in LIMITS}
    told = {name: _blank(plan.get(name)) for name in (*WORDS, *NUMBERS)}
    return {
        "id": plan["id"],
        **told,
        **limits,
        "active": plan["active"],
        "idleMinutes": _blank(idle.get("minutes")),
        "idleRequired": bool(idle.get("required")),
    }


def body_of(form: Mapping[str, str], *, new: bool) -> dict[str, Any]:
    """Return what the API is told; what is no number goes as it stands, and is refused there."""
    body: dict[str, Any] = {name: form[name].strip() for name in WORDS if form.get(name, "").strip()}
    body |= {name: _number(form.get(name, "")) for name in NUMBERS}
    body["limits"] = {name: _number(form.get(name, "")) for name in LIMITS}
    body["active"] = "active" in form
    if form.get("idleMinutes", "").strip():
        body["idle"] = {"minutes": _number(form["idleMinutes"]), "required": "idleRequired" in form}
    return body | ({"id": form.get("id", "").strip()} if new else {})


def filled(form: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed, to be shown again."""
    checks = {name: name in form for name in ("active", "idleRequired")}
    return EMPTY | {name: form[name] for name in EMPTY if name in form} | checks


def changes(plan: Mapping[str, Any], form: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what a form changes of a plan: name of the field, what it was, what it becomes."""
    was, becomes = form_of(plan), filled(form)
    return [
        (name, _said(was[name]), _said(becomes[name]))
        for name in was
        if name != "id" and not _same(was[name], becomes[name])
    ]


def _same(was: Any, becomes: Any) -> bool:
    return _said(was).strip() == _said(becomes).strip()


def _said(value: Any) -> str:
    return value if isinstance(value, str) else "yes" if value else "no"


def _number(text: str) -> int | float | str | None:
    text = text.strip()
    if not text:
        return None
    try:
        return int(text) if len(text) < 16 else text  # noqa: PLR2004 - more digits than JSON keeps
    except ValueError:
        pass
    try:
        found = float(text)
    except ValueError:
        return text
    return found if found - found == 0 else text


def _blank(value: Any) -> str:
    return "" if value is None else str(value)
