"""Which API, and who we are there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import platformdirs

DEFAULT_API = "http://127.0.0.1:4000"


def config_file() -> Path:
    """Return where the login is kept, readable by its owner only."""
    folder = os.environ.get("ZPACK_CONFIG_DIR") or platformdirs.user_config_dir("zpack", appauthor=False)
    return Path(folder) / "login.json"


def remembered() -> dict[str, str]:
    """Return the remembered API and token."""
    try:
        found = json.loads(config_file().read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(*, api: str, token: str) -> None:
    """Keep API and token for the next command."""
    path = config_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"api": api, "token": token}, file)
    path.chmod(0o600)


def api_and_token(api: str | None, token: str | None) -> tuple[str, str | None]:
    """Return what to use: the option, the environment, what was remembered, the default."""
    known = remembered()
    chosen = api or os.environ.get("ZPACK_API") or known.get("api") or DEFAULT_API
    own = known.get("token") if known.get("api") == chosen else None
    return chosen, token or os.environ.get("ZPACK_TOKEN") or own
