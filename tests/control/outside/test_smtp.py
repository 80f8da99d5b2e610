"""Mail by SMTP, against a real server with real TLS: what is taken, and what each refusal means."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.ports import free_port
from tests.support.smtp import PASSWORD, USER, Certificates, MailServer, mail_server
from zpack.control.outside.mail import Mail, NotDelivered
from zpack.control.outside.smtp import Smtp

if TYPE_CHECKING:
    import ssl

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


def mail(**change: Any) -> Mail:
    values: dict[str, Any] = {
        "id": "mail_1",
        "sender": "ZeroLag Hub Support <support@zerolaghub.com>",
        "recipient": "ann@example.org",
        "subject": "Choose",
        "text": "http://link",
        "html": "<p>Häuser</p>",
        "created_at": NOON,
    }
    return Mail(**(values | change))


def road(
    port: int, *, secure: bool = False, login: bool = False, tls: ssl.SSLContext | None = None, **more: Any
) -> Smtp:
    user, password = (USER, PASSWORD) if login else (None, None)
    values: dict[str, Any] = {"host": "127.0.0.1", "user": user, "password": password, "seconds": 5.0}
    return Smtp(**(values | {"port": port, "secure": secure, "tls": tls} | more))


async def verdict(way: Smtp, letter: Mail | None = None) -> str:
    with pytest.raises(NotDelivered) as caught:
        await way.send(letter or mail())
    assert "@" not in caught.value.message
    return caught.value.verdict


async def test_a_mail_arrives_whole(certificates: Certificates) -> None:
    async with mail_server() as server:
        await road(server.port).send(mail())
    (got,) = server.mails
    assert got["From"] == "ZeroLag Hub Support <support@zerolaghub.com>"
    assert (got["To"], got["Subject"]) == ("ann@example.org", "Choose")
    assert (got["Message-ID"], got["Auto-Submitted"]) == ("<mail_1@zerolaghub.com>", "auto-generated")
    assert got["Date"].datetime == NOON
    assert [part.get_content_type() for part in got.iter_parts()] == ["text/plain", "text/html"]
    html = got.get_body(("html",))
    assert html is not None
    assert "Häuser" in html.get_content()


@pytest.mark.parametrize("login", [False, True])
@pytest.mark.parametrize("kind", ["at_once", "starttls"])
@pytest.mark.seed("S85")
async def test_tls_and_login(certificates: Certificates, kind: str, login: bool) -> None:
    async with mail_server(login=login, **{kind: certificates.server()}) as server:
        way = road(server.port, secure=kind == "at_once", login=login, tls=certificates.client())
        await way.check()
        await way.send(mail())
    assert server.secured == [True]
    assert set(server.logins) == ({USER} if login else set())


async def test_a_password_may_cross_this_machine_in_clear() -> None:
    async with mail_server(login=True) as server:
        await road(server.port, login=True).send(mail())
    assert server.secured == [False]


async def test_a_password_never_crosses_a_network_in_clear() -> None:
    async with mail_server(login=True, host=own_address()) as server:
        assert await verdict(road(server.port, host=own_address(), login=True)) == "elsewhere"
    assert (server.logins, server.mails) == ([], [])


def own_address() -> str:
    """Return an address of this machine that is not a loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing
        return str(probe.getsockname()[0])


@pytest.mark.parametrize("kind", ["at_once", "starttls"])
async def test_a_server_that_nobody_vouches_for_gets_nothing(kind: str) -> None:
    async with mail_server(login=True, **{kind: Certificates().server()}) as server:
        way = road(server.port, secure=kind == "at_once", login=True, tls=Certificates().client())
        assert await verdict(way) == "elsewhere"
    assert (server.logins, server.mails) == ([], [])


async def test_a_certificate_for_another_name_is_no_certificate() -> None:
    other = Certificates("mail.example.org")
    async with mail_server(starttls=other.server()) as server:
        assert await verdict(road(server.port, tls=other.client())) == "elsewhere"


async def test_nobody_there() -> None:
    assert await verdict(road(free_port())) == "elsewhere"


async def test_a_wrong_password() -> None:
    async with mail_server(login=True) as server:
        assert await verdict(road(server.port, user=USER, password="wrong")) == "elsewhere"


async def test_a_server_that_wants_a_login_we_do_not_have() -> None:
    async with mail_server(login=True) as server:
        assert await verdict(road(server.port)) == "elsewhere"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"rcpt": "451 come back"}, "later"),
        ({"rcpt": "550 <ann@example.org> is nobody"}, "never"),
        ({"data": "451 come back"}, "later"),
        ({"data": "554 over your limit"}, "elsewhere"),
        ({"data": "drop"}, "unknown"),
    ],
)
async def test_what_a_refusal_means(answers: dict[str, str], expected: str) -> None:
    async with mail_server(**answers) as server:
        assert await verdict(road(server.port)) == expected


async def test_a_server_that_falls_silent_behind_the_text() -> None:
    async with mail_server(data="hang") as server:
        assert await verdict(road(server.port, seconds=0.3)) == "unknown"


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "a\r\nBcc: eve@example.org"},
        {"subject": "a\nb"},
        {"recipient": "ann@example.org\r\nBcc: eve@example.org"},
        {"recipient": "ann@example.org, eve@example.org"},
        {"recipient": ""},
        {"recipient": "no address"},
    ],
)
async def test_nothing_is_smuggled_into_the_head(change: dict[str, str]) -> None:
    async with mail_server() as server:
        assert await verdict(road(server.port), mail(**change)) == "never"
    assert server.mails == []


@pytest.mark.parametrize(
    ("given", "arrives"),
    [
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("admin@localhost", "admin@localhost"),
    ],
)
async def test_addresses_of_all_kinds(given: str, arrives: str) -> None:
    async with mail_server() as server:
        await road(server.port).send(mail(recipient=given))
    assert server.mails[0]["To"] == arrives


async def test_a_text_cannot_end_the_mail_early() -> None:
    async with mail_server() as server:
        await road(server.port).send(mail(text="a\r\n.\r\nMAIL FROM:<eve@example.org>\r\n"))
    assert len(server.mails) == 1
    assert isinstance(server, MailServer)
