"""What the record says of each link, and what follows for the whole: pure (contract §3.5, §6.1).

Each link has one entry in ``payload.edge``: names below ``dns``, doors beside it. "Published" is said only
when every link that is wanted says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.instances.models import ON, is_held
from zpack.control.publishing.links import DOORS, KNOWN, NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zpack.control.engine.errors import ForeignError

Entry = dict[str, Any]
TEXT_LIMIT = 300
IDLE = frozenset({"not_configured", "not_wanted"})
"""States of a link that has nothing to do with a server."""
NOBODY = "No link of the edge serves this game."
CLIENT_ERROR, SERVER_ERROR = 400, 500


def path_of(link: str) -> tuple[str, ...]:
    """Return where in ``payload.edge`` a link's entry is."""
    return ("dns", link) if link in NAMES else (link,)


def entries_of(edge: Mapping[str, Any]) -> dict[str, Entry]:
    """Return the entries of a record by link; whatever has no state is left out."""
    dns = edge.get("dns")
    names: Mapping[str, Any] = dns if isinstance(dns, dict) else {}
    found = {link: names.get(link) if link in NAMES else edge.get(link) for link in KNOWN}
    return {link: one for link, one in found.items() if isinstance(one, dict) and one.get("state")}


def nested(entries: Mapping[str, Entry], edge: Mapping[str, Any]) -> dict[str, Any]:
    """Return the patch that writes these entries into a record and keeps its others."""
    dns = edge.get("dns")
    kept = {name: one for name, one in dns.items() if isinstance(one, dict)} if isinstance(dns, dict) else {}
    names = {link: one for link, one in entries.items() if link in NAMES}
    doors = {link: one for link, one in entries.items() if link not in NAMES}
    return {**doors, "dns": kept | names} if names else doors


def idle(state: str) -> Entry:
    """Return the entry of a link that has nothing to do here."""
    return {"state": state}


def succeeded(evidence: Mapping[str, Any], *, on: bool, now: str) -> Entry:
    """Return the entry of a link that did what was asked."""
    return {**evidence, "state": "published" if on else "unpublished", "at": now}


def failed(failure: ForeignError, before: Mapping[str, Any] | None, *, now: str) -> Entry:
    """Return the entry of a link that did not; it counts since when, and how often in a row."""
    again = before if before and before.get("state") == "failed" else {}
    attempts = again.get("attempts")
    return {
        "state": "failed",
        "code": code_of(failure),
        "message": failure.message[:TEXT_LIMIT].replace("\x00", ""),
        "since": again.get("since") or now,
        "attempts": (attempts if isinstance(attempts, int) else 0) + 1,
        "at": now,
    }


def code_of(failure: ForeignError) -> str:
    """Return a stable word for what went wrong."""
    if failure.status is not None and failure.status >= SERVER_ERROR:
        return "link_error"
    if failure.status is not None and failure.status >= CLIENT_ERROR:
        return "link_refused"
    if failure.timed_out:
        return "link_timed_out"
    return "link_unreachable" if failure.transient else "link_answer_unexpected"


def verdict(entries: Mapping[str, Entry], *, held: bool) -> tuple[str, str | None]:
    """Return the state of a server that is to be reached, and what is broken.

    Doors that are kept shut on purpose count for nothing.
    """
    wanted = {
        link: one
        for link, one in entries.items()
        if one["state"] not in IDLE and not (held and link in DOORS and one["state"] == "unpublished")
    }
    broken = sorted(link for link, one in wanted.items() if one["state"] != "published")
    if not wanted and not held:
        return "failed", NOBODY
    if not broken:
        return "published", None
    shut = any(link in DOORS for link in broken) or len(broken) == len(wanted)
    return "failed" if shut else "partial", told(entries, broken)


def leftover(entries: Mapping[str, Entry]) -> str | None:
    """Return what could not be taken off yet of a server that is not to be reached."""
    return told(entries, sorted(link for link, one in entries.items() if one["state"] == "failed")) or None


def told(entries: Mapping[str, Entry], links: Iterable[str]) -> str:
    """Name links with what is wrong with each."""
    parts = [f"{link}: {entries[link].get('message') or entries[link]['state']}" for link in links]
    return "; ".join(parts)[:TEXT_LIMIT]


def settled(edge: Mapping[str, Any], entries: Mapping[str, Entry], *, on: bool) -> dict[str, Any]:
    """Return the patch that follows from new entries for the whole record.

    Of a server that is not to be reached the state stays, and only what is left of it is told; it also stays
    while somebody is about to publish it.
    """
    whole = entries_of(edge) | dict(entries)
    patch = nested(entries, edge)
    if edge.get("state") == "unpublished":
        return patch | {"error": leftover(whole)}
    if not on and edge.get("state") not in ON:
        return patch
    state, error = verdict(whole, held=is_held(edge))
    return patch | {"state": state, "error": error}
