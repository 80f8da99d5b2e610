"""Mail by Resend's HTTP API, where one Idempotency-Key for each mail keeps two tries from being two mails."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.mail import NotDelivered, Verdict
from zpack.control.outside.smtp import ascii_where_possible

if TYPE_CHECKING:
    from zpack.control.outside.http import Answer, ForeignHttp
    from zpack.control.outside.mail import Mail

SECONDS = 20.0
UNAUTHORIZED = 401
ALREADY_TAKEN = "invalid_idempotent_request"
"""The key was used for this mail before; only our templates have changed since."""
AT_THIS_MOMENT = "concurrent_idempotent_requests"
SENDING_ONLY = "restricted_api_key"
"""What a key that may send answers to any other question."""
MALFORMED = frozenset({400, 422})


class Resend:
    """Resend, or whoever speaks as it does."""

    name: ClassVar[str] = "resend"

    def __init__(self, *, base_url: str, key: str, http: ForeignHttp) -> None:
        self._base = base_url.rstrip("/")
        self._key = key
        self._http = http

    async def send(self, mail: Mail) -> None:
        """Hand a mail over. Raises NotDelivered."""
        body = {
            "from": mail.sender,
            "to": [ascii_where_possible(mail.recipient)],
            "subject": mail.subject,
            "text": mail.text,
            "html": mail.html,
            "headers": {"X-Entity-Ref-ID": mail.id, "Auto-Submitted": "auto-generated"},
        }
        if mail.reply_to is not None:
            body["reply_to"] = [ascii_where_possible(mail.reply_to)]
        answer = await self._call("POST", "/emails", body=body, idempotency=mail.id)
        word = _word(answer)
        if answer.status < 300 or word == ALREADY_TAKEN:  # noqa: PLR2004 - any 2xx is yes
            return
        raise NotDelivered(f"Resend answered {answer.status} {word}", _verdict(answer.status, word))

    async def check(self) -> None:
        """Ask something cheap with our key. Raises NotDelivered."""
        answer = await self._call("GET", "/domains")
        word = _word(answer)
        if answer.status >= 300 and word != SENDING_ONLY:  # noqa: PLR2004 - any 2xx is yes
            raise NotDelivered(f"Resend answered {answer.status} {word}", "elsewhere")

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()

    async def _call(self, method: str, path: str, *, body: object = None, idempotency: str = "") -> Answer:
        headers = {"Authorization": f"Bearer {self._key}"}
        if idempotency:
            headers["Idempotency-Key"] = idempotency
        try:
            return await self._http.request(
                method, self._base + path, budget=Budget.seconds(SECONDS), headers=headers, json_body=body
            )
        except ForeignError as failure:
            verdict = "unknown" if failure.timed_out else "elsewhere"
            raise NotDelivered(failure.message, verdict) from failure


def _verdict(status: int, word: str) -> Verdict:
    if status in MALFORMED:
        return "never"
    return "unknown" if status >= 500 or word == AT_THIS_MOMENT else "elsewhere"  # noqa: PLR2004 - HTTP


def _word(answer: Answer) -> str:
    body = answer.json
    return str(body.get("name", "")) if isinstance(body, dict) else ""
