"""``zpack serve``: the API and the portal in one process, under one port.

The portal is there when ``PORTAL_URL`` says under which address; ``python -m zpack.control`` has none.
"""

from __future__ import annotations

import sys

from pydantic import ValidationError

from zpack.control.__main__ import main as control
from zpack.control.settings import SettingsError
from zpack.portal.app import Portal, build_portal
from zpack.portal.assets import AssetsMissing
from zpack.portal.house import HouseError, HouseSettings, read_house


def portal_at(url: str) -> Portal:
    """Construct the portal. Raises SettingsError when it was not built or a setting is wrong."""
    try:
        return build_portal(url, read_house(HouseSettings()))
    except AssetsMissing as failure:
        raise SettingsError(f"PORTAL_URL: {failure}") from failure
    except ValidationError as failure:
        raise SettingsError(f"PORTAL_NAME: {failure.errors()[0]['msg']}") from failure
    except HouseError as failure:
        raise SettingsError(str(failure)) from failure


def main(argv: list[str] | None = None) -> int:
    """Run one command of control's, with the portal."""
    return control(argv, site=portal_at)


if __name__ == "__main__":
    sys.exit(main())
