"""A template from Debian, booted: ``make test-template``."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.agent.bench import HERE, Client, scripted_store
from tests.agent.bench import eventually as until
from tests.localpve.lxc_world import lxc_world
from zpack.localpve.backends.lxc_config import first_id
from zpack.template.recipe import USER_ID

if TYPE_CHECKING:
    from zpack.localpve.backends.base import Guest

pytestmark = [pytest.mark.template, pytest.mark.timeout(1200)]
VMID = 5001


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if given := os.environ.get("ZPACK_TEMPLATE"):
        return Path(given)
    out = tmp_path_factory.mktemp("template") / "template.tar.zst"
    subprocess.run((sys.executable, "-m", "zpack.template", "build", "--out", str(out)), check=True)
    return out


def game_owner(guest: Guest) -> int:
    """The host's user id of the game in the guest."""
    owners = [path.stat().st_uid for path in Path("/proc").iterdir() if _is_game(path)]
    return next(uid for uid in owners if uid >= first_id(guest.vmid))


def _is_game(path: Path) -> bool:
    try:
        return path.name.isdigit() and b"server.py" in (path / "cmdline").read_bytes()
    except OSError:
        return False


async def test_the_agent_of_a_booted_template_runs_a_game_as_its_user(tmp_path: Path, archive: Path) -> None:
    rootfs = tmp_path / "templates/820/rootfs"
    rootfs.mkdir(parents=True)
    subprocess.run(("tar", "-xf", archive, "--numeric-owner", "-C", rootfs), check=True)
    tmp_path.chmod(0o711)
    async with (
        lxc_world(tmp_path) as world,
        scripted_store().serving() as store,
        aiohttp.ClientSession() as http,
    ):
        env = {
            "ZLH_AGENT_HOST": "{ip}", "ARTIFACT_BASE_URL": store.url, "ZLH_AGENT_GAMES_DIR": str(HERE / "games"),
        }  # fmt: skip
        guest = world.guest("", vmid=VMID)
        template = replace(
            guest.template, init=("/opt/zlh-agent/zlh-agent-start",), env=env, mounts=(str(HERE / "games"),)
        )
        guest = replace(guest, template=template)
        await world.backend.clone(guest)
        await world.backend.start(guest)
        client = Client(http, f"http://{guest.ip}:18888", tmp_path, tmp_path, 25565)
        await until(lambda: healthy(client), seconds=120)
        await client.run()
        assert game_owner(guest) == first_id(VMID) + USER_ID
        await world.backend.shutdown(guest, timeout=60)


async def healthy(client: Client) -> Any:
    try:
        return await client.get("/health") == (200, "ok")
    except (TimeoutError, aiohttp.ClientError, OSError):
        return False
