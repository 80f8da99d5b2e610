"""The second step of a login, without scripts: where to go on to is kept, and the challenge out of sight."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
from yarl import URL

from tests.support.http import PASSWORD
from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from tests.support.visitor import Shown

FACTOR = "/api/auth/second-factor"
TO = "/profile?tab=keys"


@pytest.fixture
async def codes(ann: Visitor) -> list[str]:
    """Ann's codes once she has a second factor: one of her authenticator, then the recovery codes."""
    assert ann.api is not None
    secret = (await ann.api.post(FACTOR, {"password": PASSWORD})).body["secret"]
    window = int(time.time() + 5) // 30
    totp = pyotp.TOTP(secret)
    reply = await ann.api.post(f"{FACTOR}/confirm", {"code": totp.generate_otp(window - 1)})
    return [totp.generate_otp(window), *reply.body["recoveryCodes"]]


async def begun(visitor: Visitor) -> Shown:
    await visitor.get("/login", params={"next": TO})
    return await visitor.submit('form[action="/login"]', identifier="ann", password=PASSWORD)


async def sent_to(visitor: Visitor, **data: str) -> Any:
    """Send a form of the page last shown; return where it leads."""
    assert visitor.page is not None
    token = str(visitor.page.one("form#by-code input[name=csrf]")["value"])
    body = {"csrf": token, "next": TO, **data}
    path = visitor.base + "/login/second-factor"
    async with visitor.session.post(path, data=body, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location")


async def test_a_code_completes_the_login_and_leads_on(visitor: Visitor, codes: list[str]) -> None:
    page = await begun(visitor)
    assert page.one("form#by-code input[name=next]")["value"] == TO
    assert await sent_to(visitor, code=codes[0]) == (303, TO)
    assert (await visitor.get("/dashboard")).path == "/dashboard"


async def test_so_does_a_recovery_code_once(visitor: Visitor, codes: list[str], portal_url: str) -> None:
    await begun(visitor)
    assert await sent_to(visitor, recoveryCode=codes[1]) == (303, TO)
    async with Visitor(portal_url) as again:
        await begun(again)
        page = await again.submit("form#by-recovery-code", recoveryCode=codes[1])
        assert (page.status, page.one("details.more").has_attr("open")) == (401, True)


async def test_a_wrong_code_can_be_corrected(visitor: Visitor, codes: list[str]) -> None:
    await begun(visitor)
    page = await visitor.submit("form#by-code", code="000000")
    assert page.status == 401
    assert "wrong or was used" in page.one("[role=alert]").get_text()
    assert await sent_to(visitor, code=codes[0]) == (303, TO)


@pytest.mark.usefixtures("codes")
async def test_the_challenge_is_in_no_page_and_no_address(visitor: Visitor) -> None:
    page = await begun(visitor)
    [kept] = [each for each in visitor.session.cookie_jar if each.key == "zpack_challenge"]
    assert kept["httponly"]
    assert kept.value not in page.html + page.url


async def test_without_a_challenge_the_login_begins_anew(visitor: Visitor) -> None:
    page = await visitor.get("/login/second-factor", params={"next": TO})
    assert page.path.startswith("/login?")
    assert page.one("input[name=next]")["value"] == TO


@pytest.mark.usefixtures("codes")
async def test_a_challenge_that_is_no_good_leads_back_with_a_word(visitor: Visitor) -> None:
    await begun(visitor)
    visitor.session.cookie_jar.update_cookies({"zpack_challenge": "made up"}, URL(visitor.base))
    page = await visitor.submit("form#by-code", code="000000")
    assert page.path.startswith("/login?")
    assert "Log in once more" in page.one("#notices").get_text()


async def test_too_many_tries_are_told_in_words(visitor: Visitor, ann: Visitor) -> None:
    del ann
    await visitor.get("/login")
    for _ in range(11):
        page = await visitor.submit('form[action="/login"]', identifier="ann", password="wrong")
    assert page.status == 429
    assert 0 < int(page.headers["Retry-After"]) <= 60
    assert "Too many tries" in page.text
    assert "second" in page.one(".alert").get_text()
