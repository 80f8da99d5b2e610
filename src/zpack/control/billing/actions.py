"""What a customer may do about their subscription (rows S86, S89).

Every change looks at Stripe first and again afterwards: what is granted is what Stripe says then, never what
was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.audit.store import record
from zpack.control.billing import store
from zpack.control.billing.offers import Offers
from zpack.control.billing.refusals import (
    AlreadySubscribed,
    BillingDisabled,
    BillingExempt,
    DoesNotFit,
    Ending,
    NoCustomer,
    NotADowngrade,
    NotAnUpgrade,
    NotSubscribed,
    PaymentPending,
)
from zpack.control.billing.requests import Requests
from zpack.control.outside.stripe import StripeRefused

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.billing.mirror import Mirror
    from zpack.control.billing.offers import Offer
    from zpack.control.billing.requests import Request
    from zpack.control.billing.settings import BillingSettings
    from zpack.control.db.session import Database
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.outside.stripe import Stripe
    from zpack.control.outside.stripe_facts import Subscription


class Billing:
    """A customer's subscription."""

    def __init__(
        self,
        *,
        database: Database,
        stripe: Stripe,
        mirror: Mirror,
        entitlements: Entitlements,
        settings: BillingSettings,
    ) -> None:
        self._database = database
        self._stripe = stripe
        self._mirror = mirror
        self._requests = Requests(database=database)
        self.settings = settings
        self.offers = Offers(database=database, entitlements=entitlements, settings=settings)

    async def checkout(self, user: User, plan: str, *, key: str | None) -> str:
        """Return the address of a hosted checkout. Raises AlreadySubscribed, PlanMissing, BillingBusy.

        The one that was open before is closed first, so of two tabs one can pay.
        """
        await self._check(user)
        offer = await self.offers.find(plan)
        async with self._requests.begun(user, "checkout", plan=plan, key=key) as request:
            customer = await self._customer(user, request)
            if request.result is not None:
                kept = await self._stripe.checkout(request.result["checkout"])
                if kept.status == "open" and kept.url is not None:
                    return kept.url
            await self._close_open_checkout(user, request)
            facts = await self._stripe.facts(customer)
            if any(found.is_live for found in facts.subscriptions):
                await self._mirror.sync(customer, user_id=user.id)
                raise AlreadySubscribed("There is a subscription already; change its plan instead.")
            made = await self._stripe.create_checkout(
                customer=customer,
                price=offer.price,
                user_id=user.id,
                plan=plan,
                success=self.settings.success_url,
                cancel=self.settings.cancel_url,
                key=request.key(f"checkout-{len(facts.subscriptions)}"),
            )
            request.result = {"checkout": made.id}
            async with self._database.transaction() as session:
                (await store.ensure_account(session, user.id)).checkout_id = made.id
                record(session, "billing.checkout", actor=user.id, plan=plan, checkout=made.id)
        return made.url or ""

    async def upgrade(
        self, user: User, plan: str, *, key: str | None, dry_run: bool = False
    ) -> dict[str, Any]:
        """Change to a dearer plan now, once the difference is paid; ``dry_run`` says what that is.

        Raises NotSubscribed, NotAnUpgrade, PaymentPending, Ending, CardDeclined.
        """
        await self._check(user)
        offer = await self.offers.find(plan)
        async with self._requests.begun(user, _kind("upgrade", dry_run), plan=plan, key=key) as request:
            if request.result is not None:
                return request.result
            present = await self._present(user)
            before = await self.offers.of_price(present.price)
            if before is not None and offer.cents <= before.cents and present.price != offer.price:
                raise NotAnUpgrade("This plan does not cost more than the present one.")
            if dry_run:
                request.result = await self._preview(present, offer)
                return request.result
            if present.price != offer.price:
                _check_changeable(present)
                if present.schedule is not None:
                    await self._stripe.release_schedule(present.schedule, key=request.key("release"))
                await self._stripe.change_price(present, offer.price, key=request.key("upgrade"))
            request.result = await self._changed(user, present.customer, "upgrade", plan)
            return request.result

    async def downgrade(
        self, user: User, plan: str, *, key: str | None, dry_run: bool = False
    ) -> dict[str, Any]:
        """Change to a cheaper plan, or none, when the period that is paid for ends.

        Raises NotSubscribed, NotADowngrade, DoesNotFit, PaymentPending, Ending.
        """
        await self._check(user)
        free = plan == self.settings.default_plan
        offer = await self.offers.find(plan, free=free)
        async with self._requests.begun(user, _kind("downgrade", dry_run), plan=plan, key=key) as request:
            if request.result is not None:
                return request.result
            present = await self._present(user)
            before = await self.offers.of_price(present.price)
            if before is not None and offer.cents >= before.cents:
                raise NotADowngrade("This plan does not cost less than the present one.")
            misfits = await self.offers.misfits(user, offer)
            if dry_run:
                request.result = _later(present, offer, misfits)
                return request.result
            if misfits:
                text = "What the account has does not fit this plan."
                raise DoesNotFit(text, details={"plan": plan, "misfits": misfits})
            _check_changeable(present)
            if present.schedule is not None:
                await self._stripe.release_schedule(present.schedule, key=request.key("release"))
            if free:
                await self._stripe.cancel_at_period_end(present.id, cancel=True, key=request.key("cancel"))
            else:
                await self._stripe.change_at_period_end(
                    present, offer.price, interval=offer.interval, key=request.key("downgrade")
                )
            request.result = await self._changed(user, present.customer, "downgrade", plan)
            return request.result

    async def end(self, user: User, *, cancel: bool, key: str | None) -> dict[str, Any]:
        """End the subscription with its period; or, without ``cancel``, keep it as it is after all."""
        await self._check(user)
        kind = "cancel" if cancel else "resume"
        async with self._requests.begun(user, kind, key=key) as request:
            if request.result is not None:
                return request.result
            present = await self._present(user)
            if present.schedule is not None:
                await self._stripe.release_schedule(present.schedule, key=request.key("release"))
            if present.cancel_at_period_end != cancel:
                await self._stripe.cancel_at_period_end(present.id, cancel=cancel, key=request.key(kind))
            request.result = await self._changed(user, present.customer, kind, None)
            return request.result

    async def portal(self, user: User) -> str:
        """Return the address of the billing portal. Raises NoCustomer."""
        await self._check(user)
        async with self._requests.begun(user, "portal") as request:
            async with self._database.reading() as session:
                account = await store.find_account(session, user.id)
            if account is None or account.customer_id is None:
                raise NoCustomer("Nothing was bought yet, so there is nothing to manage.")
            url = await self._stripe.portal(
                account.customer_id, back=self.settings.cancel_url, key=request.key("portal")
            )
            async with self._database.transaction() as session:
                record(session, "billing.portal", actor=user.id)
        return url

    async def exempt(self, admin: User, user_id: str, *, exempt: bool) -> None:
        """Free an account from paying, or no longer; takes effect at once where it has a customer."""
        async with self._database.transaction() as session:
            account = await store.ensure_account(session, user_id)
            account.exempt = exempt
            record(session, "billing.exempt", actor=admin.id, user=user_id, exempt=exempt)
        if account.customer_id is not None and self.settings.enabled:
            await self._mirror.sync(account.customer_id)

    async def _check(self, user: User) -> None:
        if not self.settings.enabled:
            raise BillingDisabled("This platform has billing switched off.")
        async with self._database.reading() as session:
            account = await store.find_account(session, user.id)
        if user.is_admin or (account is not None and account.exempt):
            raise BillingExempt("This account pays nothing.")

    async def _customer(self, user: User, request: Request) -> str:
        async with self._database.reading() as session:
            account = await store.find_account(session, user.id)
        if account is not None and account.customer_id is not None:
            return account.customer_id
        made = await self._stripe.create_customer(
            user_id=user.id, email=user.email, key=request.key("customer")
        )
        async with self._database.transaction() as session:
            await store.bind(session, await store.ensure_account(session, user.id), made)
            record(session, "billing.customer", actor=user.id, customer=made)
        return made

    async def _close_open_checkout(self, user: User, request: Request) -> None:
        async with self._database.reading() as session:
            account = await store.find_account(session, user.id)
        if account is None or account.checkout_id is None:
            return
        try:
            await self._stripe.expire_checkout(account.checkout_id, key=request.key("expire"))
        except StripeRefused:
            return  # it is paid or closed already; who has a subscription is seen next

    async def _present(self, user: User) -> Subscription:
        """Return the live subscription as Stripe has it now. Raises NotSubscribed."""
        async with self._database.reading() as session:
            account = await store.find_account(session, user.id)
        if account is None or account.customer_id is None:
            raise NotSubscribed("There is no subscription.")
        facts = await self._stripe.facts(account.customer_id)
        live = [found for found in facts.subscriptions if found.is_live]
        if not live:
            raise NotSubscribed("There is no subscription.")
        return max(live, key=lambda found: (found.status in {"active", "trialing"}, found.created))

    async def _preview(self, present: Subscription, offer: Offer) -> dict[str, Any]:
        found = await self._stripe.preview(present, offer.price)
        return {
            "dryRun": True,
            "plan": offer.plan,
            "amountDueCents": found.amount_cents,
            "currency": found.currency,
            "effective": "now",
        }

    async def _changed(self, user: User, customer: str, kind: str, plan: str | None) -> dict[str, Any]:
        async def within(session: Any, user_id: str) -> None:
            record(session, f"billing.{kind}", actor=user_id, plan=plan)

        await self._mirror.sync(customer, user_id=user.id, within=within)
        return await self.offers.current(user)


def _kind(kind: str, dry_run: bool) -> str:  # noqa: FBT001 - one word more
    return f"{kind}-preview" if dry_run else kind


def _later(present: Subscription, offer: Offer, misfits: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "dryRun": True,
        "plan": offer.plan,
        "amountDueCents": 0,
        "currency": offer.currency,
        "effective": present.period_end.isoformat() if present.period_end else None,
        "misfits": misfits,
    }


def _check_changeable(present: Subscription) -> None:
    if present.pending_update or present.status not in {"active", "trialing"}:
        raise PaymentPending("A payment has to arrive before the plan can change.")
    if present.cancel_at_period_end:
        raise Ending("The subscription ends with its period; resume it first.")
