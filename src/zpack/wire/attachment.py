"""The headers under which somebody's file is sent: whatever it holds, a browser saves it and runs nothing."""

from __future__ import annotations

from urllib.parse import quote

SAFE_HEADERS = {
    "Content-Type": "application/octet-stream",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "bytes",
}


def disposition(path: str) -> str:
    """Return a ``Content-Disposition`` that saves under the path's last name, in any browser."""
    name = path.rpartition("/")[2]
    plain = "".join(char if " " <= char <= "~" and char not in '"\\%' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
