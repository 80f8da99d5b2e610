"""Says whether a page that shows hostile texts holds anything but text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.visitor import Shown

FOREIGN_TAGS = ["iframe", "object", "embed", "math", "marquee", "video", "audio", "base", "style", "animate"]


def intrusions(page: Shown, *, without: Iterable[str] = ()) -> list[str]:
    """Return what of a page none of our templates writes: handlers, scripts, foreign elements and addresses."""
    found: list[str] = []
    for tag in page.soup.find_all(True):
        found += [f"{tag.name}[{name}]" for name in tag.attrs if name.startswith(("on", "hx-on"))]
        if tag.name in FOREIGN_TAGS or (
            tag.name == "script" and not str(tag.get("src", "")).startswith("/static/")
        ):
            found.append(str(tag)[:80])
        for name in ("href", "src", "action", "formaction"):
            address = str(tag.get(name, "/"))
            if not address.startswith(("/", "#", "http://", "https://", "mailto:")) or address.startswith(
                "//"
            ):
                found.append(f"{tag.name}[{name}={address[:60]}]")
    return [each for each in found if each not in set(without)]
