"""``zpack serve``: the API and the portal in one process, under one port.

The portal is there when ``PORTAL_URL`` says under which address; ``python -m zpack.control`` has none.
"""

from __future__ import annotations

import sys

from zpack.control.__main__ import main as control
from zpack.control.settings import SettingsError
from zpack.portal.app import Portal, build_portal
from zpack.portal.assets import AssetsMissing


def portal_at(url: str) -> Portal:
    """Construct the portal. Raises SettingsError when it was not built."""
    try:
        return build_portal(url)
    except AssetsMissing as failure:
        raise SettingsError(f"PORTAL_URL: {failure}") from failure


def main(argv: list[str] | None = None) -> int:
    """Run one command of control's, with the portal."""
    return control(argv, site=portal_at)


if __name__ == "__main__":
    sys.exit(main())
