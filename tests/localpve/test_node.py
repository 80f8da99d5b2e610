"""Many at once, crashes, bad parameters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.localpve.conftest import TEMPLATE, TOKEN, settled
from zpack.localpve import schema
from zpack.localpve.backends.sim import SimBackend
from zpack.localpve.errors import ApiError
from zpack.localpve.ledger import Ledger, Record
from zpack.localpve.node import Node
from zpack.localpve.tasks import Tasks

if TYPE_CHECKING:
    from pathlib import Path


async def cloned(node: Node, vmid: int) -> None:
    """Clone as a patient client does: again while the template is locked."""
    while True:
        try:
            node.clone(TEMPLATE, {"newid": str(vmid)})
        except ApiError as failure:
            if failure.message != "CT is locked (disk)":
                raise
            await asyncio.sleep(0)
        else:
            return


async def test_forty_clones_at_once(node: Node) -> None:
    async with asyncio.TaskGroup() as group:
        for vmid in range(5000, 5040):
            group.create_task(cloned(node, vmid))
    await settled(node)
    guests = [node.guest(node.record(vmid)) for vmid in range(5000, 5040)]
    assert len({guest.ip for guest in guests}) == 40


async def test_a_locked_guest_refuses(node: Node) -> None:
    node.clone(TEMPLATE, {"newid": "5000"})
    with pytest.raises(ApiError, match=r"CT is locked \(create\)"):
        await node.start(5000)
    await settled(node)


async def test_what_ran_runs_again(home: Path, node: Node) -> None:
    node.clone(TEMPLATE, {"newid": "5000"})
    await settled(node)
    await node.start(5000)
    await settled(node)
    await node.close()
    again = Node(name="pve1", home=home, backend=SimBackend(script={}), tasks=Tasks(node="pve1", user="x"),
                 subnet="127.78.0.0/16")  # fmt: skip
    await again.resume()
    assert (await again.current(5000))["status"] == "running"
    await again.close()


async def test_a_half_made_clone_is_gone_after_a_crash(home: Path) -> None:
    Ledger(home / "ledger.json").put(Record(5000, TEMPLATE, made=False))
    again = Node(name="pve1", home=home, backend=SimBackend(script={}), tasks=Tasks(node="pve1", user="x"))
    await again.resume()
    assert again.vmids() == [TEMPLATE]
    await again.close()


async def test_a_template_is_never_started_or_deleted(node: Node) -> None:
    for call in (node.start(TEMPLATE), node.delete(TEMPLATE, {})):
        with pytest.raises(ApiError, match="template"):
            await call


paths = st.sampled_from(["clone", "config", "resize", "status/start"])
names = st.sampled_from([*schema.CLONE, *schema.CONFIG, "nonsense"])
values = st.one_of(st.text(max_size=20), st.integers().map(str), st.sampled_from(["5001", "1", "x.y", "on"]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    form=st.dictionaries(names, values, max_size=5),
    path=st.sampled_from(["clone", "config", "resize", "status/start"]),
)
async def test_bad_parameters_never_surprise(
    node: Node, server: str, form: dict[str, str], path: str
) -> None:
    vmid = TEMPLATE if path == "clone" else 5000
    url = f"{server}/api2/json/nodes/pve1/lxc/{vmid}/{path}"
    method = "PUT" if path in {"config", "resize"} else "POST"
    form = {
        k: v for k, v in form.items() if v.isprintable() and not any("\ud800" <= c <= "\udfff" for c in v)
    }
    headers = {"Authorization": f"PVEAPIToken={TOKEN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, url, data=form) as reply,
    ):
        body = await reply.json(content_type=None)
    assert "unexpected" not in str(body)
    await settled(node)
