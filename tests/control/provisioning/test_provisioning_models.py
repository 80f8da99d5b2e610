"""The tables behind the agent's payload (contract §5.3, §5.4)."""

from __future__ import annotations

import pytest

from zpack.control.instances.models import hostname_for, is_marked, is_ours, made_by, owner_of
from zpack.control.provisioning.models import agent_payload, artifact_path, java_path


@pytest.mark.parametrize(
    ("version", "java"),
    [
        ("1.7.10", 8), ("1.16.5", 8), ("1.17", 16), ("1.17.1", 16), ("1.18", 17), ("1.20.4", 17),
        ("1.20.5", 21), ("1.21", 21), ("1.21.4", 21), ("26.1", 25), ("latest", 25),
    ],
)  # fmt: skip
def test_each_version_gets_the_java_it_needs(version: str, java: int) -> None:
    assert java_path("minecraft", "paper", version) == f"java/{java}/OpenJDK{java}.tar.gz"


@pytest.mark.parametrize(
    ("variant", "path"),
    [
        ("vanilla", "minecraft/vanilla/1.21/server.jar"),
        ("paper", "minecraft/paper/1.21/server.jar"),
        ("purpur", "minecraft/purpur/1.21/server.jar"),
        ("fabric", "minecraft/fabric/1.21/fabric-server.jar"),
        ("forge", "minecraft/forge/1.21/forge-installer.jar"),
        ("neoforge", "minecraft/neoforge/1.21/neoforge-installer.jar"),
        ("flying-squid", "minecraft/flying-squid/1.21/server.tar.gz"),
        ("quilt", None),
    ],
)
def test_each_variant_has_its_file(variant: str, path: str | None) -> None:
    assert artifact_path("minecraft", variant, "1.21") == path


def test_an_engine_without_java_asks_for_none() -> None:
    assert java_path("minecraft", "flying-squid", "1.21.4") == ""


def test_luanti_is_a_program_of_its_own() -> None:
    assert artifact_path("luanti", "minetest", "5.6.1") == "luanti/minetest/5.6.1/server.tar.gz"
    assert java_path("luanti", "minetest", "5.6.1") == ""
    assert artifact_path("chess", "paper", "1") is None


def test_host_names_are_short() -> None:
    assert hostname_for(ctype="game", vmid=5013, game="minecraft", variant="paper") == "mc-paper-5013"
    assert hostname_for(ctype="game", vmid=5013, game="minecraft") == "mc-5013"
    assert hostname_for(ctype="game", vmid=5013, game="rust") == "rust-5013"
    assert hostname_for(ctype="dev", vmid=6001) == "dev-6001"


@pytest.mark.parametrize(
    ("vmid", "ours"), [(4999, False), (5000, True), (6999, True), (7000, False), (820, False)]
)
def test_only_our_ranges_are_ours(vmid: int, ours: bool) -> None:
    assert is_ours(vmid) is ours


@pytest.mark.parametrize(
    ("description", "tags", "marked"),
    [
        ("zpack operation=a owner=b", "", True), ("", "zpack", True), ("", "web;zpack", True),
        ("not zpack", "", False), ("zpacked", "zpack2", False), (None, None, False),
    ],
)  # fmt: skip
def test_a_mark_is_a_whole_word(description: str | None, tags: str | None, marked: bool) -> None:
    assert is_marked(description, tags) is marked


def test_a_description_names_operation_and_owner() -> None:
    text = "zpack operation=op_1 owner=u-1\n"
    assert (made_by(text, "op_1"), made_by(text, "op_"), owner_of(text)) == (True, False, "u-1")


def test_a_dev_payload_says_what_was_asked_for_and_nothing_else() -> None:
    wanted = {"container_type": "dev", "runtime": "node", "version": "24", "memory": 1024, "addons": []}
    plain = {"vmid": 6001, "container_type": "dev", "runtime": "node", "version": "24", "memory_mb": 1024}
    assert agent_payload({"vmid": 6001, "request": wanted}) == plain
    asked = agent_payload({"vmid": 6001, "request": wanted | {"enable_code_server": True}})
    assert asked == plain | {"enable_code_server": True}
