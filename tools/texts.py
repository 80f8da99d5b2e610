"""Gathers the portal's texts into its message catalogs (gettext); ``--check`` fails when they are old.

The template lists every text in the order of the alphabet and without line numbers, so that two changes
rarely meet. English is complete by construction: a text is its own translation.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

PORTAL = Path(__file__).parents[1] / "src" / "zpack" / "portal"
TEMPLATE = PORTAL / "locale" / "zpack.pot"
ENGLISH = PORTAL / "locale" / "en" / "LC_MESSAGES" / "zpack.po"
WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)
"""A fixed moment, so that a catalog changes only with its texts."""
METHODS = [("**/assets/**", "ignore"), ("**.py", "python"), ("**.html", "jinja2")]
OPTIONS = {
    "**.html": {
        "extensions": "jinja2.ext.do",
        "silent": "false",
        "trim_blocks": "true",
        "lstrip_blocks": "true",
        "newstyle_gettext": "true",
    }
}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "texts": None, "plural": (1, 2)}


def gathered() -> Catalog:
    """Return every text of the portal."""
    found = Catalog(project="zpack", version="1", charset="utf-8", header_comment="# Texts of the portal.")
    found.creation_date = found.revision_date = WRITTEN
    for _, _, message, _, _ in extract_from_dir(PORTAL, METHODS, OPTIONS, keywords=KEYWORDS):  # type: ignore[arg-type]
        found.add(message)
    return found


def translated(template: Catalog, path: Path, *, itself: bool) -> Catalog:
    """Return a language's catalog with the template's texts; what was translated stays so."""
    old = read_po(io.BytesIO(path.read_bytes())) if path.exists() else Catalog()
    found = Catalog(locale=path.parent.parent.name, project="zpack", version="1", charset="utf-8")
    found.creation_date = found.revision_date = template.creation_date
    for message in template:
        if not message.id:
            continue
        known = old.get(message.id)
        found.add(message.id, message.id if itself else known.string if known else "")
    return found


def written(catalog: Catalog) -> bytes:
    """Return a catalog as it lies on the disk."""
    out = io.BytesIO()
    write_po(out, catalog, sort_output=True, no_location=True, omit_header=False, width=110)
    return out.getvalue()


def main() -> int:
    """Write the catalogs, or check them."""
    template = gathered()
    wanted = {TEMPLATE: written(template)}
    for path in {ENGLISH, *PORTAL.glob("locale/*/LC_MESSAGES/zpack.po")}:
        wanted[path] = written(translated(template, path, itself=path == ENGLISH))
    old = [path for path, text in wanted.items() if not path.exists() or path.read_bytes() != text]
    if "--check" in sys.argv:
        for path in old:
            print(f"{path}: old; run make texts")
        return 1 if old else 0
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wanted[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
