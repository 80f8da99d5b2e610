"""Engine files: those we ship are whole, those that could not work are refused, and what they write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.agent.bench import HERE, agent_beside

from zpack.agent.games.documents import merge_json, merge_properties
from zpack.agent.games.engine import fill, heap_mb
from zpack.agent.games.loader import SHIPPED, EngineFileError, load_engines, parse_engine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import StoreServer

GOOD = (HERE / "games" / "scripted.toml").read_text()
JAVA = {"vanilla", "paper", "purpur", "fabric", "forge", "neoforge"}


def test_the_six_variants_the_one_without_downloads_and_luanti_are_shipped() -> None:
    engines = load_engines(SHIPPED)
    assert {variant for _, variant in engines} == JAVA | {"flying-squid", "minetest"}
    assert all(engines["minecraft", variant].runtime == "java" for variant in JAVA)
    minecraft = [engine for (game, _), engine in engines.items() if game == "minecraft"]
    assert all(engine.stop.words == ("stop",) for engine in minecraft)


def test_java_engines_are_told_to_save_and_are_restored_without_their_jars() -> None:
    for (_, variant), engine in load_engines(SHIPPED).items():
        archiving = engine.archiving
        told = (archiving.flush, archiving.pause, archiving.resume)
        assert told == (("save-all flush", "save-off", "save-on") if variant in JAVA else ("", "", ""))
        assert {"logs"} < set(archiving.skip)
        assert not {"world", "mods", "plugins", "config", "server.properties"} & set(archiving.skip)


@pytest.mark.parametrize("variant", sorted(JAVA))
def test_java_engines_bind_to_the_guests_own_address(variant: str) -> None:
    engine = load_engines(SHIPPED)["minecraft", variant]
    written = {file.path: file for file in engine.files}["server.properties"].enforced
    assert written["server-ip"] == "{bind_ip}"
    assert written["server-port"] == "{port}"
    assert written["enable-status"] is True


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('game = "minecraft"', ""),
        ('game = "minecraft"', "game = 5"),
        ('runtime = "python"', 'runtime = "ruby"'),
        ('ports = ["game"]', "ports = []"),
        ('ports = ["game"]', "ports = [1]"),
        ('kind = "archive"', 'kind = "magic"'),
        ('kind = "archive"', 'kind = "file"'),
        ('kind = "archive"', 'kind = "archive"\ntarget = "x"'),
        ('kind = "archive"', 'kind = "installer"\ntarget = "x"'),
        ('needs = "server.py"', 'needs = "../server.py"'),
        ('needs = "server.py"', 'needs = "/bin/sh"'),
        ('"{match}"]', '"{nonsense}"]'),
        ('words = ["stop"]', 'signal = "SIGNONE"'),
        ('words = ["stop"]', 'signal = "term"'),
        ('command = "stop"', 'command = "a\\nb"'),
        ("grace_seconds = 10", "grace_seconds = 0"),
        ('probe = "minecraft_ping"', 'probe = "hope"'),
        ("timeout_seconds = 20", "timeout_seconds = true"),
        ('pause = "save-off"', ""),
        ('flush = "save-all flush"', 'flush = "a\\nb"'),
        ("confirm_seconds = 20", "confirm_seconds = 0"),
        ('skip = ["server.py", "logs"]', 'skip = ["../x"]'),
        ('path = "settings.json"', 'path = "../../etc/passwd"'),
        ('format = "json"', 'format = "text"'),
        ('folders = ["logs"]', 'folders = ["../logs"]'),
        ("[ready]", "[surprise]\nx = 1\n[ready]"),
        ("[stop]", "[stop"),
        ("[[start]]", "[[begin]]"),
    ],
)
def test_an_engine_file_that_could_not_work_is_refused(old: str, new: str) -> None:
    assert old in GOOD
    with pytest.raises(EngineFileError, match=r"scripted\.toml"):
        parse_engine(GOOD.replace(old, new, 1), source="scripted.toml")


def test_two_files_for_one_engine_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    (tmp_path / "b.toml").write_text(GOOD)
    with pytest.raises(EngineFileError, match="twice"):
        load_engines(tmp_path)


def test_a_placeholder_alone_keeps_its_type() -> None:
    facts: dict[str, str | int] = {"port": 25565, "world": "w"}
    assert fill({"port": "{port}", "text": ["{world}:{port}"], "n": 3}, facts) == {
        "port": 25565,
        "text": ["w:25565"],
        "n": 3,
    }


@pytest.mark.parametrize(("memory", "heap"), [(64, 64), (512, 320), (2048, 1639), (16384, 13108)])
def test_the_heap_leaves_room_in_the_container(memory: int, heap: int) -> None:
    assert heap_mb(memory) == heap


def test_properties_are_merged_line_by_line() -> None:
    old = "#comment\nserver-port=1\nmotd = mine\nserver-port=2\n\npvp: false\n"
    merged = merge_properties(
        old, enforced={"server-port": 25565, "flag": True}, defaults={"motd": "x", "pvp": True, "new": "y"}
    )
    assert merged == "#comment\nserver-port=25565\nmotd = mine\n\npvp: false\nflag=true\nnew=y\n"
    assert merge_properties(merged, enforced={"server-port": 25565, "flag": True}, defaults={}) == merged


def test_a_value_cannot_become_a_second_property() -> None:
    assert merge_properties("", enforced={"motd": "a\nop=é\\"}, defaults={}) == "motd=a\\nop=\\u00e9\\\\\n"


@pytest.mark.parametrize("old", ["", "{", "[]", "null", "[" * 50_000])
def test_a_damaged_json_starts_anew(old: str) -> None:
    assert (
        merge_json(old, enforced={"port": 1}, defaults={"motd": "x"}) == '{\n  "motd": "x",\n  "port": 1\n}\n'
    )


async def test_an_agent_does_not_start_with_a_broken_engine(tmp_path: Path, store: StoreServer) -> None:
    (tmp_path / "bad.toml").write_text("game = 1")
    with pytest.raises(ValueError, match="Expecting value"):  # it said nothing on stdout
        async with agent_beside(tmp_path, store, ZLH_AGENT_GAMES_DIR=str(tmp_path)):
            pass
    assert "bad.toml: game must be of type str" in (tmp_path / "agent.log").read_text()
