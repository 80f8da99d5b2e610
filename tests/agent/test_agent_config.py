"""Payloads, tokens and settings: what is refused, and what is never shown."""

from __future__ import annotations

import asyncio
import contextlib
import json
import stat
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.bench import agent_here

from zpack.agent.config.payload import parse_payload
from zpack.agent.problems import Invalid
from zpack.agent.settings import SettingsError, read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import Client, StoreServer

GOOD: dict[str, Any] = {
    "vmid": 5001, "container_type": "game", "game": "minecraft", "variant": "paper", "version": "1.21.4",
    "world": "world", "ports": [25565], "artifact_path": "minecraft/paper/1.21.4/server.jar",
    "java_path": "java/21/OpenJDK21.tar.gz", "memory_mb": 2048,
}  # fmt: skip
TOKEN = "per-instance-token-0123456789"

PATHS: list[Any] = [
    "/etc/passwd", "../x.jar", "a/../b.jar", "a//b", "a/", "a\\b", "http://evil/x", "a/b?c", "a/%2e%2e/b",
    "a/b#c", "a/.hidden", "a" * 600, 3, "//evil/x", "a/b\n", "-rf/x", ["x"], "a/b c", "a/\ud800",
]  # fmt: skip
BAD: dict[str, list[Any]] = {
    "vmid": [0, "5001", True, 10**10, 5001.0, None],
    "game": ["Mine craft", "", None, "../x", "a" * 33, 1],
    "variant": ["/etc", "a/b", "a\n", None],
    "version": ["", "1..2", "../1", "1.21/4", "v" * 65, None],
    "world": ["..", ".", "../x", "a/b", "/abs", "a\x00b", "a\\b", "x" * 65, " x", "x.", "~", 5, ".hidden",
              "a..b", "wörld", "\ud800", ""],
    "ports": [[], [0], [65536], ["25565"], [True], 25565, [1, 1], list(range(1, 18)), None, [18888],
              [25565.0]],
    "artifact_path": [*PATHS, "", None],
    "java_path": PATHS,
    "memory_mb": [0, -5, "2048", 10**9, None],
    "admin_user": ["a\nb", "x" * 129],
    "admin_pass": [5, "\ud800"],
    "agent_token": ["short", "with space in the token", 7, "ünprintable-token-000", "x" * 513],
}  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted(GOOD)) | st.text(), inner),
)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_bad_field_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        parse_payload(GOOD | {name: value}, reserved_port=18888)
    assert refused.value.code == "invalid_payload"
    assert refused.value.message.startswith(name)


@pytest.mark.parametrize("kind", ["dev", "vm", "", None, 5, ["game"], {"a": 1}])
def test_another_container_type_is_unsupported(kind: Any) -> None:
    with pytest.raises(Invalid) as refused:
        parse_payload(GOOD | {"container_type": kind})
    assert refused.value.code == "unsupported"


@given(JSON)
def test_whatever_comes_is_a_payload_or_refused(body: Any) -> None:
    with contextlib.suppress(Invalid):
        assert parse_payload(body).as_json()["container_type"] == "game"


@given(st.sampled_from(["world", "artifact_path", "java_path"]), st.text(max_size=40))
def test_no_path_that_passes_can_leave(name: str, value: str) -> None:
    try:
        parse_payload(GOOD | {name: value})
    except Invalid:
        return
    assert ".." not in value
    assert not value.startswith(("/", "."))
    assert value == "" or name == "world" or "//" not in value


def test_fields_that_may_be_missing_have_their_defaults() -> None:
    given_ = {name: value for name, value in GOOD.items() if name not in {"world", "java_path"}}
    payload = parse_payload(given_ | {"a_field_of_a_newer_api": [1]})
    assert (payload.world, payload.java_path) == ("world", "")
    assert "a_field_of_a_newer_api" not in payload.as_json()


@pytest.mark.parametrize("raw", ["", "{", "NaN", '{"vmid": NaN}', "[" * 100_000, '"x"', "null", "\xff"])
async def test_garbage_bodies_are_400(agent: Client, raw: str) -> None:
    async with agent.http.post(agent.url + "/config", data=raw.encode("latin-1")) as answer:
        assert answer.status in {400, 413}
        assert (await answer.json())["error"] in {"invalid_json", "invalid_payload", "too_large"}
    assert (await agent.status())["config"] is None


async def test_a_body_beyond_64_kib_is_413(agent: Client) -> None:
    code, answer = await agent.post("/config", agent.payload(admin_user="x" * 70_000))
    assert (code, answer["error"]) == (413, "too_large")


@pytest.mark.parametrize("changes", [{"variant": "bukkit"}, {"game": "factorio"}, {"container_type": "dev"}])
async def test_what_no_engine_runs_is_unsupported_and_not_saved(
    agent: Client, changes: dict[str, str]
) -> None:
    code, answer = await agent.post("/config", agent.payload(**changes))
    assert (code, answer["error"]) == (400, "unsupported")
    assert (await agent.status())["config"] is None


