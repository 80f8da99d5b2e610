"""What the tests of backups stand on: a world worth keeping, its picture, and calls that wait for an end."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from tests.agent.bench import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import Client

SKIPPED = {"server.py", "logs"}
LONG = "plugins/" + "a" * 90 + "/" + "b" * 120 + ".yml"


def picture(folder: Path, *, without: set[str] = SKIPPED) -> dict[str, Any]:
    """Return everything below a folder: kind, mode, time and content."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        about = path.lstat()
        if name.split("/")[0] in without:
            continue
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        found[name] = (stat.filemode(about.st_mode), about.st_mtime_ns, content)
    return found


def without_settings(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out what every start of the server writes anew."""
    return {name: value for name, value in found.items() if name != "settings.json"}


def fill(folder: Path) -> None:
    """Build a world with everything that a backup must keep."""
    (folder / "world" / "region").mkdir(parents=True, exist_ok=True)
    (folder / "world" / "level.dat").write_bytes(b"level one")
    (folder / "world" / "region" / "r.0.0.mca").write_bytes(os.urandom(3 << 20))
    (folder / "world" / "region" / "r.0.1.mca").write_bytes(b"")
    (folder / LONG).parent.mkdir(parents=True)
    (folder / LONG).write_text("key: value")
    (folder / "plugins" / "Größe 🗝.yml").write_text("ü")
    (folder / "world" / "empty").mkdir(mode=0o750)
    (folder / "ops.json").write_text("[]")
    (folder / "ops.json").chmod(0o600)
    (folder / "plugins" / "link.yml").symlink_to("../ops.json")
    (folder / "logs").mkdir(exist_ok=True)
    (folder / "logs" / "latest.log").write_text("not kept")


def spoil(folder: Path) -> None:
    """Change, add and remove."""
    (folder / "world" / "level.dat").write_bytes(b"level two, longer")
    (folder / "world" / "region" / "r.0.0.mca").unlink()
    (folder / "world" / "new").mkdir(exist_ok=True)
    (folder / "world" / "new" / "file").write_text("new")
    (folder / "later.txt").write_text("later")
    (folder / "ops.json").write_text('["griefer"]')


async def made(agent: Client, **body: Any) -> dict[str, Any]:
    """Make a backup and return it."""
    code, answer = await agent.post("/game/backups?wait=25", body or None)
    assert code == 201, answer
    return answer["backup"]


async def ended(agent: Client, operation: dict[str, Any]) -> dict[str, Any]:
    """Wait for the end of an operation and return what it came to."""

    async def over() -> Any:
        _, body = await agent.get(f"/game/backups/operations/{operation['id']}")
        status = await agent.status()
        done = body["operation"]["state"] != "running" and not status["operationInProgress"]
        return body if done else None

    return await eventually(over, seconds=60)


async def restored(agent: Client, backup_id: str) -> dict[str, Any]:
    """Restore, and return what the operation came to."""
    code, body = await agent.post(f"/game/backups/restore?id={backup_id}")
    assert code == 202, body
    return await ended(agent, body["operation"])


def leftovers(agent: Client) -> list[str]:
    """Return every temporary file or folder of the room that is there."""
    found = [
        path for path in (agent.root / ".restore", agent.home / "state" / "restore.json") if path.exists()
    ]
    found += list((agent.home / "backups").glob(".*")) if (agent.home / "backups").exists() else []
    found += list((agent.home / "state").glob("saving-paused.json"))
    return [str(path) for path in found]
