"""Mods of a server: listed, fetched, switched, put away (contract §4.7), over HTTP with a real agent."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.bench import Client, agent_here, eventually, mod_settings, standing
from tests.support.cdn import JAR, Authority, Cdn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.agent.bench import StoreServer

SHA512 = hashlib.sha512(JAR).hexdigest()


@pytest.fixture
async def agent(tmp_path: Path, store: StoreServer, cdn: Cdn, authority: Authority) -> AsyncIterator[Client]:
    """An agent whose server stands but does not run, and a place to fetch mods from."""
    standing(tmp_path)
    async with agent_here(tmp_path, store, **mod_settings(cdn, authority)) as client:
        yield client


def there(agent: Client, folder: str = "mods") -> list[str]:
    return sorted(path.name for path in (agent.folder / folder).iterdir())


async def install(agent: Client, order: dict[str, Any]) -> tuple[int, Any]:
    return await agent.post("/game/mods/install", order)


async def installed(agent: Client, cdn: Cdn, name: str = "a.jar", **changes: Any) -> dict[str, Any]:
    code, body = await install(agent, cdn.order(f"/data/x/{name}", **changes))
    assert code == 200, body
    return body["mod"]


async def test_a_server_without_mods_has_none(agent: Client) -> None:
    assert await agent.get("/game/mods") == (200, {"folder": "mods", "mods": []})


async def test_a_mod_is_fetched_verified_and_shown(agent: Client, cdn: Cdn) -> None:
    order = cdn.order("/data/AANobbMI/versions/x/sodium-0.6.jar", project_id="AANobbMI", name="Sodium")
    code, body = await install(agent, order)
    assert (code, body["ok"], body["restartRequired"]) == (200, True, False)
    mod = body["mod"]
    assert (mod["id"], mod["filename"], mod["enabled"]) == ("sodium-0.6.jar", "sodium-0.6.jar", True)
    assert (mod["name"], mod["source"], mod["projectId"]) == ("Sodium", "modrinth", "AANobbMI")
    assert (mod["sizeBytes"], mod["sha512"]) == (len(JAR), SHA512)
    assert (agent.folder / "mods" / "sodium-0.6.jar").read_bytes() == JAR
    assert (await agent.get("/game/mods"))[1]["mods"] == [mod]
    assert await agent.get("/game/mods/sodium-0.6.jar") == (200, {"mod": mod})
    assert there(agent) == ["sodium-0.6.jar"]


async def test_a_server_that_runs_needs_a_restart(agent: Client, cdn: Cdn) -> None:
    await agent.run()
    assert (await install(agent, cdn.order()))[1]["restartRequired"] is True
    for method, body in (("PATCH", {"enabled": False}), ("DELETE", None)):
        code, answer = await agent.call(method, "/game/mods/a.jar", body)
        assert (code, answer["restartRequired"]) == (200, True)


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
async def test_weaker_hashes_are_taken_when_there_is_no_other(
    agent: Client, cdn: Cdn, algorithm: str
) -> None:
    order = cdn.order() | {algorithm: hashlib.new(algorithm, JAR).hexdigest().upper()}
    del order["sha512"]
    code, body = await install(agent, order)
    assert (code, body["mod"]["sha512"]) == (200, SHA512)


async def test_the_same_mod_again_is_not_fetched_again(agent: Client, cdn: Cdn) -> None:
    first = await installed(agent, cdn)
    asked = len(cdn.asked)
    assert await installed(agent, cdn) == first
    assert len(cdn.asked) == asked


@pytest.mark.parametrize("off", [False, True])
async def test_another_mod_of_the_same_name_is_409(agent: Client, cdn: Cdn, off: bool) -> None:
    await installed(agent, cdn)
    if off:
        await agent.call("PATCH", "/game/mods/a.jar", {"enabled": False})
    code, body = await install(agent, cdn.order("/data/x/a.jar", b"another"))
    assert (code, body["error"]) == (409, "mod_exists")
    assert (await agent.get("/game/mods/a.jar"))[1]["mod"]["sha512"] == SHA512


async def test_a_mod_is_switched_off_and_on(agent: Client, cdn: Cdn) -> None:
    mod = await installed(agent, cdn)
    code, body = await agent.call("PATCH", "/game/mods/a.jar", {"enabled": False})
    assert (code, body["mod"]) == (200, mod | {"enabled": False, "filename": "a.jar.disabled"})
    assert there(agent) == ["a.jar.disabled"]
    for _ in range(2):
        code, body = await agent.call("PATCH", "/game/mods/a.jar.disabled", {"enabled": True})
        assert (code, body["mod"]) == (200, mod)
    assert there(agent) == ["a.jar"]


@pytest.mark.parametrize("body", [None, {}, [], {"enabled": 1}, {"enabled": "false"}, {"enabled": None}])
async def test_a_switch_needs_a_word(agent: Client, cdn: Cdn, body: Any) -> None:
    await installed(agent, cdn)
    code, answer = await agent.call("PATCH", "/game/mods/a.jar", body)
    assert (code, answer["error"] in {"invalid_request", "invalid_json"}) == (400, True)
    assert there(agent) == ["a.jar"]


async def test_a_removed_mod_is_put_away_and_never_written_over(agent: Client, cdn: Cdn) -> None:
    contents = [b"first", b"second", b"third"]
    for content in contents:
        await installed(agent, cdn, content=content)
        code, body = await agent.call("DELETE", "/game/mods/a.jar")
        assert (code, body["deleted"], body["id"]) == (200, True, "a.jar")
    assert there(agent) == []
    assert there(agent, "mods-removed") == ["a.2.jar", "a.3.jar", "a.jar"]
    kept = [(agent.folder / "mods-removed" / n).read_bytes() for n in ("a.jar", "a.2.jar", "a.3.jar")]
    assert kept == contents


async def test_a_mod_that_is_off_is_removed_too(agent: Client, cdn: Cdn) -> None:
    await installed(agent, cdn)
    await agent.call("PATCH", "/game/mods/a.jar", {"enabled": False})
    assert (await agent.call("DELETE", "/game/mods/a.jar"))[1]["movedTo"] == "mods-removed/a.jar"
    assert there(agent) == []


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_a_mod_that_is_not_there_is_404(agent: Client, method: str) -> None:
    body = {"enabled": True} if method == "PATCH" else None
    code, answer = await agent.call(method, "/game/mods/none.jar", body)
    assert (code, answer["error"]) == (404, "mod_not_found")


async def test_what_the_customer_put_there_is_listed_with_nothing_inferred(agent: Client) -> None:
    (agent.folder / "mods").mkdir()
    for name in ("[1.21] sodium extra.jar", "üb.jar.disabled", "readme.txt", ".hidden.jar", "folder.jar"):
        path = agent.folder / "mods" / name
        path.mkdir() if name == "folder.jar" else path.write_bytes(JAR)
    (agent.folder / "mods" / "link.jar").symlink_to("/etc/passwd")
    mods = (await agent.get("/game/mods"))[1]["mods"]
    assert [m["id"] for m in mods] == ["[1.21] sodium extra.jar", "üb.jar"]
    assert {m["source"] for m in mods} == {None}
    assert (await agent.call("DELETE", "/game/mods/%5B1.21%5D%20sodium%20extra.jar"))[0] == 200


async def test_a_replaced_file_is_no_longer_modrinth_s(agent: Client, cdn: Cdn) -> None:
    await installed(agent, cdn, name="a.jar", project_id="abc")
    (agent.folder / "mods" / "a.jar").write_bytes(b"the customer's own")
    _, body = await agent.get("/game/mods/a.jar")
    assert (body["mod"]["source"], body["mod"]["projectId"]) == (None, None)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"mods/a.jar": 7}', '{"mods/a.jar": {"source": "\\u0000"}}']
)
async def test_a_damaged_record_is_no_obstacle(agent: Client, cdn: Cdn, text: str) -> None:
    await installed(agent, cdn)
    (agent.folder / ".zlh_metadata.json").write_text(text)
    assert (await agent.get("/game/mods/a.jar"))[1]["mod"]["source"] is None
    assert (await installed(agent, cdn, name="b.jar"))["source"] == "modrinth"


async def test_a_folder_that_is_a_link_is_refused(agent: Client, cdn: Cdn, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.jar").write_bytes(b"theirs")
    (agent.folder / "mods").symlink_to(outside)
    for method, path in (("GET", ""), ("DELETE", "/a.jar"), ("GET", "/a.jar")):
        code, body = await agent.call(method, f"/game/mods{path}")
        assert (code, body["error"]) == (403, "path_rejected")
    assert (await install(agent, cdn.order()))[0] == 403
    assert [p.name for p in outside.iterdir()] == ["a.jar"]


async def test_an_engine_without_mods_says_so(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store) as client:
        assert (await client.get("/game/mods"))[1]["error"] == "not_configured"
        await client.post("/config", client.payload(variant="flying-squid"))
        code, body = await client.get("/game/mods")
        assert (code, body["error"]) == (400, "mods_not_supported")


async def test_before_the_server_stands_it_is_503(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store) as client:
        store.statuses["SHA256SUMS"] = [404]
        await client.post("/config", client.payload())
        await client.reaches("error")
        assert (await client.get("/game/mods"))[1]["error"] == "not_ready"


async def test_while_one_is_fetched_nothing_else_changes(agent: Client, cdn: Cdn) -> None:
    cdn.hold = asyncio.Event()
    order = cdn.order()
    cdn.manner["/data/x/a.jar"] = "held"
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(install(agent, order))
        await cdn.halfway.wait()
        status = await agent.status()
        assert (status["operationType"], status["operationMessage"]) == ("mod-install", "fetching a.jar")
        for answer in (
            await install(agent, order),
            await agent.call("DELETE", "/game/mods/a.jar"),
            await agent.post("/restart"),
        ):
            assert (answer[0], answer[1]["error"]) == (409, "operation_in_progress")
        assert (await agent.get("/game/mods"))[1]["mods"] == []
        cdn.hold.set()
    assert first.result()[0] == 200
    assert (await agent.status())["operationInProgress"] is False


async def test_while_something_else_changes_no_mod_does(agent: Client, cdn: Cdn, store: StoreServer) -> None:
    store.hold = asyncio.Event()
    assert (await agent.post("/config", agent.payload()))[0] == 202
    for answer in (
        await install(agent, cdn.order()),
        await agent.call("DELETE", "/game/mods/a.jar"),
        await agent.call("PATCH", "/game/mods/a.jar", {"enabled": False}),
    ):
        assert (answer[0], answer[1]["error"]) == (409, "operation_in_progress")
    assert cdn.asked == []
    store.hold.set()
    await agent.reaches("running")


async def test_a_mod_counts_against_the_server_s_quota(
    tmp_path: Path, store: StoreServer, cdn: Cdn, authority: Authority
) -> None:
    folder = standing(tmp_path)
    (folder / "world.dat").write_bytes(b"x" * 1_000_000)
    limits = {"ZLH_AGENT_DISK_QUOTA_MIB": "1", "ZLH_AGENT_MAX_MOD_MIB": "5"}
    async with agent_here(tmp_path, store, **mod_settings(cdn, authority, **limits)) as agent:
        code, body = await install(agent, cdn.order(content=b"y" * 200_000))
        assert (code, body["error"]) == (507, "quota_exceeded")
        assert there(agent) == []
        assert (await install(agent, cdn.order(content=b"y" * 2_000)))[0] == 200


async def test_what_is_recorded_of_a_mod_outlives_its_switch_and_an_upload_s_record(
    agent: Client, cdn: Cdn
) -> None:
    await installed(agent, cdn, project_id="abc")
    await agent.call("PATCH", "/game/mods/a.jar", {"enabled": False})
    await installed(agent, cdn, name="b.jar", project_id="def")  # writes the record anew
    assert (await agent.get("/game/mods/a.jar"))[1]["mod"]["projectId"] == "abc"
    await agent.call("DELETE", "/game/mods/a.jar")
    record = json.loads((agent.folder / ".zlh_metadata.json").read_text())
    assert (record["mods-removed/a.jar"]["project_id"], "mods/a.jar" in record) == ("abc", False)


async def test_a_caller_who_leaves_leaves_nothing_behind(agent: Client, cdn: Cdn) -> None:
    cdn.hold = asyncio.Event()
    order = cdn.order()
    cdn.manner["/data/x/a.jar"] = "held"
    leaving = asyncio.create_task(install(agent, order))
    await cdn.halfway.wait()
    assert len(there(agent)) == 1
    leaving.cancel()

    async def gone() -> bool:
        return there(agent) == [] and not (await agent.status())["operationInProgress"]

    await eventually(gone)
