"""Every rule by which a version is chosen, as a row."""

from __future__ import annotations

from typing import Any

import pytest

from zpack.control.mods.merge import Installed, hits_view, installed_from, listed_mods, plain
from zpack.control.mods.models import parsed_versions
from zpack.control.mods.resolve import LOADERS, choose, facets

HASHES = {"sha512": "a" * 128, "sha1": "b" * 40}
CDN = "https://cdn.modrinth.com"


def file(name: str = "a.jar", **changes: Any) -> dict[str, Any]:
    return {"url": f"{CDN}/data/x/{name}", "filename": name, "primary": False, "hashes": HASHES} | changes


def version(number: str = "1", **changes: Any) -> dict[str, Any]:
    row = {"id": f"id{number}", "project_id": "p", "version_number": number, "version_type": "release"}
    row |= {"loaders": ["fabric"], "game_versions": ["1.21.4"], "files": [file()], "dependencies": []}
    return row | {"date_published": f"2025-01-0{number}T00:00:00Z"} | changes


def chosen(*rows: Any, engine: str = "fabric", **asked: Any) -> str | None:
    found = choose(
        parsed_versions(list(rows)),
        loaders=LOADERS[engine],
        game_version=asked.pop("game_version", "1.21.4"),
        origins=asked.pop("origins", (CDN,)),
        **asked,
    )
    return found and found.version.number


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], None),
        ([version()], "1"),
        ([version("1"), version("3"), version("2")], "3"),
        ([version("1"), version("2", version_type="alpha")], "1"),
        ([version("1"), version("2", version_type="beta")], "2"),
        ([version("1", version_type="alpha")], None),
        ([version("1", version_type="nightly")], None),
        ([version("1", loaders=["forge"])], None),
        ([version("1", loaders=["forge", "fabric"])], "1"),
        ([version("1", loaders=["Fabric"])], None),
        ([version("1", loaders=[])], None),
        ([version("1", game_versions=["1.21"])], None),
        ([version("1", game_versions=["1.21.4", "1.21"])], "1"),
        ([version("1", game_versions="1.21.4")], None),
        ([version("1", files=[])], None),
        ([version("1"), version("2", files=[])], "1"),
        ([version("1", files=[file("a.zip")])], None),
        ([version("1", files=[file("a.mrpack")])], None),
        ([version("1", files=[file("a.JAR")])], None),
        ([version("1", files=[file(hashes={})])], None),
        ([version("1", files=[file(hashes={"sha1": "b" * 40})])], "1"),
        ([version("1", files=[file(hashes={"sha512": "zz"})])], None),
        ([version("1", files=[file(hashes={"sha512": "g" * 128})])], None),
        ([version("1", files=[file(url="http://cdn.modrinth.com/a.jar")])], None),
        ([version("1", files=[file(url="https://evil.example/a.jar")])], None),
        ([version("1", files=[file(url="https://cdn.modrinth.com.evil.example/a.jar")])], None),
        ([version("1", files=[file(url="https://cdn.modrinth.com@evil.example/a.jar")])], None),
        ([version("1", files=[file(url="https://evil.example\\@cdn.modrinth.com/a.jar")])], None),
        ([version("1", files=[file(url="https://cdn.modrinth.com:8443/a.jar")])], None),
        ([version("1", files=[file(url="https://cdn.modrinth.com:443/a.jar")])], "1"),
        ([version("1", files=[file(url="https://[::1/a.jar")])], None),
        ([version("1", files=[file(url="")])], None),
        ([version("1", files=[file("a.zip", primary=True), file("b.jar")])], None),
        ([version("1", files=[file("a.zip"), file("b.jar", primary=True)])], "1"),
        ([None, 7, "x", [], {}, version("1")], "1"),
        ([version("1", id=None)], None),
        ([version("1", date_published=None)], None),
        ([version("1", files=[None, 7, file()])], "1"),
    ],
)  # fmt: skip
def test_which_version_is_chosen(rows: list[Any], expected: str | None) -> None:
    assert chosen(*rows) == expected


@pytest.mark.parametrize(
    ("engine", "loader", "fits"),
    [
        ("fabric", "fabric", True), ("fabric", "quilt", False), ("quilt", "quilt", True),
        ("quilt", "fabric", True), ("forge", "forge", True), ("forge", "neoforge", False),
        ("neoforge", "neoforge", True), ("neoforge", "forge", False), ("paper", "paper", True),
        ("paper", "bukkit", True), ("paper", "purpur", False), ("purpur", "purpur", True),
        ("purpur", "paper", True), ("paper", "fabric", False),
    ],
)  # fmt: skip
def test_what_each_engine_loads(engine: str, loader: str, fits: bool) -> None:
    assert (chosen(version(loaders=[loader]), engine=engine) is not None) is fits


