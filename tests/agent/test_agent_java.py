"""Which Java runs which Minecraft, and where it comes from; jars, installers and seeds."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.agent.bench import HERE, agent_here, tarball

from zpack.agent.install.java import JavaTable, java_major

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.agent.bench import Client, StoreServer

TABLE = JavaTable()
# A "Java" that says its version, runs a "jar" as Python, and builds a server when it is given an installer.
JAVA = """#!/bin/sh
for last; do :; done
case "$*" in
  -version) echo 'openjdk version "{major}.0.1" 2026-01-01' >&2;;
  *--installServer) echo installing; [ -e refuse ] && exit 9
    dir=libraries/net/minecraftforge/forge/1.21.4-54.0.1; mkdir -p $dir; cp server.txt $dir/unix_args.txt;;
  *) exec python3 -c 'import runpy, sys
given = [a.lstrip("@") for a in sys.argv[1:]]
print("java {major}", *given, flush=True)
runpy.run_path(next(a for a in given if a.endswith((".jar", "unix_args.txt"))))' "$@";;
esac
"""
SERVER = (HERE / "scripted" / "server.py").read_text()
# As a jar it must find host and port where a real server does: in server.properties.
JAR = SERVER.replace(
    'json.loads(pathlib.Path("settings.json").read_text())',
    '(lambda p: {"host": p["server-ip"], "port": int(p["server-port"]), "motd": p["motd"], "version": "x"})('
    'dict(l.split("=", 1) for l in open("server.properties") if "=" in l))',
).replace('"server-ip"]', '"server-ip"].strip()')


@pytest.mark.parametrize(
    ("version", "major"),
    [("1.7.10", 8), ("1.8.8", 8), ("1.12.2", 8), ("1.16.5", 8), ("1.17", 16), ("1.17.1", 16), ("1.18", 17),
     ("1.19.4", 17), ("1.20", 17), ("1.20.4", 17), ("1.20.5", 21), ("1.20.5-pre1", 21), ("1.20.6", 21),
     ("1.21", 21), ("1.21.4", 21), ("1.21.11", 21), ("26.1", 25), ("26.2.1", 25), ("26.1-snapshot-3", 25),
     ("27.1", 25), ("latest", 25), ("21w08b", 8), ("21w19a", 16), ("22w24a", 17), ("24w14a", 21),
     ("25w46a", 25), ("b1.7.3", 25), ("0.0", 8)],
)  # fmt: skip
def test_the_table(version: str, major: int) -> None:
    assert TABLE.rule(version).major == major
    assert major in TABLE.rule(version).accepts


@pytest.mark.parametrize(
    ("said", "major"),
    [('openjdk version "17.0.15" 2025-04-15', 17), ('java version "1.8.0_402"', 8), ('version "25" x', 25),
     ("command not found", None)],
)  # fmt: skip
def test_what_java_says_of_itself(said: str, major: int | None) -> None:
    assert java_major(said) == major


def put_java(store: StoreServer, major: int) -> str:
    path = f"java/{major}/OpenJDK{major}.tar.gz"
    store.put(path, tarball({f"jdk-{major}/bin/java": JAVA.format(major=major).encode()}))
    return path


def local_java(folder: Path, major: int) -> str:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").write_text(JAVA.format(major=major))
    (folder / "bin" / "java").chmod(0o755)
    return str(folder)


@pytest.fixture
async def java_agent(tmp_path: Path, store: StoreServer) -> AsyncIterator[Client]:
    store.put("minecraft/vanilla/1.21.4/server.jar", JAR.encode())
    async with agent_here(tmp_path, store, ZPACK_JAVA_DIR=local_java(tmp_path / "own", 21)) as client:
        yield client


def jar(agent: Client, **changes: object) -> dict[str, object]:
    path = "minecraft/vanilla/1.21.4/server.jar"
    return agent.payload(**({"variant": "vanilla", "artifact_path": path} | changes))


async def started(agent: Client, payload: dict[str, object]) -> str:
    assert (await agent.post("/config", payload))[0] == 202
    await agent.reaches("running")
    return await agent.said("java ")


async def test_the_payloads_java_is_installed_and_used(java_agent: Client, store: StoreServer) -> None:
    said = await started(java_agent, jar(java_agent, java_path=put_java(store, 25)))
    assert said.startswith("java 25 -Xms320M -Xmx320M -jar server.jar nogui")
    assert (java_agent.root / "runtime" / "java" / "25" / "bin" / "java").is_file()


async def test_a_java_of_the_machine_does_when_the_store_has_none(java_agent: Client) -> None:
    assert (await started(java_agent, jar(java_agent, java_path=""))).startswith("java 21 ")


async def test_a_java_path_that_is_not_listed_yields_to_an_accepted_local_one(java_agent: Client) -> None:
    java_path = "java/21/OpenJDK21.tar.gz"
    assert (await started(java_agent, jar(java_agent, java_path=java_path))).startswith("java 21 ")


async def test_an_unfit_local_java_is_not_used(tmp_path: Path, store: StoreServer) -> None:
    store.put("minecraft/vanilla/1.12.2/server.jar", JAR.encode())
    async with agent_here(tmp_path, store, ZPACK_JAVA_DIR=local_java(tmp_path / "own", 21)) as agent:
        payload = jar(agent, version="1.12.2", artifact_path="minecraft/vanilla/1.12.2/server.jar")
        await agent.post("/config", payload)
        assert "java/8/OpenJDK8.tar.gz is not listed" in (await agent.reaches("error"))["error"]
        put_java(store, 8)
        assert (await started(agent, payload)).startswith("java 8 ")


async def test_an_archive_without_java_is_an_error(java_agent: Client, store: StoreServer) -> None:
    store.put("java/21/x.tar.gz", tarball({"readme": b"x"}))
    await java_agent.post("/config", jar(java_agent, java_path="java/21/x.tar.gz"))
    assert "holds no bin/java" in (await java_agent.reaches("error"))["error"]


async def test_a_jar_gets_its_properties_and_the_eula(java_agent: Client) -> None:
    await started(java_agent, jar(java_agent))
    folder = java_agent.root / "minecraft" / "vanilla" / "world"
    assert (folder / "eula.txt").read_text() == "eula=true\n"
    assert f"server-port={java_agent.port}\n" in (folder / "server.properties").read_text()


async def test_fabric_is_seeded_before_its_first_start(java_agent: Client, store: StoreServer) -> None:
    store.put("minecraft/fabric/1.21.4/fabric-server.jar", JAR.encode())
    store.put("minecraft/fabric/1.21.4/mods/fabric-api.jar", b"api")
    store.put("minecraft/fabric/1.21.4/mods/deeper/no.jar", b"no")
    path = "minecraft/fabric/1.21.4/fabric-server.jar"
    await started(java_agent, jar(java_agent, variant="fabric", artifact_path=path))
    mods = java_agent.root / "minecraft" / "fabric" / "world" / "mods"
    assert [m.name for m in mods.iterdir()] == ["fabric-api.jar"]


async def test_forges_installer_runs_and_its_arguments_start_the_server(
    java_agent: Client, store: StoreServer
) -> None:
    path = "minecraft/forge/1.21.4/forge-installer.jar"
    store.put(path, b"installer")
    folder = java_agent.root / "minecraft" / "forge" / "world"
    folder.mkdir(parents=True)
    (folder / "server.txt").write_text(JAR)
    said = await started(java_agent, jar(java_agent, variant="forge", artifact_path=path))
    assert said.endswith("libraries/net/minecraftforge/forge/1.21.4-54.0.1/unix_args.txt nogui")


async def test_a_failing_installer_is_the_reason(java_agent: Client, store: StoreServer) -> None:
    path = "minecraft/forge/1.21.4/forge-installer.jar"
    store.put(path, b"installer")
    folder = java_agent.root / "minecraft" / "forge" / "world"
    folder.mkdir(parents=True)
    (folder / "refuse").touch()
    await java_agent.post("/config", jar(java_agent, variant="forge", artifact_path=path))
    assert "Forge's installer ended with code 9" in (await java_agent.reaches("error"))["error"]


async def test_a_java_that_vanished_is_installed_again(java_agent: Client, store: StoreServer) -> None:
    await started(java_agent, jar(java_agent, java_path=put_java(store, 25)))
    await java_agent.post("/stop")
    shutil.rmtree(java_agent.root / "runtime")
    await java_agent.post("/start")
    await java_agent.reaches("running")
