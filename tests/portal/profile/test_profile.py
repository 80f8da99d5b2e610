"""``/profile``: names, address, password, second factor, logins, keys and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyotp
import pytest

from tests.support.http import PASSWORD
from tests.support.visitor import Visitor
from zpack.portal.pages.profile.agents import agent_of

if TYPE_CHECKING:
    from tests.support.visitor import Shown

HOSTILE = "<script>x</script>"


def form(action: str) -> str:
    return f'main form[action="/profile{action}"]'


async def test_names_are_changed_and_shown_as_they_are(ann: Visitor) -> None:
    await ann.get("/profile")
    page = await ann.submit(form(""), displayName=HOSTILE, firstName="Ann")
    assert page.one("#displayName")["value"] == HOSTILE
    assert "<script>x" not in page.html


async def test_another_address_needs_the_password(ann: Visitor) -> None:
    await ann.get("/profile")
    page = await ann.submit(form("/email"), email="new@example.org", currentPassword="wrong")
    assert (page.status, page.one("#email")["value"]) == (400, "new@example.org")
    page = await ann.submit(form("/email"), email="new@example.org", currentPassword=PASSWORD)
    assert "new@example.org" in page.one(".notice").get_text()


async def test_an_address_that_is_not_confirmed_says_so_and_can_be_asked_again(ann: Visitor) -> None:
    assert "Not confirmed" in (await ann.get("/profile")).text
    assert (await ann.submit(form("/verify"))).one(".notice")


async def test_a_wrong_password_does_not_log_out(ann: Visitor) -> None:
    await ann.get("/profile/security")
    page = await ann.submit(form("/password"), currentPassword="wrong", newPassword="another one")
    assert (page.status, page.path) == (400, "/profile/password")
    page = await ann.get("/profile/security")
    page = await ann.submit(form("/second-factor"), factorPassword="wrong")
    assert page.status == 401
    assert (await ann.get("/profile")).path == "/profile"


async def test_another_password_ends_the_other_logins(ann: Visitor, portal_url: str) -> None:
    async with Visitor(portal_url) as elsewhere:
        await elsewhere.logs_in("ann")
        await ann.get("/profile/security")
        await ann.submit(form("/password"), currentPassword=PASSWORD, newPassword="another one")
        assert (await elsewhere.get("/profile")).path.startswith("/login")
    assert (await ann.get("/profile")).path == "/profile"


async def enrolled(ann: Visitor) -> Shown:
    await ann.get("/profile/security")
    page = await ann.submit(form("/second-factor"), factorPassword=PASSWORD)
    secret = page.one(".enrolment code").get_text()
    wrong = await ann.submit(form("/second-factor/confirm"), code="000000")
    assert wrong.status == 401
    assert str(wrong.one(".qr")["src"]).startswith("data:image/svg+xml;base64,")
    return await ann.submit(form("/second-factor/confirm"), code=pyotp.TOTP(secret).now())


async def test_a_second_factor_is_set_up_and_switched_off_again(ann: Visitor) -> None:
    page = await enrolled(ann)
    codes = [code.get_text() for code in page.all(".codes code")]
    assert len(codes) == len(set(codes)) > 5
    page = await ann.get("/profile/security")
    assert codes[0] not in page.html
    page = await ann.submit(form("/second-factor/disable"), factorPassword=PASSWORD, code=codes[0])
    assert "The second factor is off." in page.text


async def test_a_picture_that_is_not_ours_is_not_shown(ann: Visitor) -> None:
    await ann.get("/profile/security")
    await ann.submit(form("/second-factor"), factorPassword=PASSWORD)
    told = {"code": "1", "picture": "https://evil.example/x.svg"}
    assert not (await ann.submit(form("/second-factor/confirm"), **told)).all(".qr")


async def test_logins_are_told_apart_and_ended(ann: Visitor, portal_url: str) -> None:
    async with Visitor(portal_url) as elsewhere:
        await elsewhere.logs_in("ann")
        page = await ann.get("/profile/security")
        ends = page.all(form("/sessions/end"))
        assert len(ends) == len(page.all(".lines li")) - 1
        told = {str(each["name"]): str(each["value"]) for each in ends[0].select("input")}
        for one in ends:
            told["id"] = str(one.select_one("input[name=id]")["value"])  # type: ignore[index]
            await ann.send("POST", "/profile/sessions/end", data=told, headers={"Origin": ann.base})
        assert (await elsewhere.get("/profile")).path.startswith("/login")
        assert (await ann.get("/profile/security")).text.count("This one") == 1


async def test_one_can_log_out_everywhere(ann: Visitor) -> None:
    await ann.get("/profile/sessions/end-all")
    assert (await ann.submit(form("/sessions/end-all"))).path == "/login"
    assert (await ann.get("/profile")).path.startswith("/login")


async def test_somebody_elses_login_is_not_there(ann: Visitor) -> None:
    page = await ann.get("/profile")
    told = {"csrf": str(page.one(f"{form('')} input[name=csrf]")["value"]), "id": "ses_of_another"}
    answer = await ann.send("POST", "/profile/sessions/end", data=told, headers={"Origin": ann.base})
    assert answer.status == 404


async def test_a_key_is_shown_once_and_revoked(ann: Visitor) -> None:
    assert "No keys yet" in (await ann.get("/profile/keys")).text
    page = await ann.submit(form("/keys"), name=HOSTILE, days="30")
    key = page.one(".copy code").get_text()
    assert key.startswith("zpk_")
    page = await ann.get("/profile/keys")
    assert key not in page.html
    assert "<script>x" not in page.html
    await ann.get(str(page.one(".lines a.button")["href"]))
    assert "No keys yet" in (await ann.submit(form("/keys/revoke"))).text


async def test_a_key_without_a_name_is_refused_with_what_was_typed(ann: Visitor) -> None:
    await ann.get("/profile/keys")
    page = await ann.submit(form("/keys"), name=" ", scopes="files")
    assert page.status == 400
    assert page.one('input[value="files"]').has_attr("checked")
    assert (await ann.get("/profile/keys/revoke?id=key_of_another")).path == "/profile/keys"


async def test_what_was_done_is_listed_and_paged(ann: Visitor) -> None:
    assert "Account · registered" in (await ann.get("/profile/activity")).text
    page = await ann.get("/profile/activity?before=1")
    assert "Nothing yet" in page.text
    for words in ("x", "0", "-1", "9" * 40, "²"):
        assert (await ann.get("/profile/activity", params={"before": words})).status == 200


async def test_an_administrator_sees_their_own_activity_here(ann: Visitor, root: Visitor) -> None:
    assert "registered" not in (await root.get("/profile/activity")).text


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/5 Chrome/120 Safari/537 Edg/120", ("Edge", "Windows")),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17 like Mac OS X) Version/17 Safari/6", ("Safari", "iPhone")),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:1) Gecko Firefox/130.0", ("Firefox", "Linux")),
        ("a thing of its own" * 9, (("a thing of its own" * 9)[:60], "")),
        ("", ("", "")),
    ],
)
def test_a_browser_is_named_as_its_owner_knows_it(agent: str, words: tuple[str, str]) -> None:
    assert agent_of(agent) == words
