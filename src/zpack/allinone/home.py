"""``ZPACK_HOME``: its folders, its lock, its secrets."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

if TYPE_CHECKING:
    from typing import Self

NAMES = ("api_auth_secret", "agent_secret", "edge_secret", "proxmox_secret")


class HomeBusy(Exception):
    """Another ``zpack up`` runs on this home."""


def default_home() -> Path:
    """Return where data lives when nobody says: ``ZPACK_HOME``, else the user's data folder."""
    given = os.environ.get("ZPACK_HOME")
    return Path(given) if given else Path(platformdirs.user_data_dir("zpack", appauthor=False))


@dataclass(frozen=True)
class Secrets:
    """Generated once per home."""

    api_auth_secret: str
    agent_secret: str
    edge_secret: str
    proxmox_secret: str


class Home:
    """One platform's folder. Enter it to hold its lock."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self._lock: int | None = None
        self._initial = self.path / "initial-admin.json"
        self._greeted = self.path / "admin-created"

    def __enter__(self) -> Self:
        """Make the folders and take the lock. Raises HomeBusy."""
        for folder in ("run", "log", "artifacts", "localpve", "edge", "stripe"):
            (self.path / folder).mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o711)
        for folder in ("run", "log", "localpve", "edge", "stripe"):
            (self.path / folder).chmod(0o700)
        self._lock = os.open(self.path / "run" / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as failure:
            os.close(self._lock)
            raise HomeBusy(
                f"another zpack runs on {self.path}; stop it, or choose another --home"
            ) from failure
        return self

    def __exit__(self, *_: object) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._lock)

    def folder(self, name: str) -> Path:
        """Return a folder below the home."""
        return self.path / name

    def secrets(self) -> Secrets:
        """Return the secrets; the first call makes them, readable by the owner only."""
        path = self.path / "secrets.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        fresh = {name: secrets.token_hex(32) for name in NAMES}
        fresh["proxmox_secret"] = str(uuid.uuid4())  # strict Proxmox clients accept nothing else
        complete = {name: str(found.get(name) or fresh[name]) for name in NAMES}
        if complete != found:
            write_private(path, json.dumps(complete))
        return Secrets(**complete)

    def first_admin(self) -> dict[str, str] | None:
        """Return the first administrator's credentials until they have been shown, else None."""
        if self._greeted.exists():
            return None
        if not self._initial.exists():
            admin = {
                "email": os.environ.get("ZPACK_ADMIN_EMAIL", "admin@localhost"),
                "password": os.environ.get("ZPACK_ADMIN_PASSWORD") or secrets.token_urlsafe(12),
            }
            write_private(self._initial, json.dumps(admin))
        return json.loads(self._initial.read_text())

    def shown_admin(self) -> None:
        """Forget the credentials: they were shown."""
        self._greeted.touch(mode=0o600)
        self._initial.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, all or nothing."""
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
