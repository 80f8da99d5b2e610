"""The operator's pages, in the world of provisioning with its counterparts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.provisioning.conftest import api, hint, others, world
from tests.control.repair.conftest import mender
from zpack.control.operations import store
from zpack.control.operations.actions import new_operation_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.control.provisioning.counterparts import Counterparts
    from tests.support.visitor import Visitor
    from zpack.control.db.session import Database
    from zpack.control.wiring import Api

    Begin = Callable[..., Awaitable[str]]

__all__ = ["api", "hint", "mender", "others", "world"]


@pytest.fixture
def extra(others: Counterparts, port: int) -> dict[str, Any]:
    return {**others.settings, "portal_url": f"http://localhost:{port}"}


@pytest.fixture
async def ann_id(ann: Visitor) -> str:
    assert ann.api is not None
    return (await ann.api.get("/api/auth/me")).body["user"]["id"]


@pytest.fixture
def begin(api: Api, database: Database) -> Begin:
    """Begin an operation; with ``error`` it fails."""

    async def begun(owner: str, *, error: dict[str, str] | None = None, **more: Any) -> str:
        name = new_operation_id()
        told = {"kind": "instance-create", "vmid": 5000, "hostname": "mc-5000"} | more
        async with database.transaction() as session:
            api.operations.begin(
                session, operation_id=name, customer_id=owner, request_id="req_test",
                budget=timedelta(minutes=1), state={}, **told,
            )  # fmt: skip
        if error:
            async with database.transaction() as session:
                await store.set_finished(session, name, status="failed", result={}, error=error)
        return name

    return begun
