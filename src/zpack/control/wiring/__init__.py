"""The only constructor: settings → clients → stores → actions."""

from __future__ import annotations

from zpack.control.wiring.clients import Clients, Stores, build_clients, build_stores
from zpack.control.wiring.rooms import Api, Hint, build_api, build_publishing
from zpack.control.wiring.work import Work, build_work, build_workflows

__all__ = [
    "Api",
    "Clients",
    "Hint",
    "Stores",
    "Work",
    "build_api",
    "build_clients",
    "build_publishing",
    "build_stores",
    "build_work",
    "build_workflows",
]
