"""Debian's Prometheus scrapes us by the files we ship: targets, discovery, charts, rules, dashboards."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from tests.control.monitoring.conftest import BEARER, TOKEN
from tests.support.ports import free_port
from tests.support.waiting import eventually
from zpack.control.instances import store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp

    from tests.control.monitoring.conftest import Have
    from tests.support.http import Caller
    from zpack.control.db.session import Database

DEPLOY = Path(__file__).parents[3] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
GIB = 1 << 30
SUFFIX = re.compile(r"_(bucket|sum|count)$")
OURS = re.compile(r"\bzpack_[a-z_]+|\bprocess_[a-z_]+")
ALLOY = """\
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{{cpu="0",mode="idle"}} {idle}
node_cpu_seconds_total{{cpu="0",mode="user"}} {busy}
# TYPE node_memory_MemTotal_bytes gauge
node_memory_MemTotal_bytes 2147483648
# TYPE node_memory_MemAvailable_bytes gauge
node_memory_MemAvailable_bytes 1073741824
# TYPE node_filesystem_size_bytes gauge
node_filesystem_size_bytes{{mountpoint="/"}} 100
# TYPE node_filesystem_avail_bytes gauge
node_filesystem_avail_bytes{{mountpoint="/"}} 60
# TYPE node_network_receive_bytes_total counter
node_network_receive_bytes_total{{device="eth0"}} {idle}
node_network_receive_bytes_total{{device="lo"}} 9e9
# TYPE node_network_transmit_bytes_total counter
node_network_transmit_bytes_total{{device="eth0"}} {busy}
"""


@pytest.fixture
async def alloy() -> AsyncIterator[int]:
    """Serve what Alloy's unix metrics look like, half busy; return its port."""
    rounds = itertools.count()

    async def metrics(_: web.Request) -> web.Response:
        number = next(rounds)
        return web.Response(text=ALLOY.format(idle=number, busy=number))

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def extra(alloy: int, port: int) -> dict[str, Any]:
    prometheus = f"http://127.0.0.1:{port}"
    return {"prom_sd_token": TOKEN, "collector_port": alloy, "prometheus_url": prometheus}


