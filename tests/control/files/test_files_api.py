"""The file verbs end to end: a caller, the API, a real agent, its disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from tests.agent.files.world import form
from tests.control.files.conftest import SERVER, add_server
from zpack.control.app import access_rules, create_app
from zpack.control.db.tables import AuditEntry

if TYPE_CHECKING:
    from tests.agent.bench import Client
    from tests.control.conftest import Api, Database
    from tests.control.files.conftest import Hers
    from tests.support.http import Caller

FAMILIES = [SERVER, "/api/servers/5001/files"]


@pytest.mark.seed("S66", "S67", "S69")
@pytest.mark.parametrize("family", FAMILIES)
async def test_every_verb_reaches_the_disk(hers: Hers, agent: Client, family: str) -> None:
    assert (await hers.call("GET", "", "", family)).body["entries"][0]["name"] == "config"
    assert (await hers.call("GET", "/list", "mods", family)).body["entries"][0]["size"] == 7
    assert (await hers.call("GET", "/stat", "mods", family)).body["type"] == "dir"
    assert (await hers.call("GET", "/read", "config/a.toml", family)).body["content"] == "a = 1\n"
    assert (await hers.raw("GET", "/download", "ops.json", family))[2] == b"[]"
    assert (await hers.call("PUT", "", "config/a.toml", family, data=b"a = 2\n")).status == 200
    assert (agent.folder / "config" / "a.toml").read_text() == "a = 2\n"
    assert (await hers.call("POST", "/revert", "config/a.toml", family)).status == 200
    assert (agent.folder / "config" / "a.toml").read_text() == "a = 1\n"
    assert (await hers.call("DELETE", "", "logs/latest.log", family)).body["deleted"] is True
    assert (await hers.call("POST", "/upload", "mods/x.jar", family, data=form(b"jar"))).status == 201
    assert (agent.folder / "mods" / "x.jar").read_bytes() == b"jar"


@pytest.mark.seed("S67", "S69")
def test_both_families_are_the_same_routes(api: Api) -> None:
    async def ready() -> dict[str, str]:
        return {}

    rules = dict(access_rules(create_app(api, ready=ready, cors_origins=())))
    family = {
        prefix: {
            (r.split(" ")[0], r.partition(prefix)[2], rule) for r, rule in rules.items() if f" {prefix}" in r
        }
        for prefix in ("/api/game/servers/{server_id}/files", "/api/servers/{server_id}/files")
    }
    one, other = family.values()
    assert one == other
    assert len(one) == 11


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("call", "path", "answer"),
    [
        ("GET /read", "nothing", (404, "not_found")),
        ("GET /read", "../../outside/f.jar", (403, "path_rejected")),
        ("GET /download", "mods", (400, "not_a_file")),
        ("GET /download", "/etc/passwd", (403, "path_rejected")),
        ("DELETE ", "server.properties", (403, "path_rejected")),
        ("PUT ", "ops.json", (403, "path_rejected")),
        ("POST /revert", "server.properties", (404, "no_shadow")),
        ("GET /read", "world/level.dat", (400, "not_text")),
    ],
)
async def test_the_agents_no_is_passed_on(
    hers: Hers, family: str, call: str, path: str, answer: tuple[int, str]
) -> None:
    reply = await hers.call(*call.split(" "), path, family)
    assert reply.body["error"] == "Agent file operation failed"
    assert (reply.status, reply.body["details"]["error"]) == answer


async def test_an_upload_that_exists_is_a_conflict_unless_it_may_replace(hers: Hers, agent: Client) -> None:
    assert (await hers.call("POST", "/upload", "mods/old.jar", data=form(b"new"))).status == 409
    replaced = await hers.call(
        "POST", "/upload", "mods/old.jar", data=form(b"new"), params={"overwrite": "true"}
    )
    assert replaced.status == 200
    assert (agent.folder / "mods" / "old.jar").read_bytes() == b"new"


async def test_a_save_of_another_version_is_refused_and_a_file_moves(hers: Hers, agent: Client) -> None:
    etag = (await hers.call("GET", "/read", "config/a.toml")).body["etag"]
    for expected in (200, 412):
        reply = await hers.call("PUT", "", "config/a.toml", data=b"a = 2\n", headers={"If-Match": etag})
        assert reply.status == expected
    assert reply.body["details"]["error"] == "changed_meanwhile"
    reply = await hers.call("PUT", "", "config/a.toml", data=b"a = 3\n", headers={"If-Match": '"é"'})
    assert (reply.status, (agent.folder / "config" / "a.toml").read_text()) == (400, "a = 2\n")
    for to, expected in (("mods/new.jar", 200), ("../new.jar", 403), ("/mods/new.jar", 403)):
        assert (await hers.call("POST", "/move", "mods/old.jar", params={"to": to})).status == expected
    assert (agent.folder / "mods" / "new.jar").read_text() == "old jar"


async def test_a_download_carries_only_headers_of_ours(hers: Hers) -> None:
    status, headers, body = await hers.raw(
        "GET", "/download", "server.properties", headers={"Range": "bytes=5-8"}
    )
    assert (status, body, headers["Content-Range"]) == (206, b"mine", "bytes 5-8/10")
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"].startswith('attachment; filename="server.properties"')
    again = {"Range": "bytes=0-3", "If-Range": headers["ETag"]}
    assert (await hers.raw("GET", "/download", "server.properties", headers=again))[2] == b"motd"


async def test_head_says_the_size_and_sends_nothing(hers: Hers) -> None:
    status, headers, body = await hers.raw("HEAD", "/download", "server.properties")
    assert (status, headers["Content-Length"], body) == (200, "10", b"")


async def test_another_s_files_are_not_there(hers: Hers, bob: Caller, anyone: Caller) -> None:
    assert (await hers.call("GET", "", "")).status == 200
    for family in FAMILIES:
        for method, verb in (("GET", "/read"), ("GET", "/download"), ("PUT", ""), ("POST", "/upload")):
            path = f"{family}{verb}?path=server.properties"
            assert (await bob.call(method, path)).status == 404
            assert (await anyone.call(method, path)).status == 401


async def test_files_are_of_game_servers_with_an_address(
    hers: Hers, database: Database, address: tuple[str, int]
) -> None:
    me = (await hers.caller.get("/api/auth/me")).body["user"]["id"]
    await add_server(database, address, owner=me, vmid=6001, hostname="dev-6001", ctype="dev")
    await add_server(database, address, owner=me, vmid=5002, hostname="mc-5002", ip=None)
    for server, code in (
        ("6001", "wrong_container_type"),
        ("5002", "Server does not have an IP address yet"),
    ):
        for verb in ("/read", "/download"):
            reply = await hers.call("GET", verb, "x", f"/api/servers/{server}/files")
            assert (reply.status, reply.body["error"]) == (400, code)


async def test_what_changes_something_is_audited(hers: Hers, database: Database) -> None:
    await hers.call("PUT", "", "server.properties", data=b"x")
    await hers.call("POST", "/revert", "server.properties")
    await hers.call("DELETE", "", "logs/latest.log")
    await hers.call("POST", "/upload", "mods/x.jar", data=form(b"jar"))
    await hers.call("GET", "/read", "server.properties")
    async with database.transaction() as session:
        rows = list(await session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
    found = [(row.action, row.payload["path"]) for row in rows if row.action.startswith("files.")]
    assert found == [
        ("files.write", "server.properties"),
        ("files.revert", "server.properties"),
        ("files.delete", "logs/latest.log"),
        ("files.upload", "mods/x.jar"),
    ]


@pytest.mark.seed("S68", "S111")
async def test_bodies_larger_than_the_apis_limit_are_streamed(hers: Hers, agent: Client) -> None:
    async def large() -> Any:
        for number in range(48):
            yield bytes([number]) * 262144

    reply = await hers.call("POST", "/upload", "mods/big.jar", data=form(large()))
    assert (reply.status, reply.body["size"]) == (201, 48 * 262144)
    _, _, body = await hers.raw("GET", "/download", "mods/big.jar")
    assert body == (agent.folder / "mods" / "big.jar").read_bytes()
    assert body == b"".join(bytes([number]) * 262144 for number in range(48))


async def test_other_routes_keep_the_apis_limit(hers: Hers) -> None:
    async def large() -> Any:
        for _ in range(20):
            yield b"x" * 65536

    for path in ("/api/servers/5001/files/uploads", "/api/servers/5001/start", f"{SERVER}/revert"):
        assert (await hers.caller.call("POST", path, data=large())).status in {404, 413, 400}
    assert (await hers.caller.call("POST", "/api/auth/login", data=large())).status == 413


@pytest.mark.parametrize(
    "query", ["", "?path=", f"?path={'x' * 1025}", "?path=a&overwrite=maybe", "?path=%00"]
)
async def test_bad_queries(hers: Hers, query: str) -> None:
    reply = await hers.caller.post(f"{SERVER}/upload{query}", {})
    assert (reply.status, reply.body["error"]) == (400, "invalid_request")
