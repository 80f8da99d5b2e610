"""Cookies at the border: ours never go in, the container's never leave its place; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zpack.control.ide.models import COOKIE, HOST_COOKIE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zpack.control.ide.places import Place

OURS = {COOKIE.lower(), HOST_COOKIE.lower()}
CANDIDATES = 8
"""Cookies of our name that are looked at: a sibling host can add some, and none of them is ours."""
SET_LIMIT, SET_BYTES = 20, 4096
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
KEPT = {"expires", "max-age", "secure", "httponly", "samesite", "partitioned"}


def pairs_of(headers: Iterable[str]) -> list[tuple[str, str]]:
    """Return names and values of Cookie headers, as they were sent."""
    found: list[tuple[str, str]] = []
    for header in headers:
        for part in header.split(";"):
            name, equals, value = part.strip().partition("=")
            found.append((name.strip(), value.strip()) if equals else ("", name))
    return found


def ours_of(headers: Iterable[str]) -> tuple[str, ...]:
    """Return the values of our cookie; the prefixed one first, for no other host can have set that."""
    pairs = pairs_of(headers)
    values = [value for wanted in (HOST_COOKIE, COOKIE) for name, value in pairs if name == wanted]
    return tuple(dict.fromkeys(values))[:CANDIDATES]


def mark_of(place: Place) -> str:
    """Return what the container's cookies are called by in front, where others share the host."""
    if not place.prefix:
        return ""
    return f"zide{place.vmid}p{place.port}-" if place.port else f"zide{place.vmid}-"


def passed_in(headers: Iterable[str], place: Place) -> str:
    """Return the Cookie header that the container gets: none of ours, in a tunnel only its own."""
    mark = mark_of(place)
    kept = [
        f"{name.removeprefix(mark)}={value}"
        for name, value in pairs_of(headers)
        if name and name.lower() not in OURS and name.startswith(mark)
    ]
    return "; ".join(pair for pair in kept if pair.partition("=")[0].lower() not in OURS)


def passed_out(headers: Iterable[str], place: Place) -> list[str]:
    """Return the Set-Cookie headers that the browser gets: of this host and place only, few and small."""
    made = [confined(header, place) for header in headers]
    return [header for header in made if header is not None][:SET_LIMIT]


def confined(header: str, place: Place) -> str | None:
    """Return a container's cookie confined to its place; None when it must not be set.

    A cookie without a name is refused too: browsers send its value as if it began with one.
    """
    pair, *attributes = header.split(";")
    name, equals, value = pair.strip().partition("=")
    name, value = name.strip(), value.strip()
    wrong = not (equals and NAME.fullmatch(name)) or name.lower() in OURS or len(header) > SET_BYTES
    if wrong:
        return None
    kept, path = [f"{mark_of(place)}{name}={value}"], "/"
    for attribute in attributes:
        key, _, said = attribute.strip().partition("=")
        if key.strip().lower() == "path" and said.startswith("/"):
            path = said
        elif key.strip().lower() in KEPT:
            kept.append(attribute.strip())
    if place.prefix:
        path = f"{place.prefix}{path}" if ".." not in path and "%" not in path else place.root
    return "; ".join((*kept, f"Path={path}"))


def our_cookies(value: str, place: Place, *, secure: bool, seconds: int) -> list[str]:
    """Return the Set-Cookie headers that let a browser in (row S100)."""
    rest = f"={value}; Path={place.cookie_path}; Max-Age={seconds}; HttpOnly; SameSite=Lax"
    if not secure:
        return [COOKIE + rest]
    hosted = [f"{HOST_COOKIE}{rest}; Secure"] if not place.prefix else []
    return [*hosted, f"{COOKIE}{rest}; Secure"]
