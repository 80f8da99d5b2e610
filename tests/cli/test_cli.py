"""What a person or a script sees of ``zpack login`` and ``zpack servers``."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import STATUS_URL

if TYPE_CHECKING:
    from tests.cli.conftest import Counterpart, Zpack

CREATE = ("servers", "create", "--variant", "flying-squid", "--version", "1.21.4")


def operation(status: str, phase: str, progress: float, **more: Any) -> tuple[int, Any]:
    known = {"id": "op_1", "status": status, "phase": phase, "progress": progress, "vmid": 5000}
    return 200, {"operation": {**known, "hostname": "mc-flying-squid-5000", **more}}


@pytest.fixture
def accepted(api: Counterpart) -> Counterpart:
    body = {"ok": True, "operationId": "op_1", "statusUrl": STATUS_URL, "vmid": 5000, "hostname": "mc-5000"}
    api.says("POST", "/api/instances", (202, body))
    return api


async def test_a_login_is_kept_for_the_owner_only_and_used_next(api: Counterpart, zpack: Zpack) -> None:
    api.says("POST", "/api/auth/login", (200, {"token": "t0ken", "expiresIn": 60}))
    api.says("GET", "/api/servers", (200, {"servers": []}))
    assert (await zpack("login", "--identifier", "ann", ZPACK_PASSWORD="secret word")).status == 0
    assert stat.S_IMODE((zpack.config / "login.json").stat().st_mode) == 0o600
    await zpack("servers", "list")
    assert api.asked[-1][3]["Authorization"] == "Bearer t0ken"


async def test_a_create_shows_its_phases_and_ends_ready(accepted: Counterpart, zpack: Zpack) -> None:
    steps = operation("running", "clone-container", 0.2), operation("succeeded", "publish-edge", 1.0)
    accepted.says("GET", STATUS_URL, *steps)
    ran = await zpack(*CREATE, "--memory", "512", "--cpu", "2")
    assert ran.status == 0
    assert "clone-container" in ran.err
    _, _, body, headers = accepted.asked[0]
    assert (body["memoryMiB"], body["cpuCores"]) == (512, 2)
    assert headers["Idempotency-Key"]


async def test_a_server_is_named_at_its_birth_and_later(accepted: Counterpart, zpack: Zpack) -> None:
    assert (await zpack(*CREATE, "--name", "Friday Night", "--no-wait")).status == 0
    assert accepted.asked[0][2]["displayName"] == "Friday Night"
    named = {"name": "mc-5000", "displayName": "Home", "connection": {"connectable": True}}
    accepted.says("PATCH", "/api/servers/5000", (200, named | {"displayName": None}))
    assert (await zpack("servers", "rename", "5000", "")).out == "mc-5000: has no name of its own\n"
    assert accepted.asked[1][2] == {"displayName": None}
    accepted.says("GET", "/api/servers", (200, {"servers": [named]}))
    assert "Home  mc-5000" in (await zpack("servers", "list")).out


async def test_json_is_all_that_stdout_gets(accepted: Counterpart, zpack: Zpack) -> None:
    accepted.says("GET", STATUS_URL, operation("succeeded", "publish-edge", 1.0))
    ran = await zpack(*CREATE, "--json")
    assert json.loads(ran.out)["vmid"] == 5000
    assert ran.err == ""


async def test_a_failed_create_says_why(accepted: Counterpart, zpack: Zpack) -> None:
    error = {"code": "agent_error", "message": "no such version"}
    accepted.says("GET", STATUS_URL, operation("failed", "await-ready", 0.7, error=error))
    ran = await zpack(*CREATE)
    assert ran.status == 1
    assert "no such version (agent_error)" in ran.err


async def test_a_failed_delete_is_not_called_done(api: Counterpart, zpack: Zpack) -> None:
    error = {"code": "upstream_failed", "message": "storage is gone"}
    api.says("DELETE", "/api/containers/5000", (202, {"statusUrl": STATUS_URL}))
    api.says("GET", STATUS_URL, operation("failed", "delete-container", 0.4, error=error))
    ran = await zpack("servers", "delete", "5000", "--yes")
    assert ran.status == 1
    assert "deleted" not in ran.out


@pytest.mark.parametrize(
    ("status", "expected"), [(400, 2), (401, 3), (403, 3), (404, 4), (409, 5), (429, 6), (500, 1), (503, 1)]
)
async def test_a_refusal_is_one_line_and_its_own_exit_status(
    api: Counterpart, zpack: Zpack, status: int, expected: int
) -> None:
    api.says("GET", "/api/servers", (status, {"error": "some_code", "message": "Not now."}))
    ran = await zpack("servers", "list")
    assert ran.status == expected
    assert ran.err == "zpack: Not now. (some_code)\n"


async def test_an_api_that_is_away_is_said_so(zpack: Zpack) -> None:
    ran = await zpack("servers", "list", "--json", "--api", "http://127.0.0.1:1")
    assert ran.status == 7
    assert json.loads(ran.out)["error"] == "api_unreachable"


async def test_something_that_is_no_api_is_no_traceback(api: Counterpart, zpack: Zpack) -> None:
    api.says("GET", "/api/servers", (200, "<html>hello</html>"))
    ran = await zpack("servers", "list")
    assert ran.status == 7
    assert ran.err.count("\n") == 1


async def test_a_long_list_arrives_whole(api: Counterpart, zpack: Zpack) -> None:
    rows = [{"id": str(vmid), "note": "x" * 2000} for vmid in range(1000)]
    api.says("GET", "/api/servers", (200, {"servers": rows}))
    ran = await zpack("servers", "list", "--json")
    assert len(json.loads(ran.out)) == 1000


@pytest.mark.parametrize("program", ["serve", "edge", "localpve", "agent", "artifacts", "up", "servers"])
async def test_every_program_explains_itself(zpack: Zpack, program: str) -> None:
    ran = await zpack(program, "--help")
    assert ran.status == 0
    assert "usage" in ran.out.lower()