def test_a_named_version_must_fit_all_the_same() -> None:
    rows = [version("1"), version("2"), version("3", loaders=["forge"]), version("4", version_type="alpha")]
    assert (chosen(*rows, wanted="1"), chosen(*rows, wanted="id2")) == ("1", "2")
    assert (chosen(*rows, wanted="3"), chosen(*rows, wanted="4"), chosen(*rows, wanted="5")) == (None,) * 3


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("sodium-fabric-0.6.0+mc1.21.4.jar", "sodium-fabric-0.6.0+mc1.21.4.jar"),
        ("[1.21] My Mod!.jar", "_1.21_My_Mod_.jar"), ("ä.jar", "_.jar"), ("..jar.jar", "jar.jar"),
        (".hidden.jar", "hidden.jar"), ("...jar", "p.jar"), ("../../x.jar", "_.._x.jar"),
        ("a" * 240 + ".jar", "a" * 150 + ".jar"),
    ],
)  # fmt: skip
def test_a_file_s_name_is_put_in_the_characters_an_agent_takes(given: str, sent: str) -> None:
    found = choose(
        parsed_versions([version(files=[file(given, url=f"{CDN}/data/x/a.jar")])]),
        loaders=("fabric",),
        game_version="1.21.4",
        origins=(CDN,),
    )
    assert found is not None
    assert found.filename == sent


def test_the_strongest_hash_is_sent() -> None:
    for hashes, sent in ((HASHES, {"sha512": "a" * 128}), ({"sha1": "B" * 40}, {"sha1": "b" * 40})):
        rows = parsed_versions([version(files=[file(hashes=hashes)])])
        found = choose(rows, loaders=("fabric",), game_version="1.21.4", origins=(CDN,))
        assert found is not None
        assert found.hash == sent


def test_only_what_is_required_is_a_requirement() -> None:
    kinds = ["required", "optional", "incompatible", "embedded", None]
    rows: list[Any] = [{"project_id": f"p{n}", "dependency_type": kind} for n, kind in enumerate(kinds)]
    rows += [None, 7, {"dependency_type": "required", "project_id": None, "version_id": "v"}]
    (found,) = parsed_versions([version(dependencies=rows)])
    assert found.required == (("p0", None),)


def test_plugins_are_searched_for_among_plugins() -> None:
    assert facets("paper", "1.21.4")[0] == ["project_type:plugin", "project_type:mod"]
    assert facets("fabric", "1.21.4")[0] == ["project_type:mod"]


@pytest.mark.parametrize(
    ("file_name", "title"),
    [
        ("sodium-fabric-0.6.0+mc1.21.4.jar", "sodium"), ("lithium-0.14.3.jar.disabled", "Lithium"),
        ("fabric-api-0.115.0+1.21.4.jar", "Fabric API"), ("jei-1.21.4-neoforge-20.0.jar", "jei"),
        ("worldedit-mod-7.3.9.jar", "WorldEdit Mod"), ("voicechat-fabric-1.21.4-2.5.26.jar", "voicechat"),
    ],
)  # fmt: skip
def test_a_mod_that_nobody_recorded_is_known_by_its_name(file_name: str, title: str) -> None:
    assert plain(file_name) == plain(title)


def test_a_longer_name_is_another_mod() -> None:
    assert plain("sodium-extra-0.6.jar") != plain("sodium")


@pytest.mark.parametrize(
    "body", [None, [], "x", {"mods": 7}, {"mods": {"a": 1}}, {"mods": [1, None, "x"]}, {}]
)
def test_a_list_that_is_none_lists_nothing(body: Any) -> None:
    assert listed_mods(body) == []


def test_nonsense_in_a_list_is_passed_over() -> None:
    rows: list[dict[str, Any]] = [{"projectId": 7, "sha512": [], "id": {}, "name": None}, {"projectId": "p"}]
    found = installed_from(rows, {})
    assert (found.projects, found.names, found.has("p"), found.has("q", "x")) == ({"p"}, set(), True, False)


def test_hits_are_bounded_and_typed() -> None:
    hit = {"project_id": "p", "title": "x" * 10_000, "downloads": True, "categories": [1] * 900, "evil": 1}
    page = hits_view({"hits": [hit] * 9, "total_hits": "many"}, Installed(), offset=0, limit=3)
    (first, *_) = page["hits"]
    assert (len(page["hits"]), page["total_hits"], len(first["title"])) == (3, 0, 2000)
    assert (first["downloads"], first["categories"], first["installed"], "evil" in first) == (
        0,
        [],
        None,
        False,
    )
