"""``zpack fleet``: many servers with everything going wrong at once; none is lost, and none is lied about."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.platform import lend_artifacts

from zpack.allinone.fleet import Plan

if TYPE_CHECKING:
    from pathlib import Path

SERVERS = 30
FAULTS = {
    "agents": {
        "default": {"behaviour": "ready", "ready_after": 0.2},
        "mix": [
            {"share": 0.15, "behaviour": "dead", "after": 4, "ready_after": 0.2},
            {"share": 0.15, "behaviour": "lying", "after": 4, "ready_after": 0.2},
            {"share": 0.1, "behaviour": "hang", "after": 4, "ready_after": 0.2},
            {"share": 0.1, "behaviour": "garbage", "after": 4, "ready_after": 0.2},
        ],
    },
    "proxmox": {"locked": 0.1, "lost": 0.05, "nodes": 3, "move_every": 1, "seed": 7},
    "proxy": {"restart_every": 15},
}


@pytest.mark.parametrize(
    "body", [{"proxy": {"restart_every": 3}}, {"proxy": 5}, [], {"proxy": {"restart_every": "x"}}]
)
def test_a_plan_that_is_none(tmp_path: Path, body: Any) -> None:
    (tmp_path / "faults.json").write_text(json.dumps(body))
    with pytest.raises(ValueError, match="restart_every"):
        Plan.read(5, tmp_path / "faults.json")


def test_without_faults_nothing_goes_wrong() -> None:
    assert Plan.read(5, None) == Plan(5, 0.0)


class Fleet:
    """The program, and what it last said of its servers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def report(self) -> dict[str, Any]:
        """Return the next report."""
        assert self.process.stdout
        while line := await self.process.stdout.readline():
            said = json.loads(line)
            if "fleet" in said:
                return said["fleet"]
        raise AssertionError("the fleet ended")


@pytest.mark.journey
async def test_thirty_servers_survive_their_faults(tmp_path: Path) -> None:
    await asyncio.to_thread(lend_artifacts, tmp_path / "home/artifacts")
    (tmp_path / "faults.json").write_text(json.dumps(FAULTS))
    words = ["--servers", str(SERVERS), "--faults", str(tmp_path / "faults.json"), "--json"]
    with (tmp_path / "stderr").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "zpack", "fleet", *words, "--home", str(tmp_path / "home"),
            "--subnet", "127.93.0.0/16", stdout=asyncio.subprocess.PIPE, stderr=errors,
        )  # fmt: skip
    fleet = Fleet(process)
    try:
        async with asyncio.timeout(200):
            report = await fleet.report()
            assert (report["servers"], report["failed"]) == (SERVERS, 0)
            while not settled(report):
                report = await fleet.report()
    finally:
        os.kill(process.pid, signal.SIGINT)
        await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, (tmp_path / "stderr").read_text()[-3000:]


def settled(report: dict[str, Any]) -> bool:
    """Say whether the bad ones are told from the good ones; both are there in such a mix."""
    states = report["states"]
    assert sum(states.values()) == report["servers"] == SERVERS
    good = states.get("connectable", 0)
    return 0 < good < SERVERS and set(states) <= {"connectable", "offline"}
