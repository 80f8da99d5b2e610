"""Traefik's file provider: one file per server, and a real Traefik that reads them."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.luanti import luanti, pinged
from tests.support.traefik import RealTraefik, own_address, quick
from tests.support.waiting import eventually
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.traefik import Traefik
from zpack.control.outside.traefik_files import TraefikFiles
from zpack.control.outside.traefik_words import IdeHosts, ide_config, static_config
from zpack.control.publishing.models import Endpoint, Place
from zpack.control.publishing.traefik import ByFile, TraefikLink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

HOST = own_address()
PORTS = (("udp", 30000), ("udp", 30001))
IDE = IdeHosts(None, ("http://127.0.0.1:4000",), "web", tls=False)
BROKEN = "http:\n  routers: [unclosed\n"
UNKNOWN_SERVICE = {"udp": {"routers": {"theirs": {"entryPoints": ["udp-30001"], "service": "nobody"}}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "dynamic"
    made.mkdir()
    return made


def link_of(folder: Path, *, api: bool = False, seconds: float = 8.0) -> TraefikLink:
    files = TraefikFiles(directory=folder, base=ide_config(IDE), ports=PORTS)
    http = ForeignHttp(name="Traefik")
    traefik = Traefik(base_url=f"http://{HOST}:8099", authorization=None, http=http) if api else None
    return TraefikLink(driver=ByFile(files=files), traefik=traefik, has_port=lambda *_: True, seconds=seconds)


@pytest.fixture
async def link(folder: Path) -> AsyncIterator[TraefikLink]:
    made = link_of(folder, api=True)
    yield made
    await made.close()


@pytest.fixture
def traefik(folder: Path, tmp_path: Path) -> Iterator[RealTraefik]:
    provider = {"file": {"directory": str(folder), "watch": True}}
    config = quick(static_config(PORTS, host=HOST, provider=provider, ide=IDE), HOST)
    with RealTraefik(tmp_path, config, HOST) as running:
        yield running


def server(vmid: int = 5000, number: int = 30000, **changed: Any) -> Place:
    found = {"vmid": vmid, "hostname": f"luanti-{vmid}", "fqdn": "l.test", "ip": HOST, "ctype": "game"}
    endpoint = Endpoint("luanti", "udp", number, 40000)
    return Place(**(found | {"game": "luanti", "endpoints": (endpoint,)} | changed))


async def test_a_server_comes_and_goes(link: TraefikLink, traefik: RealTraefik, tmp_path: Path) -> None:
    with luanti(tmp_path / "game", HOST, 40000):
        said = await link.put(server())
        assert (said["file"], said["verified"]) == ("zpack-server-luanti-5000.yml", True)
        await eventually(lambda: pinged(HOST, 30000), what="an answer")
        assert (await link.drop(server()))["verified"]
        assert not await pinged(HOST, 30000), "the last file is gone, and Traefik leads there still"


async def test_a_foreign_file_that_is_broken_is_named(
    link: TraefikLink, traefik: RealTraefik, folder: Path, tmp_path: Path
) -> None:
    with luanti(tmp_path / "game", HOST, 40000):
        await link.put(server())
        await eventually(lambda: pinged(HOST, 30000), what="an answer")
        (folder / "theirs.yml").write_text(BROKEN)
        hasty = link_of(folder, api=True, seconds=1)
        with pytest.raises(ForeignError, match=r"not taken up luanti-5001 .* broken beside it: theirs\.yml"):
            await hasty.put(server(5001, 30001))
        await hasty.close()
        assert await pinged(HOST, 30000), "what Traefik knew before goes on"
        (folder / "theirs.yml").unlink()
        assert (await link.put(server(5001, 30001)))["verified"]


async def test_an_unknown_service_harms_only_itself(
    link: TraefikLink, traefik: RealTraefik, folder: Path
) -> None:
    (folder / "theirs.yml").write_text(json.dumps(UNKNOWN_SERVICE))
    assert (await link.put(server()))["verified"]


async def test_one_name_for_writing_looking_and_removing(folder: Path) -> None:
    link = link_of(folder)
    said = await link.put(server())
    assert said["detail"] == "acknowledged, unverified"
    assert await link.listed() == {"luanti-5000": link.wanted(server())} != {}
    await link.drop(server(endpoints=(), ip=""))
    assert await link.listed() == {}
    assert [path.name for path in folder.iterdir()] == ["zpack-base.yml"]


async def test_what_is_listed_differs_after_a_move_or_damage(folder: Path) -> None:
    link = link_of(folder)
    await link.put(server())
    assert (await link.listed() or {})["luanti-5000"] != link.wanted(server(ip="10.0.0.9"))
    (folder / "zpack-server-luanti-5000.yml").write_text("{")
    assert await link.listed() == {"luanti-5000": ""}


async def test_foreign_files_are_never_touched(folder: Path) -> None:
    link = link_of(folder)
    theirs = ["theirs.yml", "luanti-5000.yml", "zpack-server-Luanti.yml", "zpack-server-a.yml.bak", ".b.tmp"]
    for name in theirs:
        (folder / name).write_text(BROKEN)
    await link.put(server())
    assert set(await link.listed() or {}) == {"luanti-5000"}
    await link.drop(server())
    assert {name: (folder / name).read_text() for name in theirs} == dict.fromkeys(theirs, BROKEN)


async def test_a_half_written_file_is_never_read_and_swept_later(folder: Path) -> None:
    link, half, young = link_of(folder), folder / ".zpack-old.tmp", folder / ".zpack-now.tmp"
    half.touch()
    young.touch()
    os.utime(half, (time.time() - 3600,) * 2)
    assert await link.listed() == {}
    assert (half.exists(), young.exists()) == (False, True)


async def test_one_port_leads_to_one_server(folder: Path) -> None:
    link = link_of(folder)
    await link.put(server())
    with pytest.raises(ForeignError, match="30000/udp leads to another server"):
        await link.put(server(5001))
    assert list(await link.listed() or {}) == ["luanti-5000"]


async def test_nothing_is_written_again_that_lies_there(folder: Path) -> None:
    link = link_of(folder)
    await link.put(server())
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    await link.put(server())
    assert {path.name: path.stat().st_ino for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["../../etc/x", "a/b", "", "x\n", "UP", "a" * 64, "zpack_x", "é"])
async def test_names_that_are_none(folder: Path, name: str) -> None:
    link = link_of(folder)
    with pytest.raises(ForeignError, match="cannot be written down"):
        await link.put(server(hostname=name))
    await link.drop(server(hostname=name))
    assert not list(folder.parent.rglob("zpack-server*"))


async def test_a_folder_that_is_away_is_told_and_may_come_back(folder: Path) -> None:
    folder.rmdir()
    with pytest.raises(ForeignError, match="No such file") as away:
        await link_of(folder).put(server())
    assert away.value.transient


async def test_an_api_that_is_away_verifies_nothing(folder: Path) -> None:
    link = link_of(folder, api=True)
    said = await link.put(server())
    assert said["detail"] == "acknowledged, unverified: Traefik cannot be reached"
    with pytest.raises(ForeignError):
        await link.check()
    await link.close()


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        (server(), True),
        (server(game="minecraft"), False),
        (server(ctype="dev"), False),
        (server(endpoints=()), False),
        (server(number=30009), False),
    ],
)
def test_who_is_led_by_traefik(folder: Path, place: Place, wanted: bool) -> None:
    files = TraefikFiles(directory=folder, base={}, ports=PORTS)
    link = TraefikLink(driver=ByFile(files=files), traefik=None, has_port=lambda *port: port in PORTS)
    assert link.wants(place) is wanted
