"""Which API, and who we are there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from zpack.client.login import Pair

if TYPE_CHECKING:
    from collections.abc import Generator

DEFAULT_API = "http://127.0.0.1:4000"


def config_file() -> Path:
    """Return where the login is kept, readable by its owner only."""
    folder = os.environ.get("ZPACK_CONFIG_DIR") or platformdirs.user_config_dir("zpack", appauthor=False)
    return Path(folder) / "login.json"


def remembered() -> dict[str, str]:
    """Return the remembered API and tokens."""
    try:
        found = json.loads(config_file().read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class Remembered:
    """The login at one API, in a file that all commands of this person share."""

    def __init__(self, api: str) -> None:
        self._api = api

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Wait for other commands that are renewing it."""
        path = config_file()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def read(self) -> Pair | None:
        """Return the tokens, when they are of this API."""
        known = remembered()
        if known.get("api") != self._api or "token" not in known:
            return None
        return Pair(known["token"], known.get("refreshToken"))

    def write(self, pair: Pair) -> None:
        """Replace the file at once: a command that ends half-way must not log its person out."""
        path = config_file()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"api": self._api, "token": pair.token, "refreshToken": pair.refresh_token}, file)
        fresh.replace(path)

    def forget(self) -> None:
        """Remove the file."""
        config_file().unlink(missing_ok=True)


def chosen_api(api: str | None) -> str:
    """Return what to use: the option, the environment, what was remembered, the default."""
    return api or os.environ.get("ZPACK_API") or remembered().get("api") or DEFAULT_API


def given_token(token: str | None) -> str | None:
    """Return the token of the option or of the environment."""
    return token or os.environ.get("ZPACK_TOKEN")
