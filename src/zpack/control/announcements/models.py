"""What an announcement may say, and the HTML that is made of its plain text: pure."""

from __future__ import annotations

import html
import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from zpack.control.accounts.models import Body

TITLE_MAX, TEXT_MAX = 200, 10_000
SHOWN = 50
"""At most so many are shown to everybody."""
PAGE, PAGE_MAX = 50, 200
LINK = re.compile(r"https?://[\w\[][^\s<>\"'`\\]+")
TRAILING = ".,;:!?)]}*_"
"""What ends a sentence rather than a link."""


class AnnouncementBody(Body):
    """``POST`` and ``PUT`` of ``/api/admin/announcements``."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_MAX)]
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_MAX)]
    level: Literal["info", "warning", "maintenance"] = "info"
    expiresAt: AwareDatetime | None = None  # noqa: N815 - the contract's spelling


class AnnouncementsQuery(Body):
    """``GET /api/admin/announcements``: ``before`` is the ``next`` of the page that was shown last."""

    before: Annotated[str, StringConstraints(max_length=100)] | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE


def html_of(text: str) -> str:
    """Return plain text as HTML: paragraphs, line breaks and links, and nothing that the text says itself."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", lines) if part.strip()]
    return "".join(f"<p>{_linked(part).replace(chr(10), '<br>')}</p>" for part in paragraphs)


def _linked(text: str) -> str:
    parts: list[str] = []
    end = 0
    for found in LINK.finditer(text):
        url = found[0].rstrip(TRAILING)
        parts += [html.escape(text[end : found.start()]), _anchor(url)]
        end = found.start() + len(url)
    return "".join([*parts, html.escape(text[end:])])


def _anchor(url: str) -> str:
    shown = html.escape(url)
    return f'<a href="{shown}" rel="noopener nofollow">{shown}</a>'