@pytest.fixture
async def prometheus(base_url: str, port: int, tmp_path: Path) -> AsyncIterator[str]:
    """Run Debian's Prometheus with the shipped configuration, only faster, and elsewhere."""
    (tmp_path / "token").write_text(TOKEN)
    text = (PROMETHEUS / "prometheus.yml").read_text()
    text = re.sub(r"(?m)^(\s+)(scrape|evaluation|refresh)_interval: \d+s", r"\1\2_interval: 1s", text)
    text = text.replace("127.0.0.1:4000", base_url.removeprefix("http://"))
    text = text.replace("/etc/prometheus/zpack.token", str(tmp_path / "token"))
    text = text.replace("alerts/*.yml", str(PROMETHEUS / "alerts/*.yml"))
    (tmp_path / "prometheus.yml").write_text(text)
    words = [f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    listen = f"--web.listen-address=127.0.0.1:{port}"
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec("prometheus", *words, listen, stdout=log, stderr=log)
    yield f"http://127.0.0.1:{port}/api/v1"
    process.terminate()
    await process.wait()


async def asked(plain: aiohttp.ClientSession, url: str) -> Any:
    try:
        async with plain.get(url) as answer:
            return (await answer.json()).get("data") if answer.status == 200 else None
    except OSError:
        return None


async def test_it_finds_scrapes_and_forgets(
    prometheus: str, plain: aiohttp.ClientSession, have: Have, ann: Caller, database: Database
) -> None:
    async def up() -> dict[str, list[dict[str, str]]]:
        found = (await asked(plain, f"{prometheus}/targets") or {}).get("activeTargets", [])
        rows = [target for target in found if target["health"] == "up"]
        return {job: [t["labels"] for t in rows if t["labels"]["job"] == job] for job in ("zpack", ALLOYS)}

    async def charted() -> dict[str, Any] | None:
        reply = await ann.get("/api/servers/5001/metrics?range=1m&step=5s")
        full = reply.status == 200 and reply.body["empty"] == []
        return reply.body if full and reply.body["cpu"]["used"][-1] else None

    me = (await ann.get("/api/auth/me")).body["user"]["id"]
    await have(5001, owner=me)
    labels = {"vmid": "5001", "instance": "s-5001", "container_type": "game"}
    (target,) = await eventually(lambda: one(up(), ALLOYS), timeout=40, what="the container's target")
    assert target.items() >= labels.items()
    assert await eventually(lambda: one(up(), "zpack"), what="the platform's target")
    chart = await eventually(charted, timeout=40, what="a full chart")
    assert (chart["source"], chart["memory"]["used"][-1], chart["disk"]["used"][-1]) == (
        "prometheus",
        GIB,
        40,
    )
    assert chart["network"]["received"][-1] < 10
    groups = (await asked(plain, f"{prometheus}/rules"))["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
    assert [query for query in panels() if await refused(plain, prometheus, query)] == []
    async with database.transaction() as session:
        await store.delete_instance(session, 5001)
    await eventually(lambda: none(up(), ALLOYS), timeout=40, what="the target's end")


ALLOYS = "game-dev-alloy"


def panels() -> list[str]:
    """Return what the dashboards ask, for every instance and container."""
    boards = [json.loads(file.read_text()) for file in DEPLOY.glob("grafana/*.json")]
    targets = [target for board in boards for panel in board["panels"] for target in panel["targets"]]
    return [re.sub(r"\$(vmid|instance)", ".*", target["expr"]) for target in targets]


async def refused(plain: aiohttp.ClientSession, prometheus: str, query: str) -> bool:
    async with plain.get(f"{prometheus}/query", params={"query": query}) as answer:
        return answer.status != 200


async def one(found: Any, job: str) -> list[dict[str, str]]:
    return (await found)[job]


async def none(found: Any, job: str) -> bool:
    return not (await found)[job]


def promtool(*words: str | Path) -> None:
    done = subprocess.run(["promtool", *map(str, words)], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_and_the_alerts_are_sound() -> None:
    promtool("check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml")
    promtool("check", "rules", PROMETHEUS / "alerts" / "zpack.yml")


def test_every_alert_keeps_quiet_and_speaks_as_its_test_says() -> None:
    promtool("test", "rules", PROMETHEUS / "alerts_test.yml")
    told = (PROMETHEUS / "alerts_test.yml").read_text()
    alerts = re.findall(r"alert: (\w+)\n(?s:.*?)runbook: ", (PROMETHEUS / "alerts" / "zpack.yml").read_text())
    assert alerts
    assert [name for name in alerts if f'alertname="{name}"' not in told] == []


async def test_every_metric_they_name_is_one_of_ours(base_url: str, plain: aiohttp.ClientSession) -> None:
    async with plain.get(f"{base_url}/metrics", headers=BEARER) as answer:
        text = await answer.text()
    known = set(re.findall(r"(?m)^# TYPE (\w+) ", text)) | {"zpack_agents"}
    files = [*DEPLOY.glob("grafana/*.json"), *PROMETHEUS.glob("alerts/*.yml")]
    named = {SUFFIX.sub("", name) for file in files for name in OURS.findall(file.read_text())}
    assert len(files) == 5
    assert named - known == set()


@pytest.mark.parametrize("file", sorted(DEPLOY.glob("grafana/*.json")), ids=lambda file: file.stem)
def test_a_dashboard_is_one_grafana_takes(file: Path) -> None:
    board = json.loads(file.read_text())
    panels = board["panels"]
    assert board["uid"] == file.stem
    assert len({panel["id"] for panel in panels}) == len(panels) >= 9
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
