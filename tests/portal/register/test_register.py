"""From nobody to the first server: what the form says, keeps, and leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.visitor import Shown, Visitor

FORM = 'form[action="/register"]'
GOOD = {
    "email": "eve@example.org",
    "username": "eve",
    "password": "correct horse",
    "repeated": "correct horse",
}


async def filled(visitor: Visitor, **other: str) -> Shown:
    await visitor.get("/register")
    return await visitor.submit(FORM, **(GOOD | other))


async def test_an_account_leads_straight_to_its_first_server(visitor: Visitor) -> None:
    page = await filled(visitor, firstName="Eve", lastName="<b>")
    assert page.path == "/servers/create"
    assert "eve@example.org" in page.one("#notices").get_text()
    assert (await visitor.get("/dashboard")).path == "/dashboard"


async def test_who_came_for_a_page_gets_there(visitor: Visitor) -> None:
    await visitor.get("/login?next=/billing")
    assert visitor.page is not None
    link = visitor.page.one('main a[href^="/register"]')["href"]
    await visitor.get(str(link))
    assert (await visitor.submit(FORM, **GOOD)).path == "/billing"


@pytest.mark.parametrize(
    ("field", "value"),
    [("password", "short"), ("username", "-"), ("email", "nobody@"), ("firstName", "\x07")],
)
async def test_what_is_wrong_is_told_beside_its_field(visitor: Visitor, field: str, value: str) -> None:
    more = {"repeated": value} if field == "password" else {}
    page = await filled(visitor, **{field: value, **more})
    assert page.status == 400
    assert page.one(f"input[name={field}]")["aria-invalid"] == "true"
    assert page.one(f"#{field}-about.wrong")


async def test_two_passwords_that_differ_make_no_account(visitor: Visitor) -> None:
    page = await filled(visitor, repeated="another horse")
    assert page.one("input[name=repeated]")["aria-invalid"] == "true"
    assert (await visitor.logs_in("eve")).status == 401


async def test_who_can_look_at_the_password_types_it_once(visitor: Visitor) -> None:
    page = await visitor.get("/register")
    page.one("noscript input[name=repeated]")
    fields = {name: value for name, value in GOOD.items() if name != "repeated"}
    token = {"csrf": str(page.one(f"{FORM} input[name=csrf]")["value"])}
    page = await visitor.send("POST", "/register", data=fields | token, headers={"Origin": visitor.base})
    assert page.path == "/servers/create"


async def test_what_was_typed_stays_but_passwords_do_not(visitor: Visitor) -> None:
    page = await filled(visitor, email='"><script>alert(1)</script>', repeated="another horse")
    assert page.one("input[name=email]")["value"] == '"><script>alert(1)</script>'
    assert not page.one("input[name=password]")["value"]
    assert "another horse" not in page.html


async def test_a_taken_name_is_told(visitor: Visitor, ann: Visitor) -> None:
    del ann
    page = await filled(visitor, username="ann")
    assert page.status == 409
    assert "exists already" in page.one("[role=alert]").get_text()


async def test_who_has_an_account_is_led_on(ann: Visitor) -> None:
    assert (await ann.get("/register")).path == "/servers/create"