@pytest.mark.parametrize("door", ["GET /config", "GET /start", "PUT /stop", "POST /status"])
async def test_the_wrong_method_is_405(agent: Client, door: str) -> None:
    code, answer = await agent.call(*door.split())
    assert (code, answer["error"]) == (405, "method_not_allowed")


async def test_an_unknown_door_is_404(agent: Client) -> None:
    code, answer = await agent.get("/nothing/here")
    assert (code, answer["error"]) == (404, "not_found")


DOORS = [
    ("GET", "/ready"), ("GET", "/status"), ("GET", "/version"), ("GET", "/agent/update/status"),
    ("POST", "/agent/update"), ("GET", "/console/stream"),
    ("POST", "/config"), ("POST", "/start"), ("POST", "/stop"), ("POST", "/restart"),
    ("POST", "/console/command"), ("GET", "/console/log"), ("GET", "/game/players"), ("GET", "/unknown"),
]  # fmt: skip


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", "Basic x", "Bearer \u00fc", "bearer  "]
)
async def test_every_door_but_health_asks_for_the_token(
    tmp_path: Path, store: StoreServer, header: str | None
) -> None:
    async with agent_here(tmp_path, store, ZLH_AGENT_TOKEN=TOKEN) as agent:
        headers = {"Authorization": header} if header is not None else {}
        for method, path in DOORS:
            async with agent.http.request(method, agent.url + path, headers=headers) as answer:
                assert answer.status == 401, path
                assert (await answer.json())["error"] == "unauthorized"
        assert await agent.get("/health") == (200, "ok")


def test_the_list_of_guarded_doors_is_complete(agent: Client) -> None:
    assert agent.agent
    doors = {(r.method, r.resource.canonical) for r in agent.agent.app.router.routes() if r.resource}
    assert {d for d in doors if d[0] != "HEAD"} - {("GET", "/health")} == set(DOORS) - {("GET", "/unknown")}


async def test_the_first_config_brings_the_token_that_all_others_need(
    tmp_path: Path, store: StoreServer
) -> None:
    async with agent_here(tmp_path, store) as agent:
        assert (await agent.post("/config", agent.payload(agent_token=TOKEN)))[0] == 202
        assert (await agent.get("/status"))[0] == 401
        agent.token = TOKEN
        await agent.reaches("running")
    async with agent_here(tmp_path, store) as agent:
        assert (await agent.get("/status"))[0] == 401
        agent.token = TOKEN
        await agent.reaches("running")


async def test_two_first_configs_at_once_make_one_owner(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store) as agent:
        tokens = [f"{TOKEN}-{n}" for n in range(8)]
        calls = [agent.post("/config", agent.payload(agent_token=token)) for token in tokens]
        codes = [code for code, _ in await asyncio.gather(*calls)]
        assert sorted(codes) == [202] + [401] * 7
        agent.token = tokens[codes.index(202)]
        await agent.reaches("running")


async def test_the_instances_token_stands_in_for_the_templates(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store, ZLH_AGENT_TOKEN="the-templates-token") as agent:
        assert (await agent.post("/config", agent.payload(agent_token=TOKEN)))[0] == 401
        agent.token = "the-templates-token"
        assert (await agent.post("/config", agent.payload(agent_token=TOKEN)))[0] == 202
        assert (await agent.get("/status"))[0] == 401


async def test_secrets_are_stored_for_the_owner_only_and_never_shown(
    tmp_path: Path, store: StoreServer
) -> None:
    async with agent_here(tmp_path, store) as agent:
        agent.token = TOKEN
        await agent.run(agent_token=TOKEN, admin_user="admin", admin_pass="hunter2hunter2")
        shown = json.dumps(await agent.status()) + await agent.said("environment")
        assert TOKEN not in shown
        assert "hunter2" not in shown
        assert "ZLH_AGENT" not in shown
    for name in ("payload.json", "token"):
        assert stat.S_IMODE((tmp_path / "home" / "config" / name).stat().st_mode) == 0o600


async def test_a_damaged_home_is_an_agent_without_configuration(tmp_path: Path, store: StoreServer) -> None:
    for name, text in (("config/payload.json", '{"vmid": '), ("state/workload.json", "[]")):
        path = tmp_path / "home" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    async with agent_here(tmp_path, store) as agent:
        assert ((await agent.status())["state"], (await agent.status())["config"]) == ("idle", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("ZLH_AGENT_PORT", "x"), ("ZLH_AGENT_PORT", "70000"), ("ARTIFACT_BASE_URL", "ftp://x"),
     ("ZLH_AGENT_BACKOFF_SECONDS", "1,x"), ("ZLH_AGENT_READY_SECONDS", "-1"),
     ("ZLH_AGENT_UPDATE_MODE", "maybe")],
)  # fmt: skip
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({name: value})


def test_the_defaults_are_the_contracts() -> None:
    settings = read_settings({})
    assert (settings.address.port, str(settings.folders.home)) == (18888, "/opt/zlh-agent")
    assert (settings.supervision.stop_seconds, settings.address.probe_host) == (20, "127.0.0.1")
