"""API tokens: ``Authorization: PVEAPIToken=USER@REALM!TOKENID=SECRET``."""

from __future__ import annotations

import hmac

from zpack.localpve.errors import ApiError

SCHEME = "PVEAPIToken="


class Access:
    """Knows one token, which may do everything."""

    def __init__(self, token: str) -> None:
        self._token = token.removeprefix(SCHEME)
        self.user = self._token.partition("=")[0]

    def check(self, header: str | None) -> None:
        """Raise Proxmox's 401 unless the header carries the token."""
        if not header or not header.startswith(SCHEME):
            raise ApiError(401, "No ticket")
        given = header.removeprefix(SCHEME).encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._token.encode()):
            raise ApiError(401, "Authentication failed!")
