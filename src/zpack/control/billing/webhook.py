"""Takes Stripe's events: verified on the raw body, stored once, answered at once, acted on later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.billing import store
from zpack.control.billing.refusals import BillingDisabled
from zpack.control.engine.errors import Refusal
from zpack.control.outside.stripe import BadSignature

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.db.session import Database
    from zpack.control.outside.stripe import Stripe


class InvalidSignature(Refusal):
    """Not signed by Stripe, or too long ago; Stripe sends what was refused again."""

    code = "invalid_signature"


class Webhook:
    """The door for Stripe; ``hint`` wakes whoever acts on the events."""

    def __init__(
        self, *, database: Database, stripe: Stripe, enabled: bool, hint: Callable[[], None]
    ) -> None:
        self._database = database
        self._stripe = stripe
        self._enabled = enabled
        self._hint = hint

    async def receive(self, body: bytes, signature: str | None) -> None:
        """Store an event. Raises BillingDisabled, InvalidSignature."""
        if not self._enabled:
            raise BillingDisabled("This platform has billing switched off.")
        try:
            notice = self._stripe.notice(body, signature)
        except BadSignature as failure:
            raise InvalidSignature(str(failure)) from None
        async with self._database.transaction() as session:
            await store.keep(session, notice)
        self._hint()
