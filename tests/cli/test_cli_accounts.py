"""Logging in and out, staying logged in, and keys, as a person or a script sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Counterpart, Zpack

PAIR = {"token": "old", "refreshToken": "r-old", "expiresIn": 60}
NEXT = {"token": "new", "refreshToken": "r-new", "expiresIn": 60}
EXPIRED = (401, {"error": "Invalid or expired token", "message": "Log in again."})
NONE = (200, {"servers": []})
REQUIRED = {"error": "second_factor_required", "message": "A code.", "details": {"challenge": "ch"}}


async def entered(api: Counterpart, zpack: Zpack) -> None:
    api.says("POST", "/api/auth/login", (200, PAIR))
    assert (await zpack("login", "--identifier", "ann", ZPACK_PASSWORD="secret word")).status == 0


def kept(zpack: Zpack) -> dict[str, str]:
    return json.loads((zpack.config / "login.json").read_text())


async def test_an_expired_token_is_renewed_and_the_call_made_again(api: Counterpart, zpack: Zpack) -> None:
    await entered(api, zpack)
    api.says("GET", "/api/servers", EXPIRED, NONE)
    api.says("POST", "/api/auth/refresh", (200, NEXT))
    assert (await zpack("servers", "list")).status == 0
    renewal, again = api.asked[-2:]
    assert renewal[:3] == ("POST", "/api/auth/refresh", {"refreshToken": "r-old"})
    assert again[3]["Authorization"] == "Bearer new"
    assert (kept(zpack)["token"], kept(zpack)["refreshToken"]) == ("new", "r-new")


async def test_a_session_that_ended_asks_for_a_login(api: Counterpart, zpack: Zpack) -> None:
    await entered(api, zpack)
    api.says("GET", "/api/servers", EXPIRED)
    api.says("POST", "/api/auth/refresh", EXPIRED)
    ran = await zpack("servers", "list")
    assert (ran.status, ran.err) == (3, "zpack: Log in again. (Invalid or expired token)\n")


async def test_a_token_that_was_given_is_not_renewed(api: Counterpart, zpack: Zpack) -> None:
    await entered(api, zpack)
    api.says("GET", "/api/servers", EXPIRED)
    assert (await zpack("servers", "list", "--token", "given")).status == 3
    assert kept(zpack)["token"] == "old"


async def test_a_second_factor_is_asked_for(api: Counterpart, zpack: Zpack) -> None:
    api.says("POST", "/api/auth/login", (401, REQUIRED))
    api.says("POST", "/api/auth/login/second-factor", (200, PAIR))
    words = ("login", "--identifier", "ann", "--code", "123456")
    assert (await zpack(*words, ZPACK_PASSWORD="secret word")).status == 0
    assert api.asked[-1][2] == {"challenge": "ch", "code": "123456"}
    await zpack(*words[:-1], "abcd-efgh-ijkl-mnop", ZPACK_PASSWORD="secret word")
    assert api.asked[-1][2] == {"challenge": "ch", "recoveryCode": "abcd-efgh-ijkl-mnop"}


async def test_logout_ends_the_session_and_forgets_it(api: Counterpart, zpack: Zpack) -> None:
    await entered(api, zpack)
    api.says("POST", "/api/auth/logout", (200, {"ok": True, "message": "Logged out"}))
    assert (await zpack("logout")).status == 0
    assert api.asked[-1][2] == {"refreshToken": "r-old"}
    assert api.asked[-1][3]["Authorization"] == "Bearer old"
    assert not (zpack.config / "login.json").exists()
    assert (await zpack("logout")).status == 0


async def test_keys_are_made_listed_and_deleted(api: Counterpart, zpack: Zpack) -> None:
    row = {"id": "key_1", "name": "ci", "prefix": "zpk_abcd", "scopes": ["files", "mods"], "expiresAt": None}
    api.says("POST", "/api/auth/keys", (201, {"key": "zpk_whole", **row}))
    api.says("GET", "/api/auth/keys", (200, {"keys": [row]}))
    api.says("DELETE", "/api/auth/keys/key_1", (200, {"ok": True}))
    made = await zpack("keys", "create", "ci", "--scope", "files", "--scope", "mods", "--days", "7")
    assert made.out == "zpk_whole\n"
    assert api.asked[-1][2]["scopes"] == ["files", "mods"]
    assert api.asked[-1][2]["expiresAt"].endswith("+00:00")
    assert "files,mods" in (await zpack("keys", "list")).out
    assert (await zpack("keys", "delete", "key_1")).status == 0


async def test_accounts_are_listed_page_by_page_and_change_their_role(api: Counterpart, zpack: Zpack) -> None:
    ann = {"id": "usr_1", "username": "ann", "email": "ann@example.org", "role": "user"}
    pages = ({"users": [ann], "next": "usr_1"}, {"users": [{**ann, "username": "bob"}], "next": None})
    api.says("GET", "/api/admin/users", *((200, page) for page in pages))
    api.says("PATCH", "/api/admin/users/usr_1", (200, {"ok": True}))
    listed = await zpack("users", "list", "--search", "example")
    assert ("ann " in listed.out, "bob " in listed.out) == (True, True)
    assert (await zpack("users", "role", "usr_1", "admin")).out == "usr_1 is admin now\n"
    assert api.asked[-1][2] == {"role": "admin"}
