"""A Discord webhook. Its URL is a credential: it appears in no error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from zpack.control.outside.http import ForeignHttp

SECONDS = 10.0
LIMIT = 2000
BUSY = 429
LONGEST = 3600.0


class Discord:
    """Posts short messages that mention nobody."""

    def __init__(self, *, webhook: str, http: ForeignHttp) -> None:
        self._webhook = webhook
        self._http = http
        self.retry_after = 0.0
        """What Discord asked us to wait when it last refused."""

    async def post(self, text: str) -> None:
        """Post one message, cut to what Discord takes. Raises ForeignError."""
        body = {"content": text[:LIMIT], "allowed_mentions": {"parse": []}}
        answer = await self._http.request(
            "POST", self._webhook, budget=Budget.seconds(SECONDS), json_body=body, limit=1 << 16
        )
        self.retry_after = 0.0
        if answer.status < 300:  # noqa: PLR2004 - any 2xx is yes
            return
        if answer.status == BUSY:
            self.retry_after = _seconds(answer.json)
        transient = answer.status == BUSY or answer.status >= 500  # noqa: PLR2004 - HTTP classes
        raise ForeignError(f"Discord answered {answer.status}", transient=transient, status=answer.status)

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()


def _seconds(body: object) -> float:
    value = body.get("retry_after") if isinstance(body, dict) else None
    known = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return min(float(value), LONGEST) if known else 0.0  # type: ignore[arg-type]
