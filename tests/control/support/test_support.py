"""Questions by anybody; answers between their owners and administrators, and nobody else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.control.mail.delivering import by_resend, by_smtp, delivery
from tests.support.resend import KEY, resend_server
from tests.support.smtp import mail_server

if TYPE_CHECKING:
    from email.message import EmailMessage

    from tests.support.http import Caller, Reply
    from zpack.control.db.session import Database

CREATE, OWN, ALL = "/api/support/create", "/api/support/tickets", "/api/admin/support/tickets"
QUESTION = {"name": "Eve", "email": "eve@example.org", "subject": "Help", "message": "How?"}
HOSTILE = "Help\r\nBcc: all@example.org\r\n\r\n<script>{{ 7 * 7 }}</script>"


@pytest.fixture
def extra() -> dict[str, Any]:
    return {"support_email": "help@example.org", "portal_url": "https://portal.example"}


@pytest.fixture
def proxies() -> str:
    return "127.0.0.1"


async def ask(caller: Caller, **more: Any) -> dict[str, Any]:
    reply = await caller.post(CREATE, QUESTION | more)
    assert reply.status == 200, reply
    return reply.body["ticket"]


async def test_what_comes_again_with_its_key_is_answered_and_not_done_again(
    ann: Caller, anyone: Caller
) -> None:
    for caller in (ann, anyone):
        key = {"Idempotency-Key": "a key of a form"}
        first, second = await asyncio.gather(*(caller.post(CREATE, QUESTION, headers=key) for _ in range(2)))
        assert (first.status, first.body["ticket"]["id"]) == (200, second.body["ticket"]["id"])
        other = await caller.post(CREATE, QUESTION | {"message": "What?"}, headers=key)
        assert (other.status, other.body["error"]) == (409, "idempotency_key_reused")
    (ticket,) = (await ann.get(OWN)).body["tickets"]
    said = f"{OWN}/{ticket['id']}/messages"
    for _ in range(2):
        reply = await ann.post(said, {"message": "Well?"}, headers={"Idempotency-Key": "another"})
        assert [one["text"] for one in reply.body["ticket"]["messages"]] == ["How?", "Well?"]
    refused = await ann.post(said, {"message": "Well?"}, headers={"Idempotency-Key": " " * 256})
    assert refused.body["error"] == "invalid_idempotency_key"


async def say(caller: Caller, ticket: dict[str, Any], message: str = "Well?") -> Reply:
    return await caller.post(f"{OWN}/{ticket['id']}/messages", {"message": message})


async def sent(database: Database) -> list[EmailMessage]:
    """Deliver what is queued; return the part that is about tickets."""
    async with mail_server() as server:
        await delivery(database, by_smtp(server.port)).tick()
    return [mail for mail in server.mails if mail["Subject"].startswith(("Support: ", "Re: "))]


def words_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return body.get_content()


async def test_anybody_asks_and_the_operator_gets_a_mail(anyone: Caller, database: Database) -> None:
    reply = await anyone.post(CREATE, QUESTION)
    assert (reply.status, reply.body["ok"]) == (200, True)
    ticket = reply.body["ticket"]
    assert (ticket["status"], ticket["userId"], ticket["messages"]) == ("open", None, 1)
    (mail,) = await sent(database)
    assert (mail["To"], mail["Reply-To"]) == ("help@example.org", "eve@example.org")
    assert f"https://portal.example/support?ticket={ticket['id']}" in words_of(mail)


async def test_the_address_of_an_account_is_the_accounts(ann: Caller) -> None:
    ticket = await ask(ann, name="")
    assert (ticket["email"], ticket["name"]) == ("ann@example.org", "ann")
    assert (await ann.get(OWN)).body == {"tickets": [ticket], "next": None}


@pytest.mark.parametrize("token", ["nonsense", "zpk_nonsense"])
async def test_a_login_that_is_over_does_not_keep_anybody_from_asking(anyone: Caller, token: str) -> None:
    reply = await anyone.post(CREATE, QUESTION, headers={"Authorization": f"Bearer {token}"})
    assert (reply.status, reply.body["ticket"]["userId"]) == (200, None)


async def test_nothing_that_is_said_gets_into_the_head_of_a_mail(anyone: Caller, database: Database) -> None:
    await ask(anyone, subject=HOSTILE, name=HOSTILE[:100], message=HOSTILE)
    (mail,) = await sent(database)
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("Support: Help Bcc: all@example.org <script>")
    html = mail.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()
    assert "{{ 7 * 7 }}" in words_of(mail)


@pytest.mark.parametrize(
    "email", ["eve@example.org\r\nBcc: all@example.org", "eve@example.org, all@example.org",
              "Eve <eve@example.org>", "eve", "eve@example.org\n"]
)  # fmt: skip
async def test_whoever_is_answered_is_one_address(anyone: Caller, database: Database, email: str) -> None:
    reply = await anyone.post(CREATE, QUESTION | {"email": email})
    assert reply.status == (200 if email.strip() == "eve@example.org" else 400)
    for mail in await sent(database):
        assert mail["Reply-To"] == "eve@example.org"


@pytest.mark.parametrize(
    ("email", "shown"), [("eve@bücher.example", "eve@xn--bcher-kva.example"), ("ève@example.org", None)]
)
async def test_letters_that_not_every_server_reads(
    anyone: Caller, database: Database, email: str, shown: str | None
) -> None:
    await ask(anyone, email=email)
    (mail,) = await sent(database)
    assert mail["Reply-To"] == shown
    assert email in words_of(mail)


@pytest.mark.parametrize("name", ["\N{PILE OF POO}", "x" * 3000, "'--", "a%20b", "*"])
async def test_a_hostile_name_is_nobodys_ticket(ann: Caller, name: str) -> None:
    assert (await ann.get(f"{OWN}/{name}")).body["error"] == "ticket_not_found"


async def test_resend_is_told_whom_to_answer(anyone: Caller, database: Database) -> None:
    await ask(anyone)
    async with resend_server() as server:
        road = by_resend(server.url, KEY)
        await delivery(database, road).tick()
        await road.close()
    assert server.mails[0]["reply_to"] == ["eve@example.org"]


async def test_an_answer_goes_to_whoever_asked(anyone: Caller, root: Caller, database: Database) -> None:
    ticket = await ask(anyone)
    reply = await say(root, ticket, "So.")
    assert reply.status == 200
    whole = reply.body["ticket"]
    assert (whole["status"], [one["author"] for one in whole["messages"]]) == (
        "answered",
        ["customer", "staff"],
    )
    mails = {mail["To"]: mail for mail in await sent(database)}
    assert mails["eve@example.org"]["Reply-To"] == "help@example.org"
    assert "So." in words_of(mails["eve@example.org"])
    assert "To write back, answer this mail." in words_of(mails["eve@example.org"])


async def test_an_account_is_led_back_to_its_ticket(ann: Caller, root: Caller, database: Database) -> None:
    ticket = await ask(ann)
    await say(root, ticket)
    mails = {mail["To"]: mail for mail in await sent(database)}
    assert f"https://portal.example/support?ticket={ticket['id']}" in words_of(mails["ann@example.org"])


async def test_a_ticket_goes_back_and_forth(ann: Caller, root: Caller) -> None:
    place = f"{OWN}/{(ticket := await ask(ann))['id']}"
    states = [(await say(who, ticket)).body["ticket"]["status"] for who in (root, ann)]
    states += [(await ann.post(f"{place}/close")).body["ticket"]["status"] for _ in range(2)]
    states.append((await say(ann, ticket)).body["ticket"]["status"])
    assert states == ["answered", "open", "closed", "closed", "open"]
    assert (await ann.get(place)).body["ticket"]["messages"][1]["name"] == "Administrator"


async def test_what_is_said_comes_back_as_it_was(ann: Caller) -> None:
    ticket = await ask(ann, message=HOSTILE)
    (message,) = (await ann.get(f"{OWN}/{ticket['id']}")).body["ticket"]["messages"]
    assert message["text"] == HOSTILE


async def test_nobody_elses_ticket_is_there(ann: Caller, bob: Caller, anyone: Caller) -> None:
    place = f"{OWN}/{(await ask(ann))['id']}"
    for method, path in (("GET", place), ("POST", f"{place}/messages"), ("POST", f"{place}/close")):
        reply = await bob.call(method, path, {"message": "x"})
        nothing = await bob.call(method, path.replace(place, f"{OWN}/tkt_none"), {"message": "x"})
        assert (reply.status, reply.body["error"]) == (404, "ticket_not_found")
        assert reply.body | {"requestId": ""} == nothing.body | {"requestId": ""}
    assert (await bob.get(OWN)).body["tickets"] == []
    assert (await bob.get(ALL)).status == 403
    assert (await anyone.get(OWN)).status == 401


async def test_pages_have_every_ticket_once(ann: Caller, bob: Caller, root: Caller) -> None:
    mine = [(await ask(ann, subject=f"{number}"))["subject"] for number in range(5)]
    await ask(bob)
    seen, query = [], "?limit=2"
    while query:
        page = (await ann.get(OWN + query)).body
        seen += [one["subject"] for one in page["tickets"]]
        query = f"?limit=2&before={page['next']}" if page["next"] else ""
    assert seen == mine[::-1]
    assert len((await root.get(ALL)).body["tickets"]) == 6


async def test_an_admin_looks_for_what_is_open(ann: Caller, root: Caller) -> None:
    first, second = await ask(ann), await ask(ann)
    await say(root, first)
    found = (await root.get(f"{ALL}?status=open")).body["tickets"]
    assert [one["id"] for one in found] == [second["id"]]
    assert (await root.get(f"{ALL}?status=lost")).status == 400


@pytest.mark.parametrize(
    "wrong",
    [{"message": " "}, {"message": "x" * 10_001}, {"subject": ""}, {"subject": "x" * 201}, {"name": "x" * 101},
     {"message": "a\x00b"}, {"name": ""}, {"name": "\u200b"}, {"email": ""}, {"subject": "\u200b"}, {"message": 7}],
)  # fmt: skip
async def test_what_is_wrong_is_refused(anyone: Caller, wrong: dict[str, Any]) -> None:
    assert (await anyone.post(CREATE, QUESTION | wrong)).status == 400


async def test_an_address_asks_no_more_than_so_often(anyone: Caller) -> None:
    asked = [
        (await anyone.post(CREATE, QUESTION, headers={"X-Forwarded-For": f"192.0.2.{number // 6}"})).status
        for number in range(7)
    ]
    assert asked == [200] * 5 + [429, 200]


async def test_an_account_asks_no_more_than_so_often_from_anywhere(ann: Caller) -> None:
    asked = [
        await ann.post(CREATE, QUESTION, headers={"X-Forwarded-For": f"192.0.2.{number}"})
        for number in range(6)
    ]
    assert [reply.status for reply in asked] == [200] * 5 + [429]
    assert asked[-1].body["error"] == "too_many_requests"


async def test_a_full_ticket_takes_no_more(ann: Caller, database: Database) -> None:
    ticket = await ask(ann)
    filling = "insert into support_messages (ticket_id, author, name, text) select :id, 'staff', 'a', 'b'"
    async with database.transaction() as session:
        await session.execute(text(f"{filling} from generate_series(1, 199)"), {"id": ticket["id"]})
    reply = await say(ann, ticket)
    assert (reply.status, reply.body["error"]) == (409, "ticket_full")


async def test_everything_is_in_the_audit(ann: Caller, root: Caller, database: Database) -> None:
    ticket = await ask(ann)
    await say(root, ticket)
    await ann.post(f"{OWN}/{ticket['id']}/close")
    rows = "select action from audit_log where payload ->> 'ticket' = :id order by id"
    async with database.reading() as session:
        found = (await session.scalars(text(rows), {"id": ticket["id"]})).all()
    assert list(found) == ["support.create", "support.message", "support.close"]
