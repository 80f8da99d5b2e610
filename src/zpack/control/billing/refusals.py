"""Why billing turns a request down."""

from __future__ import annotations

from zpack.control.engine.errors import Refusal


class BillingDisabled(Refusal):
    """This platform sells nothing: it has no key of Stripe's."""

    kind = "unavailable"
    code = "billing_disabled"


class BillingExempt(Refusal):
    """Administrators, and whom they freed, pay nothing."""

    kind = "conflict"
    code = "billing_exempt"


class PlanMissing(Refusal):
    """No such plan is sold."""

    kind = "not_found"
    code = "plan_not_found"


class AlreadySubscribed(Refusal):
    """There is a subscription already: change it instead."""

    kind = "conflict"
    code = "already_subscribed"


class NotSubscribed(Refusal):
    """There is no subscription to change."""

    kind = "conflict"
    code = "not_subscribed"


class NotAnUpgrade(Refusal):
    """The plan does not cost more than the present one."""

    kind = "conflict"
    code = "not_an_upgrade"


class NotADowngrade(Refusal):
    """The plan does not cost less than the present one."""

    kind = "conflict"
    code = "not_a_downgrade"


class DoesNotFit(Refusal):
    """What the account has does not fit the plan; ``details.misfits`` says what."""

    kind = "conflict"
    code = "does_not_fit"


class PaymentPending(Refusal):
    """A payment has to arrive, or an earlier change be paid for, before the plan changes."""

    kind = "conflict"
    code = "payment_pending"


class Ending(Refusal):
    """The subscription ends with its period; resume it first."""

    kind = "conflict"
    code = "subscription_ending"


class CardDeclined(Refusal):
    """The bank said no; ``details.reason`` is its word. Nothing was changed."""

    kind = "payment"
    code = "payment_declined"


class NoCustomer(Refusal):
    """Nothing was ever bought, so there is nothing to manage."""

    kind = "conflict"
    code = "no_billing_account"


class BillingBusy(Refusal):
    """Another request of this account is being worked on; ``details.retryAfter`` is in seconds."""

    kind = "conflict"
    code = "billing_in_progress"
