"""What a person reads instead of an IDE, when a browser asks and there is nothing to pass on; pure.

No scripts, nothing fetched from anywhere, one style known by its hash; what may pass soon reloads itself.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from zpack.control.ide.headers import Pairs
    from zpack.control.ide.places import Place

Condition = Literal["starting", "waking", "stopped", "failed", "absent", "away", "silent"]
"""Of an IDE that does not answer; ``silent`` is a port on which nobody listens."""
STYLE = (
    ":root{color-scheme:light dark}body{margin:0;min-height:100vh;display:grid;place-items:center;"
    "font:1rem/1.5 system-ui,sans-serif;background:#f6f7f9;color:#1c2330}"
    "main{max-width:34rem;margin:1rem;padding:2rem 2.5rem;background:#fff;border:1px solid #d9dde5;"
    "border-radius:.75rem}h1{margin:0 0 .75rem;font-size:1.375rem;line-height:1.25}p{margin:.75rem 0}"
    "small{color:#5b6474}a{color:#0b57d0}"
    "@media(prefers-color-scheme:dark){body{background:#12151b;color:#e4e7ec}"
    "main{background:#1a1f28;border-color:#313946}small{color:#98a2b3}a{color:#8ab4f8}}"
)
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    "default-src 'none'", f"style-src 'sha256-{_HASH}'", "base-uri 'none'", "form-action 'none'",
    "frame-ancestors 'self'",
)  # fmt: skip
HEADERS: Pairs = [
    ("content-type", "text/html; charset=utf-8"),
    ("content-security-policy", "; ".join(POLICY)),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
]


@dataclass(frozen=True, slots=True)
class Page:
    """A heading and what to do next; ``seconds`` until it reloads itself, None for never."""

    title: str
    words: str
    seconds: int | None = None


EXPIRED = Page(
    "This address is no longer good",
    "Open the IDE again from the portal. Its addresses are good for some minutes; "
    "once in, you stay in while you work and are logged in.",
)
NOTHING = Page(
    "There is nothing here for you",
    "No dev container of yours has this address. It may be gone, or belong to another account: "
    "look at your containers in the portal.",
)
REFUSED: dict[str, Page] = {
    "Invalid or expired token": EXPIRED,
    "Missing authorization token": EXPIRED,
    "user_not_found": EXPIRED,
    "ide_login_required": EXPIRED,
    "ide_not_found": NOTHING,
    "server_not_found": NOTHING,
    "wrong_container_type": NOTHING,
    "account_suspended": Page(
        "The account is suspended",
        "Its containers are stopped, and kept as they are. The portal says why, and what ends it.",
    ),
    "access_revoked": Page("Your access has ended", "The container is no longer yours to open."),
    "hosted_form_needed": Page(
        "This container opens only under its own name",
        "It belongs to somebody else. Ask for its address in the portal, and open that one.",
    ),
    "origin_not_allowed": Page(
        "Another page tried to open this",
        "Pages of other sites may not use your IDE. If it was you, open the IDE from the portal.",
    ),
    "Server does not have an IP address yet": Page(
        "The container is being made", "It has no address yet. This page opens it as soon as it has.", 5
    ),
}
CONDITIONS: dict[Condition, Page] = {
    "starting": Page("The IDE is starting", "This takes some seconds. The page opens it by itself.", 2),
    "waking": Page(
        "Your container is starting",
        "It was stopped because nobody used it. This page opens the IDE as soon as it is ready.",
        3,
    ),
    "stopped": Page(
        "The IDE is not running",
        "Start it in the portal. This page opens it as soon as it runs.",
        5,
    ),
    "failed": Page(
        "The IDE could not be started", "Restart it in the portal, which also shows what went wrong."
    ),
    "absent": Page(
        "This container has no IDE", "It was made without one. Its files and its console are in the portal."
    ),
    "away": Page(
        "The container does not answer",
        "It is stopped, or on its way. Start it in the portal; this page opens the IDE as soon as it can.",
        5,
    ),
    "silent": Page(
        "Nothing answers on this port",
        "Start the program in the container, and let it listen on every address, not on localhost only. "
        "This page opens it as soon as it answers.",
        5,
    ),
}
OTHER = Page("This did not work", "The container's answer could not be passed on. Try again from the portal.")


def wants_page(method: str, accept: str | None) -> bool:
    """Say whether a person is to read the answer: a browser goes there, and says that it shows HTML."""
    return method in {"GET", "HEAD"} and "text/html" in (accept or "").lower()


def waiting_page(condition: Condition, place: Place, *, portal: str | None) -> tuple[Pairs, bytes]:
    """Return headers and body for an IDE or a port that does not answer."""
    about = f"Port {place.port} of dev-{place.vmid}" if place.port else f"dev-{place.vmid}"
    return _rendered(CONDITIONS[condition], about, portal)


def refusal_page(code: str, request_id: str, *, portal: str | None) -> tuple[Pairs, bytes]:
    """Return headers and body for a refusal."""
    return _rendered(REFUSED.get(code, OTHER), f"{code} · {request_id}", portal)


def _rendered(page: Page, about: str, portal: str | None) -> tuple[Pairs, bytes]:
    link = f'<p><a href="{escape(portal)}">To the portal</a></p>' if portal else ""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{page.title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex">'
        f"<style>{STYLE}</style></head><body><main><h1>{page.title}</h1><p>{page.words}</p>{link}"
        f"<small>{escape(about)}</small></main></body></html>\n"
    )
    if page.seconds is None:
        return HEADERS, text.encode()
    again = str(page.seconds)
    return [*HEADERS, ("refresh", again), ("retry-after", again)], text.encode()
