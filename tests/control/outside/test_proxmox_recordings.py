"""What real servers of several versions answered, replayed to our client over a real socket."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.outside.api_hosts import listening, saying
from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.outside import proxmox_errors
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.proxmox import Proxmox, _data
from zpack.control.outside.proxmox_access import Token
from zpack.control.outside.proxmox_facts import first_address, storages_of
from zpack.control.outside.proxmox_hosts import ApiHosts, Question
from zpack.control.outside.proxmox_tasks import node_of_task

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

CONTRACTS = Path(__file__).parents[2] / "contracts"
RECORDED = sorted((CONTRACTS / "proxmox_recorded").glob("*.json"))
GOLDEN = CONTRACTS / "proxmox"
KINDS = {
    "bad-token": "Denied",
    "bad-vmid": "BadParameter",
    "clone-bad-params": "BadParameter",
    "clone-taken": "AlreadyExists",
    "clone-unknown-target": "Misconfigured",
    "config-bad-network": "BadParameter",
    "nextid-taken": "AlreadyExists",
    "no-ticket": "Denied",
    "start-already-running": "AlreadyRunning",
    "start-locked": "Locked",
    "start-missing": "Missing",
    "stop-not-running": "NotRunning",
    "stop-takes-no-timeout": "BadParameter",
    "task-bad-upid": "Interrupted",
    "task-unknown": "Interrupted",
}


def raw(answer: dict[str, Any], body: str | None) -> bytes:
    """Return an answer as pveproxy writes it."""
    content = (body or "").encode()
    kind = "Content-Type: application/json;charset=UTF-8\r\n" if content else ""
    head = f"HTTP/1.1 {answer['status']} {answer['reason']}\r\nServer: pve-api-daemon/3.0\r\n{kind}"
    return f"{head}Connection: close\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


@contextlib.asynccontextmanager
async def host(answer: bytes) -> AsyncGenerator[str]:
    async with listening(saying(answer)) as url:
        yield url


async def asked(url: str, request: dict[str, Any]) -> Any:
    hosts = ApiHosts(urls=[url], access=Token("a@b!c=d"), http=ForeignHttp(name="Proxmox"))
    try:
        path = request["path"].removeprefix("/api2/json")
        return _data(await hosts.ask(Question(request["method"], path), Budget.seconds(5)))
    finally:
        await hosts.close()


def named(failure: ForeignError) -> str:
    return type(failure).__name__


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_an_answer_of_a_real_server(path: Path) -> None:
    told = json.loads(path.read_text())
    means = told["means"]
    async with host(raw(told["answer"], told["answer"]["body"])) as url:
        if isinstance(means, str):
            with pytest.raises(getattr(proxmox_errors, means)) as failed:
                await asked(url, told["request"])
            assert (named(failed.value), failed.value.status) == (means, told["answer"]["status"])
        else:
            assert read(await asked(url, told["request"]), means) == means


def read(data: Any, means: dict[str, Any]) -> dict[str, Any]:
    """Return what our client reads of an answer, named like what it must mean."""
    if "address" in means:
        return {"address": first_address(data)}
    if "storages" in means:
        return {"storages": sorted(storages_of(data))}
    if "upid" in means:
        return {"upid": node_of_task(data)}
    return {"task": None} if (data["status"], data["exitstatus"]) == ("stopped", "OK") else {}


@pytest.mark.parametrize("dialect", ["before 8.3", "since 8.3", "behind a proxy"])
@pytest.mark.parametrize("stem", KINDS)
async def test_what_localpve_is_held_to_means_the_same_in_every_version(stem: str, dialect: str) -> None:
    golden = json.loads((GOLDEN / f"{stem}.json").read_text())
    answer, body = golden["answer"], golden["answer"].get("body")
    if dialect == "before 8.3" and body is not None:
        body = {key: value for key, value in body.items() if key != "message"}
    if dialect == "behind a proxy" and body is not None:
        answer = {**answer, "reason": "Internal Server Error"}
    async with host(raw(answer, json.dumps(body) if body is not None else None)) as url:
        with pytest.raises(ForeignError) as failed:
            await asked(url, golden["request"])
    assert named(failed.value) == KINDS[stem]


async def test_the_task_of_a_recording_is_followed_to_its_end() -> None:
    told = json.loads((CONTRACTS / "proxmox_recorded" / "7.3-task-ended.json").read_text())
    async with host(raw(told["answer"], told["answer"]["body"])) as url:
        client = Proxmox(base_url=url, token="a@b!c=d", node="pve2", http=ForeignHttp(name="Proxmox"))
        upid = "UPID:pve2:003E968C:016E6414:63AD7D74:vzclone:999:root@pam:"
        assert await client._tasks.follow(upid, Budget.seconds(5)) is None
        await client.close()
