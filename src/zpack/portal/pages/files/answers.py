"""What a host says of its files. It is the customer's own machine: nobody promises that it makes sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.portal.api import Problem

if TYPE_CHECKING:
    from zpack.portal.visit import Visit

FILE: dict[str, type | tuple[type, ...]] = {"type": str, "size": int, "modified": str}
NEEDED = {
    "list": {"entries": list, "truncated": bool},
    "stat": FILE | {"hasShadow": bool},
    "read": {"content": str},
}
ENTRY = FILE | {"name": str, "path": str}
MAYBE = {"allowed": list, "takes": list, "unnamed": int, "etag": str}


async def ask(visit: Visit, root: str, verb: str, path: str) -> dict[str, Any]:
    """Return the answer to ``list``, ``stat`` or ``read``. Raises Problem, also when it makes no sense."""
    found = await visit.api.get(f"{root}/{verb}", path=path)
    if not makes_sense(verb, found):
        said = visit.texts(
            "The host's answer makes no sense. Restart the host; if that does not help, ask us."
        )
        raise Problem(502, {"error": "agent_answer_unusable", "message": said})
    return found


def makes_sense(verb: str, answer: Any) -> bool:
    """Say whether an answer has what the contract promises of it (docs/contracts/files.md)."""
    if not _has(answer, NEEDED[verb]):
        return False
    return verb != "list" or all(_has(entry, ENTRY) for entry in answer["entries"])


def _has(said: Any, needed: dict[str, Any]) -> bool:
    if not isinstance(said, dict):
        return False
    kept = all(isinstance(said[name], kind) for name, kind in MAYBE.items() if name in said)
    return kept and all(isinstance(said.get(name), kind) for name, kind in needed.items())
