"""``zpack admin drift`` against a real API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.control.repair.test_safekeeping import ran
from zpack.control.publishing.removals import Removal
from zpack.control.repair.removals import Removals

if TYPE_CHECKING:
    from tests.control.repair.mender import Mender
    from tests.support.http import Caller


async def test_an_operator_sees_drift_and_what_its_end_would_call(mender: Mender, root: Caller) -> None:
    await mender.forget_row(5001)
    await mender.look(2)
    environment = mender.environment() | {"ZPACK_API": root.base, "ZPACK_TOKEN": root.token or ""}
    status, said = await ran(environment, "admin", "drift", "list")
    assert (status, "container_without_row:5001" in said) == (0, True), said
    words = ("admin", "drift", "delete", "container_without_row:5001", "--dry-run")
    status, said = await ran(environment, *words)
    assert said.splitlines() == [
        "would call proxmox: POST /nodes/local/lxc/5001/status/stop",
        "would call proxmox: DELETE /nodes/local/lxc/5001",
    ]
    removal = Removal("velocity", "mc-paper-5077", 5077, "10.0.0.1:25565", archived=True)
    await Removals(database=mender.world.clients.database).note(removal, "repaired")
    status, said = await ran(environment, "admin", "repairs")
    told = [line.split(maxsplit=4)[1:] for line in said.splitlines()[1:]]
    name, why = "name_without_server:velocity:mc-paper-5077", "its server is deleted"
    assert told == [
        ["repaired", name, "system:publishing", why],
        ["found", "container_without_row:5001", "system:repair"],
    ]
