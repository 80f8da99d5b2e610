"""Guessing is slow for whoever guesses, and for nobody else (CVE-2026-61609 of Pterodactyl)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.http import PASSWORD, Caller
from zpack.control.accounts.actions import BadCredentials
from zpack.control.accounts.models import LoginBody
from zpack.control.engine.limits import Rate, TooManyTries, network_of
from zpack.control.wiring.identity import IDENTITY_RATES

if TYPE_CHECKING:
    from zpack.control.settings import Settings
    from zpack.control.wiring import Api

GOOD = {"identifier": "ann", "password": PASSWORD}
BAD = {"identifier": "ann", "password": "wrong one"}


@pytest.fixture
def proxies() -> str:
    """A proxy stands before the application, as in production."""
    return "127.0.0.1"


def from_(address: str) -> dict[str, Any]:
    return {"headers": {"X-Forwarded-For": address}}


@pytest.fixture
def low(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing takes its time: three tries show what sixty would."""
    monkeypatch.setitem(IDENTITY_RATES, "login-account", Rate(3, 60))


async def test_ten_thousand_wrong_logins_lock_out_nobody_else(ann: Caller, anyone: Caller, api: Api) -> None:
    for _ in range(10_000):
        with pytest.raises((BadCredentials, TooManyTries)):
            await api.accounts.log_in(LoginBody(**BAD), address="198.51.100.9")
    assert (await anyone.post("/api/auth/login", GOOD)).status == 200
    assert ann


async def test_many_addresses_lock_a_new_place_out_but_not_the_owners(
    low: None, ann: Caller, anyone: Caller
) -> None:
    got = [
        (await anyone.post("/api/auth/login", BAD, **from_(f"198.51.100.{n}"))).status for n in range(1, 6)
    ]
    assert got == [401, 401, 401, 429, 429]
    assert (await anyone.post("/api/auth/login", GOOD, **from_("198.51.100.77"))).status == 429
    assert (await anyone.post("/api/auth/login", GOOD)).status == 200  # where she registered
    assert (await ann.get("/api/auth/me")).status == 200


async def test_an_address_of_ones_own_account_is_known_for_no_other(
    low: None, ann: Caller, bob: Caller, anyone: Caller
) -> None:
    assert ann is not bob
    await anyone.post("/api/auth/login", {**GOOD, "identifier": "bob"}, **from_("198.51.100.1"))
    for number in range(2, 5):
        await anyone.post("/api/auth/login", BAD, **from_(f"198.51.100.{number}"))
    assert (await anyone.post("/api/auth/login", BAD, **from_("198.51.100.1"))).status == 429


async def test_known_and_unknown_names_are_counted_alike(low: None, ann: Caller, anyone: Caller) -> None:
    assert ann
    for name in ("ann", "nobody"):
        body = {"identifier": name, "password": "wrong one"}
        got = [await anyone.post("/api/auth/login", body, **from_(f"203.0.113.{n}")) for n in range(1, 6)]
        assert [reply.status for reply in got] == [401, 401, 401, 429, 429]


async def test_one_line_with_many_addresses_is_one_address(ann: Caller, anyone: Caller) -> None:
    assert ann
    got = [(await anyone.post("/api/auth/login", BAD, **from_(f"2001:db8::{n:x}"))).status for n in range(11)]
    assert got == [401] * 10 + [429]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network


def test_no_proxy_is_believed_unless_it_is_named(settings: Settings) -> None:
    assert settings.trusted_proxies == ""
