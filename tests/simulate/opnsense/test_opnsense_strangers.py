"""A client that was written for the real OPNsense, in a process of its own: oxl-opnsense-client over TLS."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import trustme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STRANGER = """
import json, sys
from oxl_opnsense_client import Client
told = json.load(sys.stdin)
client = Client(firewall=told["host"], port=told["port"], token="a-key", secret=told["secret"],
                ssl_ca_file=told["ca"], shell=False, api_timeout=20)
said = [client.test()] + [client.run_module(name, params=params) for name, params in told["runs"]]
print("\\n" + json.dumps(said, default=str))
"""


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("opnsense")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "both.pem"))
    words = ("--port", "0", "--key", "a-key", "--secret", "a-secret", "--certificate", folder / "both.pem")
    command = (sys.executable, "-m", "zpack.simulate.command", "opnsense", *map(str, words))
    program = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert program.stdout is not None
    with program.stdout as said:
        ready = json.loads(said.readline())
    host, _, port = ready["listen"].rpartition(":")
    yield {"host": host, "port": int(port), "secret": "a-secret", "ca": str(folder / "ca.pem")}
    program.send_signal(signal.SIGTERM)
    assert program.wait(30) == 0


async def stranger(told: dict[str, Any], *runs: tuple[str, dict[str, Any]], cwd: Path) -> list[Any]:
    """Let the client do its work; return whether it liked us, and each module's answer."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STRANGER, cwd=cwd,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, wrong = await asyncio.wait_for(program.communicate(json.dumps({**told, "runs": runs}).encode()), 90)
    assert program.returncode == 0, wrong.decode()
    return json.loads(said.decode().strip().splitlines()[-1])


def raw(command: str, data: Any = None) -> tuple[str, dict[str, Any]]:
    url = f"firewall/d_nat/{command}"
    return "raw", {"url": url, "action": "post", "data": data or {}}


RULE = {"interface": "wan", "protocol": "tcp", "target": "10.0.0.5", "local-port": "7777", "descr": "theirs",
        "destination": {"network": "wanip", "port": "7777"}}  # fmt: skip


async def test_their_modules_work(router: dict[str, Any], tmp_path: Path) -> None:
    alias = {"name": "theirs", "type": "host", "content": ["10.0.0.7"], "description": "a stranger's"}
    told = await stranger(
        router,
        ("alias", alias),
        ("alias", alias),
        ("alias", {**alias, "content": ["10.0.0.8"]}),
        raw("add_rule", {"rule": RULE}),
        ("raw", {"url": "firewall/d_nat/search_rule/", "action": "post", "data": {"searchPhrase": "theirs"}}),
        raw("add_rule", {"rule": {**RULE, "target": "10.0.0"}}),
        ("savepoint", {"action": "create", "controller": "filter"}),
        ("alias", {"name": "theirs", "state": "absent"}),
        cwd=tmp_path,
    )
    liked, made, again, changed, added, searched, refused, saved, gone = told
    assert liked is True
    assert [one["result"]["changed"] for one in (made, again, changed, gone)] == [True, False, True, True], (
        told
    )
    assert added["result"]["response"]["result"] == "saved"
    assert searched["result"]["response"]["total"] == 1
    assert "10.0.0 is not a valid source IP address or alias." in refused["error"]
    assert saved["result"]["revision"]


async def test_a_wrong_secret_is_refused(router: dict[str, Any], tmp_path: Path) -> None:
    told = await stranger(
        {**router, "secret": "another"}, ("alias", {"name": "x", "type": "host"}), cwd=tmp_path
    )
    assert "Authentication Failed" in told[1]["error"]
