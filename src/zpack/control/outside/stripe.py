"""Speaks to Stripe through its own SDK, which nothing else here imports.

The SDK costs some 8 MB and up to a second, so it is loaded by the first call: a process without billing never
pays for it. Addresses of hosted pages are credentials and appear in no log and no error.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import ForeignError
from zpack.control.outside.stripe_facts import (
    Checkout,
    CustomerFacts,
    Invoice,
    Notice,
    Preview,
    Subscription,
    checkout_of,
    ident,
    invoice_of,
    notice_of,
    subscription_of,
    user_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from datetime import datetime

TIMEOUT_SECONDS = 10.0
RETRIES = 1
"""Tries beyond the first, under the same idempotency key: the SDK's own, for what never arrived."""
SKEW_SECONDS = 300
PAGE = 100
MOST_PAGES = 100
NOT_FOUND = 404
INTERNAL = 500


class StripeDeclined(ForeignError):
    """The customer's bank said no; ``reason`` is Stripe's word for it."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message, transient=False, status=402)
        self.reason = reason


class StripeRefused(ForeignError):
    """Stripe will not do this, and would not the next time; ``reason`` is its code."""

    def __init__(self, message: str, *, status: int | None, reason: str) -> None:
        super().__init__(message, transient=False, status=status)
        self.reason = reason


class StripeAway(ForeignError):
    """Stripe did not answer, or said that it could not; whether the call had its effect is unknown."""


class StripeBusy(ForeignError):
    """Stripe asks us to slow down; nothing was done."""


class BadSignature(Exception):
    """Not an event of Stripe's; the text says nothing about why."""


