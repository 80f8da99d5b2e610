"""What the edge is told, and what it refuses to be told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.edge.world import SECRET, Door, GameServer, edge_here, eventually

from zpack.edge.settings import SettingsError, read_settings

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {"ZPACK_SECRET": SECRET}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EDGE_PORT", "65536"),
        ("EDGE_PORT", "x"),
        ("EDGE_REGISTRY_PORT", "-1"),
        ("EDGE_IDLE_SECONDS", "nan"),
        ("EDGE_PING_SECONDS", "0"),
        ("EDGE_MAX_CONNECTIONS", "0"),
        ("EDGE_PROXY_PROTOCOL_FROM", "everyone"),
        ("EDGE_PROXY_PROTOCOL_TO_BACKENDS", "yes"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings([], {**GOOD, name: value})


def test_without_a_secret_it_does_not_start() -> None:
    with pytest.raises(SettingsError, match="ZPACK_SECRET"):
        read_settings([], {})


def test_the_plugin_name_of_the_secret_is_understood() -> None:
    assert read_settings([], {"ZPACK_SHARED_SECRET": SECRET}).secret == SECRET


def test_the_command_line_comes_first() -> None:
    settings = read_settings(["--port", "0", "--home", "/x"], {**GOOD, "EDGE_PORT": "1", "EDGE_HOME": "/y"})
    assert (settings.port, str(settings.home)) == (0, "/x")


def test_the_secret_is_not_printed() -> None:
    assert SECRET not in repr(read_settings([], GOOD))


async def test_a_table_that_cannot_be_written_is_503_and_unchanged(tmp_path: Path) -> None:
    async with edge_here(tmp_path) as door:
        (tmp_path / "registry.new").mkdir()
        status, answer = await _register(door)
        assert (status, answer["error"]) == (503, "table_not_writable")
        assert await door.listed() == []
        (tmp_path / "registry.new").rmdir()
        assert (await _register(door))[0] == 200


async def _register(door: Door) -> tuple[int, dict[str, str]]:
    return await door.post("register", json={"server_name": "mc-a", "address": "127.0.0.9", "port": 1})


async def test_players_may_finish_while_the_edge_drains(door: Door, alpha: GameServer) -> None:
    assert door.edge is not None
    _, reader, writer = await door.join("mc-alpha")
    leaving = asyncio.create_task(door.edge.players.close(drain_seconds=30))
    await eventually(lambda: alpha.seen and door.edge is not None and not door.edge.players.listening)
    writer.write(b"still here")
    assert await reader.readexactly(10) == b"still here"
    with pytest.raises(ConnectionRefusedError):
        await door.connect()
    writer.close()
    await asyncio.wait_for(leaving, 25)
