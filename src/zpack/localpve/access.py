"""API tokens: ``Authorization: PVEAPIToken=USER@REALM!TOKENID=SECRET``."""

from __future__ import annotations

import hmac
import re

from zpack.localpve.errors import ApiError

SCHEME = "PVEAPIToken="
FORM = re.compile(r"[^\s:/!@=]+@[\w.-]+![\w.-]+=\S+", re.ASCII)


class Access:
    """Knows one token, which may do everything."""

    def __init__(self, token: str) -> None:
        """Take ``USER@REALM!TOKENID=SECRET``. Raises ValueError."""
        self._token = token.removeprefix(SCHEME)
        if not FORM.fullmatch(self._token):
            raise ValueError("the token must look like USER@REALM!TOKENID=SECRET")
        self.user = self._token.partition("=")[0]

    def check(self, header: str | None) -> None:
        """Raise Proxmox's 401 unless the header carries the token."""
        if not header or not header.startswith(SCHEME):
            raise ApiError(401, "No ticket", body="none")
        given = header.removeprefix(SCHEME).encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._token.encode()):
            raise ApiError(401, "Authentication failed!", body="none")