class Stripe:
    """One account. ``key`` None means that billing is off; nothing may be called then."""

    def __init__(self, *, key: str | None, base_url: str | None, webhook_secrets: tuple[str, ...]) -> None:
        self._key = key
        self._base_url = base_url
        self._secrets = webhook_secrets
        self._http: Any = None
        self._client: Any = None

    async def close(self) -> None:
        """Close what was opened."""
        if self._http is not None:
            await self._http.close_async()

    async def ping(self) -> None:
        """Ask for one customer, to see that the key is good."""
        await self._call(lambda v1: v1.customers.list_async({"limit": 1}))

    def notice(self, body: bytes, signature: str | None) -> Notice:
        """Return the event of a webhook. Raises BadSignature."""
        sdk = self._sdk()
        for secret in self._secrets:
            try:
                sdk.WebhookSignature.verify_header(body, signature, secret, SKEW_SECONDS)
            except (sdk.SignatureVerificationError, ValueError, AttributeError):
                continue
            # The SDK looks at how old a signature is, not at how much younger than now.
            if _stamp(signature or "") > time.time() + SKEW_SECONDS:
                break
            try:
                return notice_of(json.loads(body))
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
                break
        raise BadSignature("The signature is wrong, or this is no event.")

    async def create_customer(self, *, user_id: str, email: str, key: str) -> str:
        """Create a customer for a user; return its id."""
        given = {"email": email, "metadata": {"userId": user_id}}
        found = await self._call(lambda v1: v1.customers.create_async(given, _options(key)))
        return found["id"]

    async def facts(self, customer: str) -> CustomerFacts:
        """Return everything about one customer; one that is not there counts as deleted."""
        try:
            found = await self._call(lambda v1: v1.customers.retrieve_async(customer))
        except StripeRefused as refusal:
            if refusal.status != NOT_FOUND:
                raise
            found = {"deleted": True}
        if found.get("deleted"):
            return CustomerFacts(customer, deleted=True, user_id=None)
        asked = {"customer": customer, "status": "all", "expand": ["data.schedule"]}
        subscriptions = [subscription_of(body) async for body in self._all("subscriptions", asked)]
        bills = self._all("invoices", {"customer": customer, "status": "open"})
        return CustomerFacts(
            customer,
            deleted=False,
            user_id=user_of(found),
            subscriptions=tuple(subscriptions),
            open_invoices=tuple([invoice_of(body) async for body in bills]),
        )

    async def customer_of(self, kind: str, object_id: str) -> str | None:
        """Return whose an object is; None for nobody's, one that is gone, and kinds we do not read."""
        services = {
            "subscription": "subscriptions",
            "invoice": "invoices",
            "charge": "charges",
            "subscription_schedule": "subscription_schedules",
        }
        try:
            if kind == "checkout.session":
                return (await self.checkout(object_id)).customer
            if kind not in services:
                return None
            found = await self._call(lambda v1: getattr(v1, services[kind]).retrieve_async(object_id))
        except StripeRefused as refusal:
            if refusal.status == NOT_FOUND:
                return None
            raise
        return ident(found.get("customer"))

    async def subscription(self, ident: str) -> Subscription:
        """Return one subscription as it is now."""
        asked = {"expand": ["schedule"]}
        return subscription_of(await self._call(lambda v1: v1.subscriptions.retrieve_async(ident, asked)))

    async def every_subscription(self) -> AsyncIterator[Subscription]:
        """Yield every subscription of the account."""
        async for body in self._all("subscriptions", {"status": "all", "expand": ["data.schedule"]}):
            yield subscription_of(body)

    async def undelivered(self, since: datetime) -> AsyncIterator[Notice]:
        """Yield the events since a moment that some endpoint did not take."""
        asked = {"delivery_success": False, "created": {"gte": int(since.timestamp())}}
        async for body in self._all("events", asked):
            yield notice_of(body)

    async def invoice(self, ident: str) -> Invoice:
        """Return one invoice as it is now."""
        return invoice_of(await self._call(lambda v1: v1.invoices.retrieve_async(ident)))

    async def checkout(self, ident: str) -> Checkout:
        """Return a checkout as it is now."""
        return checkout_of(await self._call(lambda v1: v1.checkout.sessions.retrieve_async(ident)))

    async def create_checkout(
        self, *, customer: str, price: str, user_id: str, plan: str, success: str, cancel: str, key: str
    ) -> Checkout:
        """Open a hosted checkout for one subscription."""
        named = {"userId": user_id, "plan": plan}
        given = {
            "mode": "subscription",
            "customer": customer,
            "client_reference_id": user_id,
            "line_items": [{"price": price, "quantity": 1}],
            "metadata": named,
            "subscription_data": {"metadata": named},
            "success_url": success,
            "cancel_url": cancel,
        }
        return checkout_of(
            await self._call(lambda v1: v1.checkout.sessions.create_async(given, _options(key)))
        )

    async def expire_checkout(self, ident: str, *, key: str) -> None:
        """Close a hosted checkout. Raises StripeRefused when it is paid already, or closed."""
        await self._call(lambda v1: v1.checkout.sessions.expire_async(ident, {}, _options(key)))

    async def change_price(self, subscription: Subscription, price: str, *, key: str) -> Subscription:
        """Charge the difference now, and change the price once it is paid."""
        given = {
            "items": [{"id": subscription.item, "price": price}],
            "proration_behavior": "always_invoice",
            "payment_behavior": "pending_if_incomplete",
        }
        return await self._update(subscription.id, given, key)

    async def change_at_period_end(
        self, subscription: Subscription, price: str, *, interval: str, key: str
    ) -> None:
        """Change the price when the period that is paid for ends."""
        made = await self._call(
            lambda v1: v1.subscription_schedules.create_async(
                {"from_subscription": subscription.id}, _options(f"{key}-schedule")
            )
        )
        phase = made["phases"][0]
        present = {
            "items": [{"price": subscription.price, "quantity": 1}],
            "start_date": phase["start_date"],
            "end_date": phase["end_date"],
            "proration_behavior": "none",
        }
        later = {
            "items": [{"price": price, "quantity": 1}],
            "proration_behavior": "none",
            "duration": {"interval": interval, "interval_count": 1},
        }
        given = {"end_behavior": "release", "phases": [present, later]}
        try:
            await self._call(
                lambda v1: v1.subscription_schedules.update_async(
                    made["id"], given, _options(f"{key}-phases")
                )
            )
        except StripeRefused:
            await self.release_schedule(made["id"], key=f"{key}-undo")
            raise

    async def release_schedule(self, schedule: str, *, key: str) -> None:
        """Let a subscription go on as it is, without the change that was planned."""
        await self._call(
            lambda v1: v1.subscription_schedules.release_async(schedule, {}, _options(key)),
        )

    async def cancel_at_period_end(self, subscription: str, *, cancel: bool, key: str) -> Subscription:
        """End a subscription with the period that is paid for, or no longer do."""
        return await self._update(subscription, {"cancel_at_period_end": cancel}, key)

    async def preview(self, subscription: Subscription, price: str) -> Preview:
        """Return what changing to a price would cost today."""
        details = {
            "items": [{"id": subscription.item, "price": price}],
            "proration_behavior": "always_invoice",
        }
        given = {
            "customer": subscription.customer,
            "subscription": subscription.id,
            "subscription_details": details,
        }
        found = await self._call(lambda v1: v1.invoices.create_preview_async(given))
        return Preview(int(found["amount_due"]), found["currency"])

    async def portal(self, customer: str, *, back: str, key: str) -> str:
        """Return the address of the billing portal for one customer."""
        given = {"customer": customer, "return_url": back}
        found = await self._call(lambda v1: v1.billing_portal.sessions.create_async(given, _options(key)))
        return found["url"]

    async def _update(self, subscription: str, given: Mapping[str, Any], key: str) -> Subscription:
        asked = {**given, "expand": ["schedule"]}
        found = await self._call(lambda v1: v1.subscriptions.update_async(subscription, asked, _options(key)))
        return subscription_of(found)

    async def _all(self, service: str, asked: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        given = {**asked, "limit": PAGE}

        def listed(v1: Any) -> Awaitable[Any]:
            return getattr(v1, service).list_async(given)

        for _ in range(MOST_PAGES):
            page = await self._call(listed)
            for body in page["data"]:
                yield body
            if not page["has_more"] or not page["data"]:
                return
            given = {**given, "starting_after": page["data"][-1]["id"]}

    async def _call(self, call: Callable[[Any], Awaitable[Any]]) -> dict[str, Any]:
        sdk = self._sdk()
        try:
            return (await call(self._client.v1)).to_dict()
        except sdk.StripeError as failure:
            raise _ours(sdk, failure) from None
        except AttributeError as failure:  # an error body that is not Stripe's shape
            raise StripeAway("Stripe's answer was not understood", transient=True) from failure

    def _sdk(self) -> Any:
        import stripe  # noqa: PLC0415 - see the module's docstring

        if self._client is None:
            stripe.enable_telemetry = False
            logging.getLogger("stripe").setLevel(logging.WARNING)  # else each call's address is in the log
            self._http = stripe.AIOHTTPClient(timeout=TIMEOUT_SECONDS)
            self._client = stripe.StripeClient(
                self._key or "",
                base_addresses={"api": self._base_url} if self._base_url else {},
                http_client=self._http,
                max_network_retries=RETRIES,
            )
        return stripe


def _options(key: str) -> dict[str, str]:
    return {"idempotency_key": key}


def _stamp(header: str) -> float:
    found = [part[2:] for part in header.split(",") if part.startswith("t=")]
    return float(found[0]) if found and found[0].isdigit() else 0.0


def _ours(sdk: Any, failure: Any) -> ForeignError:
    """Return the failure by what a caller can do about it."""
    status, code = failure.http_status, str(failure.code or "unknown")
    if isinstance(failure, sdk.CardError):
        return StripeDeclined("The card was declined.", reason=str(failure.code or "card_declined"))
    if isinstance(failure, sdk.RateLimitError):
        return StripeBusy("Stripe asks us to slow down", transient=True, status=status)
    if isinstance(failure, sdk.APIConnectionError) or status is None:
        return StripeAway("Stripe did not answer", transient=True, timed_out=True)
    if status >= INTERNAL:
        return StripeAway(f"Stripe answered {status}", transient=True, status=status, timed_out=True)
    return StripeRefused(f"Stripe refused: {code}", status=status, reason=code)
