"""The outbox and its delivery, against real servers: nothing is lost, nothing doubled, nothing kept."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.control.mail.conftest import LINK, Outbox
from tests.control.mail.delivering import by_resend, by_smtp, delivery
from tests.support.ports import free_port
from tests.support.resend import KEY, resend_server
from tests.support.smtp import link_in, mail_server
from tests.support.waiting import eventually
from zpack.control.mail import store
from zpack.control.mail.console import ConsoleRoad
from zpack.control.wiring.mail import build_delivery

if TYPE_CHECKING:
    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients

PROGRAM = Path(__file__).with_name("delivering.py")


async def test_a_queued_mail_arrives_and_leaves_nothing_secret_behind(outbox: Outbox) -> None:
    await outbox.queue()
    async with mail_server() as server:
        await delivery(outbox.database, by_smtp(server.port)).tick()
    row = await outbox.row()
    assert link_in(server.mails[0]) == LINK
    assert (row.outcome, row.road, row.facts, row.recipient) == ("sent", "smtp", None, None)


@pytest.mark.parametrize(
    ("given", "sender"),
    [
        ({"portal_name": "Höste, Inc."}, ("Höste, Inc.", "support@zerolaghub.com")),
        ({"portal_name": "Hoste", "mail_from": "a@b.example"}, ("Hoste", "a@b.example")),
        ({"portal_name": "Hoste", "mail_from": "Ann <a@b.example>"}, ("Ann", "a@b.example")),
        ({"mail_from": "Ann <a@b.example>"}, ("Ann", "a@b.example")),
    ],
)
async def test_mail_is_from_the_operator_by_name(
    outbox: Outbox, settings: Settings, clients: Clients, given: dict[str, str], sender: tuple[str, str]
) -> None:
    name = given.get("portal_name", "Ann")
    await outbox.queue()
    async with mail_server() as server:
        by_name = build_delivery(
            settings.model_copy(update=given), replace(clients, mail=(by_smtp(server.port),))
        )
        await by_name.tick()
    (mail,) = server.mails
    (told,) = mail["From"].addresses
    assert ((told.display_name, told.addr_spec), mail["Subject"]) == (
        sender,
        f"Choose a new password for {name}",
    )
    text, page = (part.get_content() for part in mail.iter_parts())
    assert text.rstrip().endswith(name)
    assert f"{name}</footer>" in page


async def test_the_same_key_is_one_mail(outbox: Outbox) -> None:
    async with mail_server() as server:
        postman = delivery(outbox.database, by_smtp(server.port))
        for _ in range(2):
            await outbox.queue()
            await outbox.queue()
            await postman.tick()
    assert len(server.mails) == 1


async def test_what_is_rolled_back_is_not_sent(outbox: Outbox) -> None:
    with pytest.raises(ZeroDivisionError):
        async with outbox.database.transaction() as session:
            await store.queue(session, "password_reset", to="a@example.org", user_id=None, key="k")
            _ = 1 / 0
    async with mail_server() as server:
        await delivery(outbox.database, by_smtp(server.port)).tick()
    assert server.mails == []


async def test_many_workers_send_each_mail_once(outbox: Outbox) -> None:
    for number in range(30):
        await outbox.queue(f"k{number}")
    async with mail_server() as server:
        postmen = [delivery(outbox.database, by_smtp(server.port)) for _ in range(4)]
        await asyncio.gather(*(postman.tick() for postman in postmen))
    ids = [mail["Message-ID"] for mail in server.mails]
    assert (len(ids), len(set(ids))) == (30, 30)


@pytest.mark.parametrize("answers", [{"login": True}, {"data": "554 over your limit"}])
@pytest.mark.seed("S77")
async def test_what_smtp_does_not_take_resend_takes(outbox: Outbox, answers: dict[str, str]) -> None:
    await outbox.queue()
    async with mail_server(**answers) as server, resend_server() as other:
        road = by_resend(other.url, KEY)
        await delivery(outbox.database, by_smtp(server.port), road).tick()
        await road.close()
    assert (len(server.mails), len(other.mails)) == (0, 1)
    assert (await outbox.row()).road == "resend"


@pytest.mark.seed("S77")
async def test_smtp_comes_first(outbox: Outbox) -> None:
    await outbox.queue()
    async with mail_server() as server, resend_server() as other:
        road = by_resend(other.url, KEY)
        await delivery(outbox.database, by_smtp(server.port), road).tick()
        await road.close()
    assert (len(server.mails), other.tries) == (1, 0)


@pytest.mark.parametrize(
    ("answers", "outcome"), [({"rcpt": "550 nobody"}, "refused"), ({"rcpt": "451 come back"}, None)]
)
async def test_a_recipients_own_refusal_is_not_for_resend(
    outbox: Outbox, answers: dict[str, str], outcome: str | None
) -> None:
    await outbox.queue()
    async with mail_server(**answers) as server, resend_server() as other:
        road = by_resend(other.url, KEY)
        await delivery(outbox.database, by_smtp(server.port), road).tick()
        await road.close()
    row = await outbox.row()
    assert (row.outcome, other.tries) == (outcome, 0)
    assert (row.facts is None) == (outcome is not None)


@pytest.mark.seed("S77")
async def test_without_smtp_and_resend_the_link_is_in_the_log(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    await outbox.queue()
    await delivery(outbox.database, ConsoleRoad()).tick()
    assert "NO MAIL IS SENT" in caplog.text
    assert LINK in caplog.text
    assert (await outbox.row()).outcome == "sent"


async def test_with_a_road_no_link_and_no_address_is_in_the_log(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await outbox.queue()
    async with mail_server(rcpt="451 <ann@example.org> come back") as server:
        await delivery(outbox.database, by_smtp(server.port)).tick()
        server.rcpt = ""
        await outbox.is_due()
        await delivery(outbox.database, by_smtp(server.port)).tick()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("zpack")]
    assert len(ours) == 2
    assert not any("a-secret-token" in line or "@" in line for line in ours)


async def test_the_pauses_grow_and_end(outbox: Outbox) -> None:
    await outbox.queue(template="password_changed", when="now", portal="p")
    postman = delivery(outbox.database, by_smtp(free_port()))
    for least, most in ((10, 16), (25, 31), (55, 61)):
        await outbox.is_due()
        await postman.tick()
        assert least < (await outbox.row()).wait < most
    await outbox.change("due_at = now(), attempts = 30")
    await postman.tick()
    assert 3500 < (await outbox.row()).wait < 3601


@pytest.mark.parametrize(
    ("kind", "age"), [("password_reset", "46 minutes"), ("password_changed", "2 days 1 minute")]
)
async def test_a_mail_that_is_too_late_is_given_up_and_said_so(
    outbox: Outbox, caplog: pytest.LogCaptureFixture, kind: str, age: str
) -> None:
    await outbox.queue(template=kind, link=LINK, minutes=60, when="now", portal="p")
    await outbox.change(f"created_at = now() - interval '{age}'")
    async with mail_server() as server:
        await delivery(outbox.database, by_smtp(server.port)).tick()
    row = await outbox.row()
    assert (server.mails, row.outcome, row.facts, row.recipient) == ([], "given_up", None, None)
    (said,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert row.id in said.getMessage()


async def test_a_mail_that_ends_every_worker_is_given_up(outbox: Outbox) -> None:
    await outbox.queue()
    await outbox.change("attempts = 60")
    await delivery(outbox.database, by_smtp(free_port())).tick()
    assert (await outbox.row()).outcome == "given_up"


@pytest.mark.parametrize("facts", [{"minutes": 60}, {"link": LINK}])
async def test_a_mail_without_its_facts_stops_nobody_elses(
    outbox: Outbox, caplog: pytest.LogCaptureFixture, facts: dict[str, object]
) -> None:
    await outbox.queue(**facts)
    await outbox.queue("k2")
    await outbox.queue("k3", template="no_such_template")
    async with mail_server() as server:
        await delivery(outbox.database, by_smtp(server.port)).tick()
    outcomes = [(await outbox.row(key)).outcome for key in ("k1", "k2", "k3")]
    assert (outcomes, len(server.mails)) == (["refused", "sent", "refused"], 1)
    assert "undefined" in caplog.text


async def test_a_worker_that_woke_too_late_changes_nothing(outbox: Outbox) -> None:
    await outbox.queue()
    async with mail_server(rcpt="hang") as server:
        slow = asyncio.create_task(delivery(outbox.database, by_smtp(server.port), lease=0.1).tick())
        await server.hanging.wait()
        async with mail_server() as other:
            await eventually(lambda: taken_over(outbox, other.port, len(other.mails)))
        server.rcpt = "550 nobody"
        server.over.set()
        await slow
    row = await outbox.row()
    assert (row.outcome, row.complaint, len(other.mails)) == ("sent", None, 1)


async def taken_over(outbox: Outbox, port: int, arrived: int) -> bool:
    await delivery(outbox.database, by_smtp(port)).tick()
    return arrived > 0


async def test_an_unclear_end_at_resend_is_cleared_up_at_resend(outbox: Outbox) -> None:
    """SMTP is well again by then, but only Resend can know that it has this mail already."""
    await outbox.queue()
    async with mail_server(data="554 no") as server, resend_server(manner="drop") as other:
        road = by_resend(other.url, KEY)
        postman = delivery(outbox.database, by_smtp(server.port), road)
        await postman.tick()
        server.data, other.manner = "", ""
        await outbox.is_due()
        await postman.tick()
        await road.close()
    assert (len(server.mails), len(other.mails), (await outbox.row()).outcome) == (0, 1, "sent")


async def test_an_unclear_end_at_smtp_comes_again_under_the_same_id(outbox: Outbox) -> None:
    await outbox.queue()
    async with mail_server(data="drop") as server, resend_server() as other:
        road = by_resend(other.url, KEY)
        postman = delivery(outbox.database, by_smtp(server.port), road)
        await postman.tick()
        server.data = ""
        await outbox.is_due()
        await postman.tick()
        await road.close()
    assert len({mail["Message-ID"] for mail in server.mails}) == 1
    assert (len(server.mails), other.tries) == (2, 0)


async def killed_at(hanging: asyncio.Event, outbox: Outbox, *words: str) -> None:
    """Let a worker of its own process deliver, and kill it once the other side holds it."""
    url = outbox.database._engine.url.render_as_string(hide_password=False)
    plain = url.replace("postgresql+asyncpg", "postgresql")
    process = await asyncio.create_subprocess_exec(sys.executable, str(PROGRAM), plain, *words)
    try:
        await asyncio.wait_for(hanging.wait(), 60)
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


@pytest.mark.parametrize(("moment", "mails"), [("rcpt", 1), ("data", 2)])
async def test_a_worker_killed_at_smtp(outbox: Outbox, moment: str, mails: int) -> None:
    """Behind the text nobody can know; then the reader's mailbox gets the same Message-ID twice."""
    await outbox.queue()
    async with mail_server(**{moment: "hang"}) as server:
        await killed_at(server.hanging, outbox, "smtp", str(server.port))
        assert (await outbox.row()).outcome is None
        server.rcpt = server.data = ""
        await eventually(lambda: taken_over(outbox, server.port, len(server.mails) - mails + 1))
        await delivery(outbox.database, by_smtp(server.port)).tick()
    assert len(server.mails) == mails
    assert len({mail["Message-ID"] for mail in server.mails}) == 1


async def test_a_worker_killed_at_resend_sends_once(outbox: Outbox) -> None:
    await outbox.queue()
    async with resend_server(manner="hang") as server:
        await killed_at(server.hanging, outbox, "resend", server.url, KEY)
        server.manner = ""
        road = by_resend(server.url, KEY)
        postman = delivery(outbox.database, road)
        await eventually(lambda: ended(outbox, postman))
        await road.close()
    assert (server.tries, len(server.mails)) == (2, 1)


async def ended(outbox: Outbox, postman: object) -> bool:
    await postman.tick()  # pyright: ignore[reportAttributeAccessIssue]
    return (await outbox.row()).outcome == "sent"


async def test_a_key_is_remembered_for_long_but_not_for_ever(outbox: Outbox) -> None:
    await outbox.queue()
    async with mail_server() as server:
        postman = delivery(outbox.database, by_smtp(server.port))
        await postman.tick()
        await outbox.change("ended_at = now() - interval '399 days'")
        await postman.forget()
        assert (await outbox.row()).outcome == "sent"
        await outbox.change("ended_at = now() - interval '401 days'")
        await postman.forget()
        await outbox.queue()
        await postman.tick()
    assert len(server.mails) == 2
