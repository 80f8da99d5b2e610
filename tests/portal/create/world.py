"""The world of provisioning below the portal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from zpack.control.wiring import Api, Clients, Hint, build_api

if TYPE_CHECKING:
    from tests.control.provisioning.counterparts import Counterparts
    from zpack.control.settings import Settings


@pytest.fixture
def extra(others: Counterparts, port: int) -> dict[str, Any]:
    """Point the settings at the counterparts; everybody has the smallest plan."""
    return others.settings | {"portal_url": f"http://localhost:{port}", "default_plan": "free"}


@pytest.fixture
def api(settings: Settings, clients: Clients, hint: Hint) -> Api:
    return build_api(settings, clients, hint)
