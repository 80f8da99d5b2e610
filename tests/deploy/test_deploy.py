"""The files an operator copies: systemd takes the units, zpack knows every variable, the front is an nginx's."""

from __future__ import annotations

import itertools
import re
import shutil
import socket
import subprocess
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp import web

from tests.support.nginx import nginx
from tests.support.ports import free_port
from zpack.control.settings import Settings, names
from zpack.entry import FORWARDED
from zpack.lifetime import say_ready
from zpack.simulate.serving import listen, served

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
ENV = DEPLOY / "zpack.env.example"
COMPOSE = yaml.safe_load((DEPLOY / "container/compose.yaml").read_text())
FRONT = DEPLOY / "container/front.conf"


def variables(text: str) -> dict[str, str]:
    return dict(re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text().replace("/opt/zpack/.venv/bin/zpack", "/bin/true")
        (tmp_path / unit.name.replace("@", "@1")).write_text(text)
    made = sorted(tmp_path.iterdir())
    done = subprocess.run(("systemd-analyze", "verify", *made), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_starts_a_command_that_there_is(unit: Path) -> None:
    (word,) = re.findall(r"^ExecStart=/opt/zpack/.venv/bin/zpack (\w+)", unit.read_text(), re.MULTILINE)
    assert word in FORWARDED


def test_zpack_knows_every_variable_of_the_example() -> None:
    assert set(variables(ENV.read_text())) <= set(names())


def test_the_example_names_all_that_is_required() -> None:
    given = {names()[variable] for variable in variables(ENV.read_text())}
    assert {name for name, field in Settings.model_fields.items() if field.is_required()} <= given


def test_every_service_starts_what_there_is_and_three_apis_are_in_the_front() -> None:
    ours = {name: one for name, one in COMPOSE["services"].items() if one.get("image") == "zpack"}
    assert {one["command"][0] for one in ours.values()} <= set(FORWARDED)
    apis = {f"{name}:4000" for name, one in ours.items() if one["command"] == ["serve"]}
    assert set(re.findall(r"server (\S+:4000)", FRONT.read_text())) == apis
    assert len(apis) == 3


def test_what_compose_sets_is_known_too() -> None:
    given = {
        variable
        for one in COMPOSE["services"].values()
        if one.get("command") in (["serve"], ["worker"], ["migrate"])
        for variable in one["environment"]
    }
    assert given <= set(names())


def test_compose_runs_every_program_that_systemd_runs() -> None:
    units = {re.findall(r"/zpack (\w+)", unit.read_text())[0] for unit in UNITS}
    assert units == {one["command"][0] for one in COMPOSE["services"].values() if one.get("image") == "zpack"}


def test_what_writes_has_a_volume_that_is_its_own() -> None:
    homes = {
        word
        for one in COMPOSE["services"].values()
        for option, word in itertools.pairwise(one.get("command", []))
        if option == "--home"
    }
    assert homes == {"/data"}
    assert re.search(
        r"install -d -o zpack /data$", (DEPLOY / "container/Containerfile").read_text(), re.MULTILINE
    )


async def test_the_front_says_how_the_browser_came(tmp_path: Path) -> None:
    async def told(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["X-Forwarded-Proto"])

    app, port = web.Application(), free_port()
    app.router.add_get("/", told)
    async with served(app, listen("127.0.0.1", 0)) as url, aiohttp.ClientSession() as session:
        text = re.sub(r"server api-\d:4000", f"server {url.removeprefix('http://')}", FRONT.read_text())
        async with nginx(tmp_path / "nginx", text.replace("listen 8000", f"listen 127.0.0.1:{port}"), port):
            for said, seen in ({"X-Forwarded-Proto": "https"}, "https"), ({}, "http"):
                async with session.get(f"http://127.0.0.1:{port}/", headers=said) as answer:
                    assert await answer.text() == seen


def test_systemd_is_told_when_a_program_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        say_ready("control")
        assert systemd.recv(64) == b"READY=1"
    assert '"ready": true' in capsys.readouterr().out
