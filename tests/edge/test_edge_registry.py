"""The registry's door: who may come in, what may be written, what stays."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.world import (
    HEADERS,
    HOST,
    MANY,
    SECRET,
    Api,
    Door,
    edge_beside,
    edge_here,
    eventually,
    game_server,
)

from zpack.edge.names import Invalid, parse_target
from zpack.wire.edge import SECRET_HEADER

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {"server_name": "mc-a", "address": "127.0.0.9", "port": 25565}


async def test_what_is_registered_is_listed_until_it_is_not(door: Door) -> None:
    await door.register("mc-a", 25565, address="127.0.0.9")
    assert await door.listed() == [{"name": "mc-a", "address": "127.0.0.9", "port": 25565}]
    assert (await door.post("unregister", json={"server_name": "MC-A"}))[0] == 200
    assert await door.listed() == []


async def test_what_is_gone_is_404(door: Door) -> None:
    status, body = await door.post("unregister", json={"server_name": "mc-a"})
    assert (status, body["error"]) == (404, "unknown_server")


async def test_the_same_name_again_replaces_and_says_so(door: Door) -> None:
    assert (await door.register("mc-a", 1, address="127.0.0.9"))["duplicate"] is False
    assert (await door.register("mc-a", 2, address="127.0.0.9"))["duplicate"] is True
    assert [server["port"] for server in await door.listed()] == [2]


@pytest.mark.parametrize(
    "body",
    ["server_name=mc-a&address=127.0.0.9&port=25565", "server_name=mc-a\naddress=127.0.0.9\r\nport=25565\n"],
)
async def test_forms_and_lines_are_understood(door: Door, body: str) -> None:
    assert (await door.post("register", data=body))[0] == 200
    assert await door.listed() == [{"name": "mc-a", "address": "127.0.0.9", "port": 25565}]


@pytest.mark.parametrize("secret", [None, "", SECRET, "0" * 64, "ü"])
@pytest.mark.parametrize("path", ["register", "unregister", "nothing"])
async def test_nobody_enters_without_the_hashed_secret(door: Door, path: str, secret: str | None) -> None:
    headers = {} if secret is None else {SECRET_HEADER: secret}
    status, body = await door.post(path, json=GOOD, headers=headers)
    assert (status, body["error"]) == (401, "unauthorized")
    assert await door.listed() == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"server_name": ""}, "invalid_server_name"),
        ({"server_name": "-a"}, "invalid_server_name"),
        ({"server_name": "a..b"}, "invalid_server_name"),
        ({"server_name": "a b"}, "invalid_server_name"),
        ({"server_name": "a" * 64}, "invalid_server_name"),
        ({"server_name": 5}, "invalid_server_name"),
        ({"address": "example.org"}, "invalid_address"),
        ({"address": "0.0.0.0"}, "invalid_address"),
        ({"address": None}, "invalid_address"),
        ({"port": 0}, "invalid_port"),
        ({"port": 65536}, "invalid_port"),
        ({"port": True}, "invalid_port"),
        ({"port": "²"}, "invalid_port"),
    ],
)
async def test_nonsense_is_400_with_a_code(door: Door, change: dict[str, Any], code: str) -> None:
    status, body = await door.post("register", json={**GOOD, **change})
    assert (status, body["error"]) == (400, code)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b"nonsense", b"[" * 5000, b'{"port":1e999}'])
async def test_bodies_that_are_none_are_400(door: Door, body: bytes) -> None:
    status, answer = await door.post("register", data=body)
    assert status == 400
    assert answer["error"] in {"invalid_body", "invalid_server_name"}


async def test_a_huge_body_is_413(door: Door) -> None:
    status, body = await door.post("register", json={**GOOD, "more": "x" * 100_000})
    assert (status, body["error"]) == (413, "body_too_large")


async def test_wrong_paths_and_methods_have_codes_too(door: Door) -> None:
    assert (await door.post("list", json={}))[1]["error"] == "not_found"
    assert (await door.post("status", json={}))[1]["error"] == "method_not_allowed"


async def test_the_edge_cannot_be_its_own_server(door: Door) -> None:
    body = {**GOOD, "address": HOST, "port": door.port}
    assert (await door.post("register", json=body))[1]["error"] == "invalid_address"


@given(st.dictionaries(st.text(max_size=12), st.text() | st.integers() | st.none() | st.lists(st.none())))
def test_no_registration_raises_anything_else(fields: dict[str, Any]) -> None:
    for more in ({}, GOOD):
        try:
            parse_target({**more, **fields})
        except Invalid:
            continue


async def test_the_table_survives_sigkill(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with edge_beside(tmp_path / "home", log) as door:
        assert door.process is not None
        await asyncio.gather(*(door.register(f"mc-{n}", 25565, address="127.0.0.9") for n in range(20)))
        door.process.send_signal(signal.SIGKILL)
        await door.process.wait()
    async with edge_beside(tmp_path / "home", log) as door:
        assert {server["name"] for server in await door.listed()} == {f"mc-{n}" for n in range(20)}


async def test_the_program_ends_well_and_prints_no_secret(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with game_server("alpha") as alpha, edge_beside(tmp_path / "home", log, **MANY) as door:
        await door.register("mc-alpha", alpha.port)
        assert (await door.status("mc-alpha"))["description"] == "alpha"
        assert (await door.post("register", json=GOOD, headers={SECRET_HEADER: "wrong-guess"}))[0] == 401
        greeting, _, writer = await door.join("mc-alpha")
        writer.close()
        assert greeting == "alpha"
        process = door.process
    assert process is not None
    assert process.returncode == 0
    assert "mc-alpha" in log.read_text()
    assert not [word for word in (SECRET, HEADERS[SECRET_HEADER], "wrong-guess") if word in log.read_text()]


async def test_a_damaged_table_is_kept_aside(tmp_path: Path) -> None:
    (tmp_path / "registry.json").write_text('{"servers": [{"name"')
    async with edge_here(tmp_path) as door:
        assert await door.listed() == []
    assert (tmp_path / "registry.damaged").exists()


async def test_a_restart_tells_the_api_again(tmp_path: Path, api: Api) -> None:
    rows = [{"name": name, "address": HOST, "port": 1} for name in ("mc-a", "mc-b")]
    (tmp_path / "registry.json").write_text(json.dumps({"servers": rows}))
    async with edge_here(tmp_path, ZPACK_PROXY_STATUS_ENDPOINT=api.url):
        for name in ("mc-a", "mc-b"):
            await eventually(lambda name=name: len(api.statuses(name)) == 2)
    assert api.statuses("mc-a") == ["registered_with_proxy", "proxy_ping_failed"]
    assert set(api.secrets) == {HEADERS[SECRET_HEADER]}


REMEMBERED = {
    "servers": [{"name": "mc-a", "address": HOST, "port": 1}, {"name": "mc-b", "address": HOST, "port": 1}]
}


async def listed_after_start(tmp_path: Path, api: Api) -> dict[str, str]:
    (tmp_path / "registry.json").write_text(json.dumps(REMEMBERED))
    async with edge_here(tmp_path, ZPACK_PROXY_STATUS_ENDPOINT=api.url) as door:
        return {server["name"]: server["address"] for server in await door.listed()}


async def test_at_its_start_it_believes_the_api_rather_than_its_table(tmp_path: Path, api: Api) -> None:
    rows = [{"server_name": "mc-a", "address": "127.0.0.7", "port": 1}, {"server_name": "no address"}, 3]
    api.published = web.json_response({"servers": rows})
    assert await listed_after_start(tmp_path, api) == {"mc-a": "127.0.0.7"}
    assert "127.0.0.7" in (tmp_path / "registry.json").read_text()


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"servers": 3}', '{"servers": '])
async def test_an_api_that_lists_nothing_changes_nothing(tmp_path: Path, api: Api, text: str) -> None:
    api.published = web.Response(text=text)
    assert await listed_after_start(tmp_path, api) == {"mc-a": HOST, "mc-b": HOST}


async def test_without_the_api_it_goes_by_its_table(tmp_path: Path, api: Api) -> None:
    assert await listed_after_start(tmp_path, api) == {"mc-a": HOST, "mc-b": HOST}
