"""Asks several links at once: each has its own time, and none hides or holds up another."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zpack.control.publishing.links import Link
    from zpack.control.publishing.models import Place

log = logging.getLogger("zpack.publishing")
LINK_SECONDS = 15.0
"""What one link may take for one server, all its calls together."""


@dataclass(frozen=True)
class Outcome:
    """What came of asking one link."""

    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])
    failure: ForeignError | None = None


async def ask(link: Link, place: Place, *, on: bool, seconds: float = LINK_SECONDS) -> Outcome:
    """Put a place into a system or drop it; whatever goes wrong is the outcome's."""
    try:
        async with asyncio.timeout(seconds):
            return Outcome(await (link.put(place) if on else link.drop(place)))
    except ForeignError as failure:
        return Outcome(failure=failure)
    except TimeoutError:
        message = f"{link.name} took longer than {seconds:g} s"
        return Outcome(failure=ForeignError(message, transient=True, timed_out=True))
    except Exception:
        log.exception("%s of %s failed", link.name, place.hostname)
        return Outcome(failure=ForeignError(f"{link.name} answered what we cannot read", transient=False))


async def ask_all(links: Iterable[Link], place: Place, *, on: bool) -> dict[str, Outcome]:
    """Ask every link at once; return the outcomes by name."""
    asked = tuple(links)
    found = await asyncio.gather(*(ask(link, place, on=on) for link in asked))
    return {link.name: outcome for link, outcome in zip(asked, found, strict=True)}
