"""Whose agent it is: a controller that lies, or a caller who guesses, changes neither identity nor reach.

CVE-2024-34066 (Wings: its configuration rewritten over the wire), CVE-2026-46354 (Coder: identity not checked).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.bench import agent_beside, agent_here, environment

from zpack.agent.config.store import Tokens
from zpack.agent.problems import Unauthorized
from zpack.control.outside.agent import Agents
from zpack.control.outside.http import ForeignHttp

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import Client, StoreServer

FIRST, SECOND = "per-instance-token-0123456789", "another-token-of-the-same-one"
WIRE: dict[str, list[Any]] = {
    "world": ["../../../home/config", "/etc", "..", "world/../../.."],
    "game": ["../home", "/root"],
    "variant": ["../../home", "scripted/.."],
    "version": ["../../x"],
    "artifact_path": ["../../etc/passwd", "file:///etc/passwd", "//127.0.0.1/x", "a/../../x"],
    "java_path": ["../../bin/sh", "/bin/sh", "~/x"],
}
UNKNOWN = {
    "home": "/tmp/evil", "runtime_root": "/", "ZLH_AGENT_HOME": "/tmp/evil", "artifact_base_url": "http://127.0.0.9/",
    "env": {"LD_PRELOAD": "/tmp/evil.so"}, "argv": ["/bin/sh"], "user": "root", "games_dir": "/tmp/evil",
    "update_mode": "auto", "token_file": "/etc/passwd",
}  # fmt: skip


def tree(folder: Path) -> dict[str, str]:
    """Every file's content, as a hash."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, values in WIRE.items() for v in values])
async def test_no_path_of_a_malicious_controller_leaves_the_agents_folders(
    tmp_path: Path, store: StoreServer, field: str, value: Any
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("untouched")
    async with agent_here(tmp_path, store) as agent:
        before = tree(tmp_path)
        assert (await agent.post("/config", agent.payload(**{field: value})))[0] == 400
        assert tree(tmp_path) == before


async def test_no_setting_can_be_changed_over_the_wire(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store) as agent:
        await agent.run(**UNKNOWN)
        assert "LD_PRELOAD" not in await agent.said("environment")
        assert set((await agent.status())["config"]).isdisjoint(UNKNOWN)
        assert (await agent.get("/agent/update/status"))[1]["mode"] == "off"
        assert (await agent.status())["config"]["vmid"] == 5001
    assert {path.name for path in tmp_path.iterdir()} == {"home", "root", "agent.log"}


async def test_an_agent_stays_the_one_of_its_container(agent: Client) -> None:
    await agent.run()
    code, answer = await agent.post("/config", agent.payload(vmid=5002))
    assert (code, answer["error"]) == (409, "identity_fixed")
    assert (await agent.reaches("running"))["config"]["vmid"] == 5001


async def test_a_new_token_takes_the_place_of_the_old_one_at_once_and_for_good(
    tmp_path: Path, store: StoreServer
) -> None:
    async with agent_here(tmp_path, store) as agent:
        agent.token = FIRST
        await agent.run(agent_token=FIRST)
        assert (await agent.post("/config", agent.payload(agent_token=SECOND)))[0] == 202
        assert (await agent.get("/status"))[0] == 401
    for token, code in ((FIRST, 401), (SECOND, 200)):
        async with agent_here(tmp_path, store) as agent:
            agent.token = token
            assert (await agent.get("/status"))[0] == code


async def test_only_who_has_the_token_can_give_a_new_one(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store) as agent:
        agent.token = FIRST
        await agent.run(agent_token=FIRST)
        agent.token = SECOND
        assert (await agent.post("/config", agent.payload(agent_token=SECOND)))[0] == 401
        agent.token = FIRST
        assert (await agent.status())["state"] == "running"


async def test_a_config_without_a_token_takes_none_away(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store) as agent:
        agent.token = FIRST
        await agent.run(agent_token=FIRST)
        await agent.run()
        agent.token = None
        assert (await agent.get("/status"))[0] == 401


@pytest.mark.parametrize("content", [b"", b"short", b"\xff\xfe" * 20, b"two words and more", b"\0" * 40])
@pytest.mark.parametrize("environment_token", [None, FIRST])
def test_a_damaged_token_file_opens_no_door(
    tmp_path: Path, content: bytes, environment_token: str | None
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "token").write_bytes(content)
    tokens = Tokens(home=tmp_path, from_environment=environment_token)
    for header in (None, f"Bearer {FIRST}", "Bearer ", f"Bearer {content.decode(errors='replace')}"):
        with pytest.raises(Unauthorized):
            tokens.accept(header)


def test_a_link_in_place_of_the_token_opens_no_door_either(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "elsewhere").write_text(FIRST)
    (tmp_path / "config" / "token").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unauthorized):
        Tokens(home=tmp_path, from_environment=None).accept(f"Bearer {FIRST}")


def forged(vmid: int, seed: str, master: str) -> list[str]:
    """Tokens of the wrong container, seed, key, algorithm or length."""
    good = hmac.new(master.encode(), f"agent:{vmid}:{seed}".encode(), hashlib.sha256).hexdigest()
    return [
        hmac.new(master.encode(), f"agent:{vmid + 1}:{seed}".encode(), hashlib.sha256).hexdigest(),
        hmac.new(master.encode(), f"agent:{vmid}:".encode(), hashlib.sha256).hexdigest(),
        hmac.new(b"", f"agent:{vmid}:{seed}".encode(), hashlib.sha256).hexdigest(),
        hashlib.sha256(f"agent:{vmid}:{seed}".encode()).hexdigest(),
        good[:-1], good + "0", good.upper(), "", "none", f"{good},{good}",
    ]  # fmt: skip


async def test_a_token_of_any_other_making_is_refused(tmp_path: Path, store: StoreServer) -> None:
    http = ForeignHttp(name="the agent")
    token = Agents(http=http, port=1, master="master", fixed_token=None).token_for(5001, "seed")
    env = environment(tmp_path, store, ZLH_AGENT_TOKEN=token)
    async with agent_here(tmp_path, store, **env) as agent:
        for agent.token in forged(5001, "seed", "master"):
            assert (await agent.get("/status"))[0] == 401, agent.token
        agent.token = token
        assert (await agent.get("/status"))[0] == 200
    await http.close()
