"""Mods through the API: found at Modrinth, chosen here, installed by a real agent (contract §2.5, §9.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.control.mods.conftest import given_server

if TYPE_CHECKING:
    from tests.control.mods.conftest import Game
    from tests.support.http import Caller
    from tests.support.modrinth import ModrinthServer
    from zpack.control.db.session import Database

FAMILIES = ["/api/game/servers/5000/mods", "/api/servers/5000/mods"]
MODS = FAMILIES[0]
SEARCH = "/api/game/mods/search"


async def install(caller: Caller, **body: Any) -> Any:
    return await caller.post(f"{MODS}/install", body)


@pytest.mark.parametrize("path", FAMILIES)
async def test_a_mod_is_found_installed_switched_and_removed(
    hers: Caller, modrinth: ModrinthServer, game: Game, path: str
) -> None:
    version = modrinth.release(modrinth.add("sodium"), "0.6.0", content=b"the jar")
    reply = await hers.post(f"{path}/install", {"project": "sodium"})
    assert (reply.status, reply.body["ok"], reply.body["version"]["id"]) == (200, True, version["id"])
    mod = reply.body["mod"]
    assert (mod["id"], mod["name"], mod["projectId"]) == ("sodium-0.6.0.jar", "Sodium", version["project_id"])
    assert game.mods == {"sodium-0.6.0.jar": b"the jar"}
    assert (await hers.get(path)).body == {"folder": "mods", "mods": [mod]}
    off = await hers.call("PATCH", f"{path}/{mod['id']}", {"enabled": False})
    assert (off.status, off.body["mod"]["enabled"], list(game.mods)) == (
        200,
        False,
        ["sodium-0.6.0.jar.disabled"],
    )
    gone = await hers.call("DELETE", f"{path}/{mod['id']}")
    assert (gone.status, gone.body["movedTo"], game.mods) == (200, "mods-removed/sodium-0.6.0.jar", {})


async def test_a_project_may_be_named_by_id_or_slug(
    hers: Caller, modrinth: ModrinthServer, game: Game
) -> None:
    project = modrinth.add("sodium")
    modrinth.release(project)
    for field in ("project", "projectId", "project_id", "slug", "modId"):
        for name in (project["id"], project["slug"]):
            assert (await install(hers, **{field: name})).status == 200
    assert list(game.mods) == ["sodium-1.0.0.jar"]


async def test_the_newest_fitting_version_is_taken_or_the_one_that_is_named(
    hers: Caller, modrinth: ModrinthServer, game: Game
) -> None:
    project = modrinth.add("lithium")
    modrinth.release(project, "1.0.0", date_published="2025-01-01T00:00:00Z")
    modrinth.release(project, "1.1.0", date_published="2025-03-01T00:00:00Z", version_type="beta")
    modrinth.release(project, "1.2.0", date_published="2025-04-01T00:00:00Z", version_type="alpha")
    modrinth.release(project, "1.3.0", date_published="2025-05-01T00:00:00Z", game_versions=["1.21.5"])
    modrinth.release(project, "1.4.0", date_published="2025-06-01T00:00:00Z", loaders=["forge"])
    assert (await install(hers, project="lithium")).body["version"]["number"] == "1.1.0"
    assert (await install(hers, project="lithium", version="1.0.0")).body["version"]["number"] == "1.0.0"
    for number in ("1.2.0", "1.3.0", "9"):
        reply = await install(hers, project="lithium", version=number)
        assert (reply.status, reply.body["error"]) == (400, "no_compatible_version")
    assert sorted(game.mods) == ["lithium-1.0.0.jar", "lithium-1.1.0.jar"]


UNKNOWN = ["none", "..", "...", "../x", "a/b", "%2e%2e", "a?b=c", "a b", "\u00e4", "💩"]


async def test_a_project_that_modrinth_does_not_know(hers: Caller, modrinth: ModrinthServer) -> None:
    for name in UNKNOWN:
        reply = await install(hers, project=name)
        assert (reply.status, reply.body["error"]) == (400, "unknown_project"), name
    assert {path for _, path, _ in modrinth.asked} == {"/project/none"}


NO_ORDERS = [
    None, [], "x", {}, {"project": ""}, {"project": 7}, {"project": "x" * 65}, {"project": None},
    {"project": "a", "version": []}, {"project": "a", "withDependencies": "perhaps"},
]  # fmt: skip


async def test_bad_orders(hers: Caller, modrinth: ModrinthServer) -> None:
    for body in NO_ORDERS:
        reply = await hers.post(f"{MODS}/install", body)
        assert (reply.status, reply.body["error"]) == (400, "invalid_request"), body
    assert modrinth.asked == []


async def test_search_asks_for_what_the_server_can_load(hers: Caller, modrinth: ModrinthServer) -> None:
    modrinth.add("sodium")
    modrinth.add("sodium-forge-port", loaders=["forge"])
    reply = await hers.get(f"{SEARCH}?vmid=5000&q=sodium")
    assert [hit["slug"] for hit in reply.body["hits"]] == ["sodium"]
    assert (reply.body["hits"][0]["installed"], reply.body["total_hits"]) == (False, 1)
    _, path, query = modrinth.asked[0]
    assert (path, query["query"], query["index"]) == ("/search", "sodium", "relevance")
    assert '["categories:fabric"], ["versions:1.21.4"]' in query["facets"]
    assert modrinth.agents == {"zpack tests (tests@example.org)"}


async def test_search_knows_what_is_installed(hers: Caller, modrinth: ModrinthServer, game: Game) -> None:
    for slug in ("sodium", "lithium", "iris", "fabric-api"):
        modrinth.release(modrinth.add(slug), content=slug.encode())
    await install(hers, project="sodium")  # its id is written down
    (game.folder / "mods" / "renamed.jar").write_bytes(b"lithium")  # its hash is known to Modrinth
    (game.folder / "mods" / "iris-fabric-1.8+mc1.21.jar").write_bytes(b"another build")  # only its name tells
    reply = await hers.get(f"{SEARCH}?vmid=5000")
    flags = {hit["slug"]: hit["installed"] for hit in reply.body["hits"]}
    assert flags == {"sodium": True, "lithium": True, "iris": True, "fabric-api": False}


async def test_search_pages(hers: Caller, modrinth: ModrinthServer) -> None:
    for n in range(5):
        modrinth.add(f"mod-{n}")
    reply = await hers.get(f"{SEARCH}?vmid=5000&offset=2&limit=2")
    assert [hit["slug"] for hit in reply.body["hits"]] == ["mod-2", "mod-3"]
    assert (reply.body["offset"], reply.body["limit"], reply.body["total_hits"]) == (2, 2, 5)


async def test_bad_searches(hers: Caller, modrinth: ModrinthServer) -> None:
    for query in ("", "vmid=", "vmid=5000&limit=0", "vmid=5000&limit=101", "vmid=5000&offset=-1",
                  "vmid=5000&q=" + "x" * 201):  # fmt: skip
        assert (await hers.get(f"{SEARCH}?{query}")).status in {400, 404}, query
    assert modrinth.asked == []


async def test_what_a_mod_requires_is_told(hers: Caller, modrinth: ModrinthServer, game: Game) -> None:
    library = modrinth.add("fabric-api")
    modrinth.release(library)
    needs = [
        {"project_id": library["id"], "version_id": None, "dependency_type": "required"},
        {"project_id": "suggested", "version_id": None, "dependency_type": "optional"},
    ]
    modrinth.release(modrinth.add("sodium"), dependencies=needs)
    reply = await install(hers, project="sodium")
    (told,) = reply.body["dependencies"]
    assert (told["projectId"], told["slug"], told["installed"]) == (library["id"], "fabric-api", False)
    assert list(game.mods) == ["sodium-1.0.0.jar"]
    await install(hers, project="fabric-api")
    assert (await install(hers, project="sodium")).body["dependencies"][0]["installed"] is True


async def test_what_a_mod_requires_comes_with_it(hers: Caller, modrinth: ModrinthServer, game: Game) -> None:
    chain = [modrinth.add(slug) for slug in ("base", "library", "top")]
    for lower, project in zip([chain[2], *chain], chain, strict=False):  # the lowest needs the top: a ring
        need = {"project_id": lower["id"], "version_id": None, "dependency_type": "required"}
        modrinth.release(project, dependencies=[need])
    reply = await install(hers, project="top", withDependencies=True)
    assert reply.body["installed"] == ["base-1.0.0.jar", "library-1.0.0.jar", "top-1.0.0.jar"]
    assert sorted(game.mods) == ["base-1.0.0.jar", "library-1.0.0.jar", "top-1.0.0.jar"]


async def test_a_requirement_that_cannot_be_met_installs_nothing(
    hers: Caller, modrinth: ModrinthServer, game: Game
) -> None:
    library = modrinth.add("library")
    modrinth.release(library, loaders=["forge"])
    need = {"project_id": library["id"], "version_id": None, "dependency_type": "required"}
    modrinth.release(modrinth.add("sodium"), dependencies=[need])
    reply = await install(hers, project="sodium", withDependencies=True)
    assert (reply.status, reply.body["error"]) == (400, "no_compatible_version")
    assert reply.body["details"]["project"] == library["id"]
    assert game.mods == {}


async def test_a_refusal_midway_leaves_nothing_of_it(
    hers: Caller, modrinth: ModrinthServer, game: Game
) -> None:
    library = modrinth.add("library")
    modrinth.release(library)
    need = {"project_id": library["id"], "version_id": None, "dependency_type": "required"}
    modrinth.release(modrinth.add("sodium"), dependencies=[need])
    broken = {name: b"tampered" for name in modrinth.cdn.files if "sodium" in name}
    modrinth.cdn.files |= broken
    reply = await install(hers, project="sodium", withDependencies=True)
    assert (len(broken), reply.status, reply.body["details"]["error"]) == (1, 502, "hash_mismatch")
    assert game.mods == {}


async def test_an_agent_s_refusal_keeps_its_status_and_body(
    hers: Caller, modrinth: ModrinthServer, game: Game
) -> None:
    version = modrinth.release(modrinth.add("sodium"))
    modrinth.cdn.files = dict.fromkeys(modrinth.cdn.files, b"tampered")
    reply = await install(hers, project="sodium")
    assert (reply.status, reply.body["error"]) == (502, "Agent mod install failed")
    assert reply.body["details"]["error"] == "hash_mismatch"
    assert (game.mods, version["id"] in str(reply.body)) == ({}, False)
    missing = await hers.call("DELETE", f"{MODS}/none.jar")
    assert (missing.status, missing.body["details"]["error"]) == (404, "mod_not_found")


async def test_an_id_that_is_none_never_reaches_the_agent(hers: Caller) -> None:
    for mod_id in ("..", "%2e%2e", "a.zip", "a%2fb.jar", "..%2fa.jar", "a%00.jar", "a%0a.jar", "a.jar%5c"):
        reply = await hers.call("DELETE", f"{MODS}/{mod_id}")
        assert reply.status in {400, 404, 405}, mod_id
        assert reply.body["error"] in {"invalid_request", "not_found", "method_not_allowed"}, mod_id


MISBEHAVIOUR = [
    "garbage", "html", "list of nonsense", "string", "empty", "deep", "null", "500", "503", "410", "401",
    "redirect",
]  # fmt: skip


async def test_a_modrinth_that_misbehaves(hers: Caller, modrinth: ModrinthServer) -> None:
    modrinth.release(modrinth.add("sodium"))
    for modrinth.manner in MISBEHAVIOUR:
        for reply in (await hers.get(f"{SEARCH}?vmid=5000&q=s"), await install(hers, project="sodium")):
            assert (reply.status, reply.body["error"]) == (502, "upstream_failed"), modrinth.manner


async def test_a_modrinth_that_wants_no_more_calls(hers: Caller, modrinth: ModrinthServer) -> None:
    modrinth.manner = "429"
    reply = await hers.get(f"{SEARCH}?vmid=5000&q=s")
    assert (reply.status, reply.body["error"], reply.headers["Retry-After"]) == (503, "modrinth_busy", "7")


async def test_nonsense_among_the_hits_is_left_out(hers: Caller, modrinth: ModrinthServer) -> None:
    modrinth.manner = "object of nonsense"
    reply = await hers.get(f"{SEARCH}?vmid=5000")
    assert (reply.body["hits"], reply.body["total_hits"]) == ([], 0)


async def test_when_nothing_is_left_nobody_asks_until_the_window_opens(
    hers: Caller, modrinth: ModrinthServer
) -> None:
    modrinth.remaining = 1
    assert (await hers.get(f"{SEARCH}?vmid=5000&q=a")).status == 200
    asked = len(modrinth.asked)
    reply = await hers.get(f"{SEARCH}?vmid=5000&q=b")
    assert (reply.status, reply.body["error"], reply.headers["Retry-After"]) == (503, "modrinth_busy", "7")
    assert len(modrinth.asked) == asked
    assert (await hers.get(f"{SEARCH}?vmid=5000&q=a")).status == 200  # what is remembered costs nothing


async def test_one_account_s_searches_do_not_use_up_everybody_s(
    hers: Caller, bob: Caller, database: Database
) -> None:
    await given_server(database, bob, 5001)
    replies = [await hers.get(f"{SEARCH}?vmid=5000") for _ in range(61)]
    assert [reply.status for reply in replies[58:]] == [200, 200, 429]
    assert (await bob.get(f"{SEARCH}?vmid=5001")).status == 200


async def test_an_engine_without_mods_asks_nobody(
    ann: Caller, database: Database, modrinth: ModrinthServer
) -> None:
    for vmid, variant in enumerate(["vanilla", "flying-squid", "", None, 7], start=5001):
        await given_server(database, ann, vmid, payload={"variant": variant})
        search = await ann.get(f"{SEARCH}?vmid={vmid}")
        order = await ann.post(f"/api/servers/{vmid}/mods/install", {"project": "sodium"})
        for reply in (search, order):
            assert (reply.status, reply.body["error"]) == (400, "mods_not_supported")
    assert modrinth.asked == []


async def test_a_dev_container_has_no_mods(ann: Caller, database: Database) -> None:
    await given_server(database, ann, 6000, ctype="dev")
    for path in ("/api/game/servers/6000/mods", f"{SEARCH}?vmid=6000"):
        reply = await ann.get(path)
        assert (reply.status, reply.body["error"]) == (400, "wrong_container_type")


async def test_another_s_mods_are_not_there(
    hers: Caller, bob: Caller, anyone: Caller, modrinth: ModrinthServer, game: Game
) -> None:
    calls = [("GET", MODS, None), ("POST", f"{MODS}/install", {"project": "a"}), ("GET", f"{SEARCH}?vmid=5000", None),
             ("PATCH", f"{MODS}/a.jar", {"enabled": True}), ("DELETE", f"{MODS}/a.jar", None)]  # fmt: skip
    for method, path, body in calls:
        theirs = await bob.call(method, path, body)
        assert (theirs.status, theirs.body["error"]) == (404, "server_not_found")
        assert (await anyone.call(method, path, body)).status == 401
    assert (modrinth.asked, game.mods) == ([], {})


async def test_every_change_is_on_record(hers: Caller, modrinth: ModrinthServer, database: Database) -> None:
    modrinth.release(modrinth.add("sodium"))
    await install(hers, project="sodium")
    await hers.call("PATCH", f"{MODS}/sodium-1.0.0.jar", {"enabled": False})
    await hers.call("DELETE", f"{MODS}/sodium-1.0.0.jar")
    async with database.transaction() as session:
        rows = list(await session.execute(text("select action, payload from audit_log where action like 'mods.%' order by id")))  # fmt: skip
    assert [row.action for row in rows] == ["mods.install", "mods.switch", "mods.remove"]
    assert {row.payload["vmid"] for row in rows} == {5000}


async def test_a_silent_agent_does_not_hinder_a_search(
    ann: Caller, database: Database, modrinth: ModrinthServer
) -> None:
    modrinth.add("sodium")
    await given_server(database, ann, 5000, ip="127.82.255.254")
    reply = await ann.get(f"{SEARCH}?vmid=5000")
    assert [(hit["slug"], hit["installed"]) for hit in reply.body["hits"]] == [("sodium", None)]
    assert (await ann.get(MODS)).status == 502
