"""Tokens of every kind against every forgery we know, and against a second library."""

from __future__ import annotations

import base64
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

import pytest
from joserfc import jwt as joserfc
from joserfc.jwk import OctKey

from tests.support.http import PASSWORD, Caller
from tests.support.tokens import key_of, parts_of, signed
from zpack.control.accounts.auth import BadToken, Kind, Tokens, derived, ide_claims
from zpack.control.wiring.identity import build_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.settings import Settings

SECRET, OTHER = "a secret of tests, long enough for HS256", "another one of tests, just as long"
KINDS: tuple[Kind, ...] = get_args(Kind)
FAR = int(time.time()) + 3600
PUBLIC_KEY = b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----\n"


def tokens(*secrets: str, kind: Kind = "access", life: float = 60) -> Tokens:
    return Tokens(kind=kind, secrets=secrets or (SECRET,), life=timedelta(seconds=life))


def forged(change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> str:
    """Return a token whose header and claims were changed, signed with the right key."""
    header, claims = parts_of(tokens().issue("usr_1", sid="ses_1"))
    change(header, claims)
    return signed(header, claims, key_of(SECRET))


def without(claim: str) -> Callable[[dict[str, Any], dict[str, Any]], Any]:
    return lambda _, claims: claims.pop(claim)


def claiming(**values: Any) -> Callable[[dict[str, Any], dict[str, Any]], Any]:
    return lambda _, claims: claims.update(values)


def heading(**values: Any) -> Callable[[dict[str, Any], dict[str, Any]], Any]:
    return lambda header, _: header.update(values)


FORGERIES = {
    **{f"without {claim}": without(claim) for claim in ("exp", "iat", "sub", "iss", "aud", "jti")},
    "expired": claiming(exp=int(time.time()) - 1),
    "not yet valid": claiming(nbf=FAR),
    "an end that is no number": claiming(exp="soon"),
    "an endless end": claiming(exp=float("inf")),
    "a foreign issuer": claiming(iss="someone"),
    "a list of issuers": claiming(iss=["zpack"]),
    "a foreign audience": claiming(aud="someone"),
    "a list of audiences": claiming(aud=["zpack:access", "zpack:refresh"]),
    "a list of the audience": claiming(aud=["zpack:access"]),
    "a subject that is no text": claiming(sub=5),
    "the algorithm none": heading(alg="none"),
    "the algorithm None": heading(alg="None"),
    "no algorithm": lambda header, _: header.pop("alg"),
    "the algorithm HS512": heading(alg="HS512"),
    "the algorithm RS256": heading(alg="RS256"),
    "a list of algorithms": heading(alg=["HS256"]),
    "an unknown critical header": heading(crit=["b64x"], b64x=True),
    "an unencoded body": heading(crit=["b64"], b64=False),
    "no key id": lambda header, _: header.pop("kid"),
    "an unknown key id": heading(kid="00000000"),
    "a key id that is no text": heading(kid=["x"]),
    "a key id that is a path": heading(kid="../../dev/null"),
    "too much": claiming(pad="x" * 5000),
}


@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.seed("S90", "S91")
def test_a_forgery_signed_with_the_right_key_is_refused(name: str) -> None:
    with pytest.raises(BadToken):
        tokens().read(forged(FORGERIES[name]))


def test_what_is_not_forged_is_read() -> None:
    assert tokens().read(forged(claiming(extra=1)))["sub"] == "usr_1"


@pytest.mark.parametrize("digest", ["sha384", "sha512"])
@pytest.mark.seed("S90")
def test_another_hash_is_refused_though_the_key_is_right(digest: str) -> None:
    header, claims = parts_of(tokens().issue("usr_1"))
    header["alg"] = {"sha384": "HS384", "sha512": "HS512"}[digest]
    with pytest.raises(BadToken):
        tokens().read(signed(header, claims, key_of(SECRET), digest))


@pytest.mark.parametrize("key", [b"", PUBLIC_KEY, SECRET.encode(), key_of(OTHER), key_of(SECRET, "refresh")])
@pytest.mark.seed("S90")
def test_another_key_is_refused(key: bytes) -> None:
    with pytest.raises(BadToken):
        tokens().read(signed(*parts_of(tokens().issue("usr_1")), key))


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "…", "[" * 3000, "e30.e30.", "W1tb.W1tb.W1tb", "\ud800.\ud800.\ud800"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(BadToken):
        tokens().read(text)


def test_json_nested_without_end_is_refused() -> None:
    _, claims = parts_of(tokens().issue("usr_1"))
    raw = signed(0, claims, b"x").split(".")
    raw[0] = base64.urlsafe_b64encode(b"[" * 2500).rstrip(b"=").decode()
    with pytest.raises(BadToken):
        tokens().read(".".join(raw))


@pytest.mark.seed("S91")
def test_a_token_of_the_node_service_is_refused() -> None:
    claims = {"sub": "1", "email": "a@b.c", "username": "a", "scopes": ["*"], "iat": FAR - 7200, "exp": FAR}
    for key in (SECRET.encode(), key_of(SECRET)):
        with pytest.raises(BadToken):
            tokens().read(signed({"alg": "HS256", "typ": "JWT"}, claims, key))


@pytest.mark.parametrize("shown", KINDS)
@pytest.mark.parametrize("door", KINDS)
@pytest.mark.seed("S90")
def test_each_kind_opens_its_own_door_only(settings: Settings, shown: Kind, door: Kind) -> None:
    kinds = build_tokens(settings)
    token = getattr(kinds, shown).issue("usr_1", sid="ses_1")
    if shown == door:
        assert getattr(kinds, door).read(token)["sub"] == "usr_1"
    else:
        with pytest.raises(BadToken):
            getattr(kinds, door).read(token)


@pytest.mark.parametrize("kind", KINDS)
def test_an_audience_alone_does_not_open_a_door(kind: Kind) -> None:
    """Were the keys of two kinds one, the audience would be the only difference."""
    header, claims = parts_of(tokens(kind=kind).issue("usr_1"))
    other: Kind = "refresh" if kind != "refresh" else "access"
    claims["aud"] = f"zpack:{other}"
    with pytest.raises(BadToken):
        tokens(kind=other).read(signed(header, claims, key_of(SECRET, kind)))


def test_the_previous_secret_verifies_and_signs_nothing() -> None:
    old, both, new = tokens(OTHER), tokens(SECRET, OTHER), tokens(SECRET)
    assert both.read(old.issue("usr_1"))["sub"] == "usr_1"
    assert new.read(both.issue("usr_1"))["sub"] == "usr_1"
    with pytest.raises(BadToken):
        old.read(both.issue("usr_1"))


def test_an_expired_token_stays_expired_with_the_previous_secret() -> None:
    with pytest.raises(BadToken):
        tokens(SECRET, OTHER).read(tokens(OTHER, life=-1).issue("usr_1"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.seed("S90")
def test_a_second_library_reads_what_we_issue(kind: Kind) -> None:
    key = OctKey.import_key(key_of(SECRET, kind))
    token = joserfc.decode(tokens(kind=kind).issue("usr_1", sid="ses_1"), key, algorithms=["HS256"])
    wanted = {"value": f"zpack:{kind}", "essential": True}
    joserfc.JWTClaimsRegistry(aud=wanted, iss={"value": "zpack"}, exp={"essential": True}).validate(
        token.claims
    )
    assert (token.header["alg"], token.claims["sub"]) == ("HS256", "usr_1")


def test_we_read_what_a_second_library_issues() -> None:
    header, claims = parts_of(tokens().issue("usr_1"))
    assert tokens().read(joserfc.encode(header, claims, OctKey.import_key(key_of(SECRET))))["sub"] == "usr_1"


def test_keys_are_derived_as_rfc_5869_says() -> None:
    """Its test case 3: no salt, no info; our purpose stands where the info does."""
    assert (
        derived(b"\x0b" * 22, "").hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    )


def test_an_ide_token_names_its_container() -> None:
    ide = tokens(kind="ide", life=300)
    claims = ide.read(ide.issue("usr_1", **ide_claims("ses_1", 6001)))
    assert (claims["vmid"], claims["type"], claims["exp"] - claims["iat"]) == (6001, "dev-ide", 300)


async def test_no_other_kind_of_token_is_taken_at_a_door(
    settings: Settings, ann: Caller, base_url: str
) -> None:
    kinds = build_tokens(settings)
    _, claims = parts_of(str(ann.token))
    for kind in KINDS:
        token = getattr(kinds, kind).issue(claims["sub"], sid=claims["sid"])
        async with Caller(base_url, token) as caller:
            assert ((await caller.get("/api/auth/me")).status == 200) == (kind == "access"), kind
            if kind != "refresh":
                reply = await caller.post("/api/auth/refresh", {"refreshToken": token})
                assert (reply.status, reply.body["error"]) == (401, "Invalid or expired token"), kind


@pytest.mark.parametrize("sid", [None, "", 5, ["ses_1"], "ses_unknown"])
@pytest.mark.seed("S91")
async def test_an_access_token_without_its_session_is_refused(
    settings: Settings, ann: Caller, base_url: str, sid: Any
) -> None:
    _, claims = parts_of(str(ann.token))
    token = build_tokens(settings).access.issue(claims["sub"], **({} if sid is None else {"sid": sid}))
    async with Caller(base_url, token) as caller:
        assert (await caller.get("/api/auth/me")).status == 401


async def test_a_session_of_another_user_does_not_carry_a_token(
    settings: Settings, ann: Caller, bob: Caller, base_url: str
) -> None:
    hers, his = parts_of(str(ann.token))[1], parts_of(str(bob.token))[1]
    token = build_tokens(settings).access.issue(hers["sub"], sid=his["sid"])
    async with Caller(base_url, token) as caller:
        assert (await caller.get("/api/auth/me")).status == 401


@pytest.mark.seed("S75")
async def test_register_and_login_give_both_tokens(anyone: Caller) -> None:
    body = {"email": "eve@example.org", "username": "eve", "password": PASSWORD}
    first = (await anyone.post("/api/auth/register", body)).body
    second = (await anyone.post("/api/auth/login", {"identifier": "eve", "password": PASSWORD})).body
    assert set(first) == {"ok", "token", "refreshToken", "expiresIn"}
    assert set(second) == {"token", "refreshToken", "expiresIn"}
