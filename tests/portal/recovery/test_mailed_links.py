"""What mailed links lead to. Opening one changes nothing, and its token stays in no address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.http import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.visitor import Shown, Visitor

    Mailed = Callable[[str], Awaitable[str]]

NEW = "another horse"
PAGES = ["/reset-password", "/verify-email", "/change-email"]


async def forgot(visitor: Visitor, email: str = "ann@example.org") -> Shown:
    await visitor.get("/forgot-password")
    return await visitor.submit('form[action="/forgot-password"]', email=email)


async def reset(visitor: Visitor, password: str = NEW, repeated: str = NEW) -> Shown:
    return await visitor.submit('form[action="/reset-password"]', password=password, repeated=repeated)


async def emailed(visitor: Visitor) -> dict[str, object]:
    assert visitor.api is not None
    return (await visitor.api.get("/api/auth/me")).body["user"]


async def test_a_forgotten_password_is_replaced(visitor: Visitor, ann: Visitor, mailed: Mailed) -> None:
    await forgot(visitor)
    await visitor.get(await mailed("Choose"))
    page = await reset(visitor)
    assert (page.path, "Log in with it" in page.one("#notices").get_text()) == ("/login", True)
    assert (await visitor.logs_in("ann", NEW)).path == "/dashboard"
    assert (await ann.get("/dashboard")).path.startswith("/login")


async def test_the_answer_does_not_tell_who_has_an_account(visitor: Visitor, ann: Visitor) -> None:
    del ann
    known, unknown = await forgot(visitor), await forgot(visitor, "nobody@example.org")
    assert (known.status, known.path, known.text) == (200, unknown.path, unknown.text)


async def test_a_token_leaves_the_address_at_once(visitor: Visitor, ann: Visitor, mailed: Mailed) -> None:
    del ann
    await forgot(visitor)
    link = await mailed("Choose")
    page = await visitor.get(link)
    assert page.path == "/reset-password"
    assert link.partition("token=")[2] not in page.html
    assert all(each["httponly"] for each in visitor.session.cookie_jar if "reset" in each.key)


async def test_passwords_that_are_no_good_can_be_corrected(
    visitor: Visitor, ann: Visitor, mailed: Mailed
) -> None:
    del ann
    await forgot(visitor)
    await visitor.get(await mailed("Choose"))
    assert (await reset(visitor, repeated="a third horse")).one("input[name=repeated]")["aria-invalid"]
    assert (await reset(visitor, "short", "short")).one("input[name=password]")["aria-invalid"]
    assert (await reset(visitor)).path == "/login"


async def test_a_link_works_once(visitor: Visitor, ann: Visitor, mailed: Mailed) -> None:
    del ann
    await forgot(visitor)
    link = await mailed("Choose")
    await visitor.get(link)
    await reset(visitor)
    await visitor.get(link)
    page = await reset(visitor, PASSWORD, PASSWORD)
    assert page.status == 400
    assert page.one('a[href="/forgot-password"]')
    assert not page.all("main form")


@pytest.mark.parametrize("path", PAGES)
async def test_a_link_without_a_token_is_told(visitor: Visitor, path: str) -> None:
    page = await visitor.get(path)
    assert "does not work" in page.one("h1").get_text()


@pytest.mark.parametrize("token", ["", "x" * 5000, '"><script>', "%00", "a; Path=/"])
async def test_no_token_breaks_a_page(visitor: Visitor, token: str) -> None:
    for path in PAGES:
        page = await visitor.get(path, params={"token": token})
        assert (page.status, page.path) == (200, path)


async def test_an_address_is_confirmed_by_a_button_not_by_opening(ann: Visitor, mailed: Mailed) -> None:
    await ann.get(await mailed("Confirm"))
    assert (await emailed(ann))["emailVerified"] is False
    page = await ann.submit('form[action="/verify-email"]')
    assert "confirmed" in page.one("#notices").get_text()
    assert (await emailed(ann))["emailVerified"] is True


async def test_another_link_can_be_asked_for(ann: Visitor, mailed: Mailed) -> None:
    first = await mailed("Confirm")
    await ann.get("/verify-email")
    await ann.submit('form[action="/verify-email/resend"]')
    assert await mailed("Confirm") != first


async def test_another_address_is_confirmed(ann: Visitor, mailed: Mailed) -> None:
    assert ann.api is not None
    asked = {"email": "ann@elsewhere.example", "currentPassword": PASSWORD}
    assert (await ann.api.post("/api/auth/change-email", asked)).status == 200
    await ann.get(await mailed("new e-mail"))
    assert (await emailed(ann))["email"] == "ann@example.org"
    await ann.submit('form[action="/change-email"]')
    assert (await emailed(ann))["email"] == "ann@elsewhere.example"
