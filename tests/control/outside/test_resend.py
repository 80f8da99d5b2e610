"""Mail by Resend, against a server of its documented shape that Resend's own client accepts as Resend."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import resend as official

from tests.support.ports import free_port
from tests.support.resend import KEY, resend_server
from zpack.control.outside import resend
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.mail import Mail, NotDelivered
from zpack.control.outside.resend import Resend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LETTER: dict[str, Any] = {"from": "a@example.org", "to": ["b@example.org"], "subject": "s", "text": "t"}


@asynccontextmanager
async def road(url: str, key: str = KEY) -> AsyncIterator[Resend]:
    made = Resend(base_url=url, key=key, http=ForeignHttp(name="Resend"))
    yield made
    await made.close()


def mail(**change: Any) -> Mail:
    values = {"subject": "Choose", "text": "http://link", "html": "<p>link</p>"} | change
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    return Mail(
        id="mail_1", sender="Us <us@example.org>", recipient="ann@example.org", created_at=noon, **values
    )


async def test_a_mail_arrives_whole() -> None:
    async with resend_server() as server, road(server.url) as way:
        await way.check()
        await way.send(mail())
    assert server.mails == [
        {
            "from": "Us <us@example.org>",
            "to": ["ann@example.org"],
            "subject": "Choose",
            "text": "http://link",
            "html": "<p>link</p>",
            "headers": {"X-Entity-Ref-ID": "mail_1", "Auto-Submitted": "auto-generated"},
        }
    ]


@pytest.mark.parametrize("change", [{}, {"subject": "another release's words"}])
async def test_the_same_mail_again_is_not_another_mail(change: dict[str, str]) -> None:
    async with resend_server() as server, road(server.url) as way:
        await way.send(mail())
        await way.send(mail(**change))
    assert (server.tries, len(server.mails)) == (2, 1)


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        ((401, "missing_api_key"), "elsewhere"),
        ((403, "validation_error"), "elsewhere"),
        ((409, "concurrent_idempotent_requests"), "unknown"),
        ((422, "validation_error"), "never"),
        ((429, "rate_limit_exceeded"), "elsewhere"),
        ((429, "daily_quota_exceeded"), "elsewhere"),
        ((500, "application_error"), "unknown"),
    ],
)
async def test_what_a_refusal_means(refusal: tuple[int, str], expected: str) -> None:
    async with resend_server(refusal=refusal) as server, road(server.url) as way:
        with pytest.raises(NotDelivered, match=refusal[1]) as caught:
            await way.send(mail())
    assert caught.value.verdict == expected
    assert "@" not in caught.value.message


async def test_an_answer_that_is_lost_is_asked_for_again_without_a_second_mail() -> None:
    async with resend_server(manner="drop") as server, road(server.url) as way:
        with pytest.raises(NotDelivered) as caught:
            await way.send(mail())
        server.manner = ""
        await way.send(mail())
    assert (caught.value.verdict, len(server.mails)) == ("unknown", 1)


async def test_a_server_that_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resend, "SECONDS", 0.3)
    async with resend_server(manner="hang") as server, road(server.url) as way:
        with pytest.raises(NotDelivered) as caught:
            await way.send(mail())
    assert caught.value.verdict == "unknown"


async def test_a_wrong_key_is_said_before_the_first_mail() -> None:
    async with resend_server() as server, road(server.url, "re_wrong") as way:
        with pytest.raises(NotDelivered, match="403 invalid_api_key"):
            await way.check()


async def test_nobody_there() -> None:
    async with road(f"http://127.0.0.1:{free_port()}") as way:
        with pytest.raises(NotDelivered) as caught:
            await way.send(mail())
    assert caught.value.verdict == "elsewhere"


async def test_resends_own_client_takes_our_server_for_resend(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin is judged by the vendor's client, not by ours."""
    async with resend_server() as server:
        monkeypatch.setattr(official, "api_url", server.url)
        monkeypatch.setattr(official, "api_key", KEY)
        first, again = [await _officially(LETTER) for _ in range(2)]
        assert first == again
        with pytest.raises(official.exceptions.ResendError):
            await _officially(LETTER | {"text": "other"})
        monkeypatch.setattr(official, "api_key", "re_wrong")
        with pytest.raises(official.exceptions.InvalidApiKeyError):
            await _officially(LETTER)
    assert server.mails == [LETTER]


async def _officially(letter: dict[str, Any]) -> str:
    sent = await asyncio.to_thread(official.Emails.send, letter, {"idempotency_key": "k1"})  # pyright: ignore[reportCallIssue]
    return sent["id"]
