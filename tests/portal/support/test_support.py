"""Questions to support: asked by anybody, seen by who asked and by administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.visitor import Shown, Visitor

FORM = 'main form[action="/support"]'
HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}"


async def asked(ann: Visitor, **fields: str) -> Shown:
    await ann.get("/support")
    return await ann.submit(FORM, **({"subject": "It is slow", "message": "Why?"} | fields))


async def test_anybody_may_ask_and_is_answered_by_mail(visitor: Visitor) -> None:
    page = await asked(visitor, name="Bo", email="bo@example.org")
    assert (page.status, "bo@example.org" in page.text) == (200, True)


async def test_what_is_wrong_is_said_and_nothing_typed_is_lost(visitor: Visitor) -> None:
    page = await asked(visitor, name="Bo", email="no address")
    assert page.status == 400
    assert page.one("[role=alert]")
    assert page.one("textarea").get_text() == "Why?"


async def test_who_is_logged_in_sees_the_ticket_and_talks_on(ann: Visitor) -> None:
    page = await asked(ann)
    assert page.path.startswith("/support/tickets/tkt_")
    page = await ann.submit(".talk-form form", message="Still slow")
    assert [each.get_text() for each in page.all(".talk .plain")] == ["Why?", "Still slow"]
    assert "It is slow" in (await ann.get("/support/tickets")).text
    assert "It is slow" in (await ann.get("/support")).text


async def test_a_form_that_comes_twice_is_one_ticket_and_one_message(ann: Visitor) -> None:
    form = await ann.get("/support")
    tickets = {(await asked_from(ann, form)).path for _ in range(2)}
    assert len(tickets) == 1
    form = await ann.get(tickets.pop())
    for message in ("Still slow", "Still slow", "Very slow"):
        ann.page = form
        page = await ann.submit(".talk-form form", message=message)
    assert [each.get_text() for each in page.all(".talk .plain")] == ["Why?", "Still slow", "Very slow"]


async def asked_from(ann: Visitor, form: Shown) -> Shown:
    ann.page = form
    return await ann.submit(FORM, subject="It is slow", message="Why?")


async def test_a_ticket_is_closed_and_a_message_opens_it_again(ann: Visitor) -> None:
    await asked(ann)
    page = await ann.submit('form[action$="/close"]')
    assert page.one(".page-head .badge").get_text() == "Closed"
    page = await ann.submit(".talk-form form", message="It is back")
    assert page.one(".page-head .badge").get_text() == "Open"


async def test_an_answer_says_that_it_is_from_support(ann: Visitor, root: Visitor) -> None:
    ticket = (await asked(ann)).path
    await root.get("/admin/support")
    assert root.page is not None
    await root.get(str(root.page.one(".subject")["href"]))
    await root.submit(".talk-form form", message="Because.")
    page = await ann.get(ticket)
    assert page.one(".said[data-by=staff] .plain").get_text() == "Because."
    assert page.one(".page-head .badge").get_text() == "Answered"


async def test_nobody_sees_anybody_elses_ticket(ann: Visitor, root: Visitor) -> None:
    ticket = (await asked(root)).path
    assert (await ann.get(ticket)).status == 404
    assert (await ann.get("/admin/support")).status == 404
    assert (await ann.get("/support/tickets/nothing%2Fthere")).status == 404


async def test_operators_list_tickets_by_status(ann: Visitor, root: Visitor) -> None:
    await asked(ann)
    await ann.submit('form[action$="/close"]')
    assert not (await root.get("/admin/support")).all(".subject")
    assert (await root.get("/admin/support?status=closed")).one(".subject")
    assert (await root.get("/admin/support?status=all")).one(".subject")


async def test_hostile_words_are_only_shown(ann: Visitor, root: Visitor) -> None:
    page = await asked(ann, subject=HOSTILE, message=HOSTILE)
    assert page.one(".talk .plain").get_text() == HOSTILE
    assert not page.all("main img")
    assert not (await root.get("/admin/support")).all("main img")


@pytest.mark.parametrize("before", ["x", "%00", "9" * 300])
async def test_no_place_in_the_list_is_a_fault(ann: Visitor, before: str) -> None:
    assert (await ann.get(f"/support/tickets?before={before}")).status < 500
