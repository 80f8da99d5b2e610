"""The states of operators' pages, and what is put on the scene for them: three nodes, a fleet, drift, failures."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.portal.gallery import Picture

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.portal.scene import Scene
    from tests.support.person import Person

NOW = datetime.now(UTC)
NODES = ("local", "pve1", "pve2")
PEOPLE = ("bella", "charlie", "dora", "emil", "frida")
KINDS = ("instance-create", "host-start", "host-stop", "backup-restore", "instance-delete")
FULL = {"code": "proxmox_error", "message": "unable to create CT 5203: no space left on device"}
COPY = (
    "insert into instances (vmid, customer_id, ctype, hostname, ip, allocated_ports, payload, agent_state)"
    " select :vmid, :owner, ctype, :name, :ip, allocated_ports, payload, 'running' from instances where vmid = 5000"
)
OPERATION = (
    "insert into operations (id, kind, status, phase, progress, customer_id, vmid, hostname, request_id, input,"
    " error, cancel_requested, deadline, started_at, updated_at, finished_at) values (:id, :kind, :status, 'publish',"
    " 0.4, :owner, :vmid, :name, 'req_0a1b2c3d', '{}', cast(:error as jsonb), false, :at, :at, :at, :at)"
)
FINDING = (
    "insert into repair_findings (id, kind, vmid, state, evidence, looks, attempts, first_seen)"
    " values (:id, :kind, :vmid, 'open', cast(:evidence as jsonb), 4, 1, :at)"
)
EVENT = (
    "insert into repair_events (finding_id, kind, vmid, event, actor, details)"
    " values (:id, :kind, :vmid, :event, 'repair', cast(:details as jsonb))"
)


async def furnish_operators(scene: Scene) -> None:
    """Put everything that operators' pictures show, beside what customers' pictures do."""
    await _people(scene)
    await _fleet(scene)
    await _operations(scene)
    await _drift(scene)
    await _words(scene)


async def _people(scene: Scene) -> None:
    for number in range(60):
        name = PEOPLE[number] if number < len(PEOPLE) else f"player{number}"
        await scene.execute(
            "insert into users (id, email, username, password_hash, email_verified) values (:id, :email, :name, 'x', true)",
            id=f"usr_{number:04}", email=f"{name}@example.org", name=name,
        )  # fmt: skip
    hold = "insert into standings (user_id, held_at, held_reason) values ('usr_0003', :at, :reason)"
    await scene.execute(
        hold, at=NOW - timedelta(days=2), reason="Spam sent from the server; see the tickets."
    )
    await scene.execute(
        "insert into standings (user_id, billing_status, server_billing_state)"
        " values ('usr_0004', 'suspended', 'suspended_shutdown')"
    )


async def _fleet(scene: Scene) -> None:
    cluster = scene.world.cluster
    for number in range(45):
        vmid, node = 5200 + number, NODES[number % 7 % 3]
        owner, name = f"usr_{number % 5 if number < 5 else number % 3:04}", f"mc-paper-{5200 + number}"
        status = "stopped" if number in {3, 4} or number % 9 == 8 else "running"
        if number != 7:
            config = {"memory": 256 << number % 2, "tags": "zpack"}
            cluster.add_ct(vmid, name, node=node, status=status, config=config)
        ip = f"127.82.{vmid >> 8}.{vmid & 255}"
        await scene.execute(COPY, vmid=vmid, owner=owner, name=name, ip=ip)
        if number % 20 != 11:
            crash = {"state": "crashed", "error": "java.lang.OutOfMemoryError"} if number == 13 else {}
            await scene.word(vmid, **crash)
    cluster.add_ct(100, "router", node="pve2", status="running")
    cluster.add_ct(5300, "mc-paper-5300", node="pve2", status="running", config={"tags": "zpack"})
    scene.names |= {"container": "5200", "missing": "5207", "broken": "5213"}


async def _operations(scene: Scene) -> None:
    for number in range(60):
        status = "failed" if number % 12 == 3 else "cancelled" if number == 20 else "succeeded"
        status = ("queued", "running")[number] if number < 2 else status
        await scene.execute(
            OPERATION, id=f"op_operator{number}", kind=KINDS[number % 5], status=status, vmid=5200 + number,
            owner=f"usr_{number % 5:04}", name=f"mc-paper-{5200 + number}", at=NOW - timedelta(minutes=9 * number),
            error=json.dumps(FULL) if status == "failed" else None,
        )  # fmt: skip


async def _drift(scene: Scene) -> None:
    for kind, vmid, evidence in (
        ("container_without_row", 5300, {"name": "mc-paper-5300", "node": "pve2", "status": "running"}),
        ("row_without_container", 5207, {"hostname": "mc-paper-5207", "owner": "usr_0002"}),
        ("agent_offline", 5211, {"status": "running", "silentSince": NOW.isoformat(timespec="seconds")}),
    ):
        at = NOW - timedelta(minutes=6)
        told = {"id": f"{kind}:{vmid}", "kind": kind, "vmid": vmid}
        await scene.execute(FINDING, **told, evidence=json.dumps(evidence), at=at)
        await scene.execute(EVENT, **told, event="found", details=json.dumps(evidence))


async def _words(scene: Scene) -> None:
    ann = scene.callers["ann"]
    asked = {"subject": "My world is gone after an update to another version", "message": "Can you help?"}
    scene.names["question"] = (await ann.post("/api/support/create", asked)).body["ticket"]["id"]
    news = {"title": "Maintenance on Sunday", "text": "Node one moves.", "level": "maintenance"}
    told = await scene.callers["admin"].post("/api/admin/announcements", news)
    scene.names["news"] = told.body["announcement"]["id"]
    await scene.execute(
        "insert into billing_events (id, type, object_kind, object_id, happened_at, attempts, complaint)"
        " values ('evt_1', 'invoice.paid', 'invoice', 'in_1', :at, 3, 'Stripe did not answer in time')",
        at=NOW,
    )
    for number in range(60):
        details = json.dumps({"vmid": 5200 + number, "hostname": f"mc-paper-{5200 + number}"})
        await scene.execute(
            "insert into audit_log (action, actor, address, payload) values ('host.start', :who, '192.0.2.7', cast(:told as jsonb))",
            who=f"usr_{number % 5:04}", told=details,
        )  # fmt: skip


def fills(form: str, **fields: str) -> Callable[[Person], Awaitable[None]]:
    """Send a form of the page with these words in it, whatever the browser thinks of them."""

    async def act(person: Person) -> None:
        found = person.page.locator(f'main form[action*="{form}"]').first
        for name, value in fields.items():
            await found.locator(f"[name={name}]").evaluate("(field, value) => { field.value = value }", value)
        async with person.page.expect_event("load"):
            await found.evaluate("form => HTMLFormElement.prototype.submit.call(form)")

    return act


async def shows_systems(person: Person) -> None:
    """Wait until it is known how the systems are."""
    await person.page.locator("#systems .dot").first.wait_for()


async def loses_cluster(scene: Scene) -> None:
    """Let the cluster be without quorum, and tell nothing of what it has."""
    scene.world.cluster.fail("GET", "/version", 500, "no quorum")
    scene.world.cluster.fail("GET", "/cluster/resources", 500, "no quorum")


async def stalls_cluster(scene: Scene) -> None:
    """Let the cluster take longer than anybody likes to wait."""

    async def never(_request: Any, _answer: Any) -> Any:
        await asyncio.Event().wait()

    scene.world.cluster.trouble = never


async def finds_cluster(scene: Scene) -> None:
    """Let the cluster answer again."""
    scene.world.cluster.failures.clear()
    scene.world.cluster.trouble = None


def _picture(name: str, path: str, **more: Any) -> Picture:
    return Picture(f"operator-{name}", path, "admin", **more)


AWAY: dict[str, Any] = {"before": loses_cluster, "after": finds_cluster}
DRIFT, OPERATIONS, USERS, PLANS = "/admin/drift", "/admin/operations", "/admin/users", "/admin/plans"
OPERATOR_STATES = (
    _picture("overview", "/admin", act=shows_systems),
    _picture("fleet", "/admin/fleet"),
    _picture("fleet-trouble", "/admin/fleet?show=trouble"),
    _picture("fleet-owners", "/admin/fleet?group=owner"),
    _picture("fleet-nothing", "/admin/fleet?q=nothing-like-it"),
    _picture("container", "/admin/fleet/{container}"),
    _picture("container-missing", "/admin/fleet/{missing}"),
    _picture("container-crashed", "/admin/fleet/{broken}"),
    _picture("container-gone", "/admin/fleet/5999"),
    _picture("drift", DRIFT),
    _picture("drift-repair", DRIFT + "/row_without_container%3A{missing}/repair"),
    _picture("drift-delete", DRIFT + "/container_without_row%3A5300/delete"),
    _picture("drift-adopt", DRIFT + "/container_without_row%3A5300/adopt"),
    _picture("drift-edge", DRIFT + "/edge"),
    _picture("drift-history", DRIFT + "/history"),
    _picture("operations", OPERATIONS),
    _picture("operations-failed", OPERATIONS + "?status=failed"),
    _picture("operations-nothing", OPERATIONS + "?vmid=1"),
    _picture("operation-cancel", OPERATIONS + "/op_operator1/cancel?status=running"),
    _picture("operation-retry", OPERATIONS + "/op_operator3/retry"),
    _picture("users", USERS),
    _picture("users-nobody", USERS + "?q=nobody-like-that"),
    _picture("user", USERS + "/usr_0000"),
    _picture("user-held", USERS + "/usr_0003"),
    _picture("user-arrears", USERS + "/usr_0004"),
    _picture("user-suspend", USERS + "/usr_0000/suspend"),
    _picture("user-suspend-why", USERS + "/usr_0000/suspend", act=fills("/suspend", reason=" ")),
    _picture("user-unsuspend", USERS + "/usr_0003/unsuspend"),
    _picture("user-promote", USERS + "/usr_0000/promote"),
    _picture("plan-new", PLANS + "/new"),
    _picture("plan-wrong", PLANS + "/new", act=fills("/plans/new", id="A B", priceCents="many")),
    _picture("plan-change", PLANS + "/free", act=fills("/plans/free", name="Freer", memoryMb="2048")),
    _picture("ledger", PLANS + "/ledger"),
    _picture("announcements", "/admin/announcements"),
    _picture("announcement-delete", "/admin/announcements/{news}/delete"),
    _picture("support", "/admin/support"),
    _picture("support-nothing", "/admin/support?status=closed"),
    _picture("ticket", "/support/tickets/{question}"),
    _picture("audit", "/admin/audit"),
    _picture("audit-nothing", "/admin/audit?action=no.such"),
    _picture("audit-wrong", "/admin/audit?vmid=x"),
    _picture("health-down", "/admin/health", **AWAY),
    _picture("fleet-away", "/admin/fleet", **AWAY),
    _picture("overview-away", "/admin", act=shows_systems, **AWAY),
    _picture("edge-looking", DRIFT + "/edge", before=stalls_cluster, after=finds_cluster),
)
