"""Stripe's events at their door: only Stripe's own, stored once (row S87, peers.md: forged and empty secrets)."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from tests.control.billing.conftest import SECRET
from zpack.control.db.tables import BillingEvent
from zpack.control.outside.stripe import BadSignature, Stripe

if TYPE_CHECKING:
    from tests.support.http import Caller, Reply
    from zpack.control.db.session import Database

PATH = "/api/billing/webhook"
SNAPSHOT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "customer.subscription.updated",
    "created": 1_790_000_000,
    "data": {"object": {"id": "sub_1", "object": "subscription", "customer": "cus_1"}},
}
THIN: dict[str, Any] = {
    "id": "evt_test_1",
    "object": "v2.core.event",
    "type": "v1.customer.subscription.updated",
    "created": "2026-09-21T13:33:20.000Z",
    "related_object": {"id": "sub_1", "type": "subscription", "url": "/v1/subscriptions/sub_1"},
    "snapshot_event": "evt_1",
}


def signed(body: bytes, *, secret: str = SECRET, age: float = 0) -> str:
    stamp = int(time.time() - age)
    made = hmac.new(secret.encode(), b"%d." % stamp + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={made}"


async def send(caller: Caller, body: bytes, signature: str | None) -> Reply:
    headers = {"Content-Type": "application/json"}
    if signature is not None:
        headers["Stripe-Signature"] = signature
    return await caller.call("POST", PATH, data=body, headers=headers)


async def stored(database: Database) -> list[str]:
    async with database.transaction() as session:
        return list(await session.scalars(select(BillingEvent.id)))


@pytest.mark.seed("S87")
async def test_an_event_is_stored_once_in_either_form(anyone: Caller, database: Database) -> None:
    for event in (SNAPSHOT, SNAPSHOT, THIN, THIN):
        body = json.dumps(event, indent=3).encode()
        assert (await send(anyone, body, signed(body))).status == 200
    assert await stored(database) == ["evt_1"]


@pytest.mark.seed("S87")
async def test_the_signature_is_over_the_raw_body(anyone: Caller, database: Database) -> None:
    signature = signed(json.dumps(SNAPSHOT, indent=3).encode())
    assert (await send(anyone, json.dumps(SNAPSHOT).encode(), signature)).status == 400
    assert await stored(database) == []


BODY = json.dumps(SNAPSHOT).encode()


@pytest.mark.parametrize("signature", [None, "", "nonsense", "t=x,v1=x", "t=99999999999999999999,v1=0"])
def test_what_is_no_signature_is_refused(signature: str | None) -> None:
    with pytest.raises(BadSignature):
        Stripe(key="sk", base_url=None, webhook_secrets=(SECRET,)).notice(BODY, signature)


@pytest.mark.parametrize("how", [{"secret": ""}, {"secret": "whsec_other"}, {"age": 900}, {"age": -3600}])
def test_another_s_signature_and_one_of_another_time_are_refused(how: dict[str, Any]) -> None:
    with pytest.raises(BadSignature):
        Stripe(key="sk", base_url=None, webhook_secrets=(SECRET,)).notice(BODY, signed(BODY, **how))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"7", b"null", b"{", b"\xff\xfe", b'{"object": "event"}', b'{"object": "list"}',
        b'{"object":"event","id":1,"type":2,"created":"x","data":{"object":{}}}',
        b'{"object":"event","id":"e","type":"t","created":1e300,"data":{"object":{}}}',
        b'{"object":"event","id":"e","type":"t","created":1,"data":{"object":[]}}',
        b'{"object":"event","id":"e\\u0000","type":"t","created":1,"data":{"object":{}}}',
        b'{"object":"v2.core.event","id":"e","type":"t","created":"yesterday"}', b"[" * 5000,
    ],
)  # fmt: skip
def test_what_is_signed_and_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(BadSignature):
        Stripe(key="sk", base_url=None, webhook_secrets=(SECRET,)).notice(body, signed(body))


@pytest.mark.parametrize("secrets", [(), ("",), (" ",)])
def test_without_a_secret_nothing_is_stripes(secrets: tuple[str, ...]) -> None:
    stripe = Stripe(key="sk", base_url=None, webhook_secrets=secrets)
    with pytest.raises(BadSignature):
        stripe.notice(BODY, signed(BODY, secret=""))


@pytest.mark.parametrize("secret", ["whsec_old", "whsec_new"])
def test_while_the_secret_is_changed_both_are_good(secret: str) -> None:
    stripe = Stripe(key="sk", base_url=None, webhook_secrets=("whsec_new", "whsec_old"))
    assert stripe.notice(BODY, signed(BODY, secret=secret)).customer == "cus_1"
