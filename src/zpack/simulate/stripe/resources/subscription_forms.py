"""What the calls of ``/v1/subscriptions`` take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.forms import FLAG, METADATA, MOMENT, TEXT, Fields, Many, Whole, one_of

if TYPE_CHECKING:
    from zpack.simulate.stripe.forms import Kind

PRORATION = one_of("always_invoice", "create_prorations", "none")
PAYMENT = one_of("allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")
COLLECTION = one_of("charge_automatically", "send_invoice")
NEW_ITEM: dict[str, Kind] = {"metadata": METADATA, "price": TEXT, "quantity": Whole(least=0)}
ITEM = Fields({**NEW_ITEM, "deleted": FLAG, "id": TEXT})
END_BEHAVIOR = Fields(
    {"missing_payment_method": one_of("cancel", "create_invoice", "pause")},
    required=("missing_payment_method",),
)
SETTINGS: dict[str, Kind] = {
    "cancel_at_period_end": FLAG,
    "collection_method": COLLECTION,
    "days_until_due": Whole(least=0),
    "default_payment_method": TEXT,
    "description": TEXT,
    "metadata": METADATA,
    "off_session": FLAG,
    "payment_behavior": PAYMENT,
    "payment_settings": Fields(
        {
            "payment_method_types": Many(one_of("card", "link")),
            "save_default_payment_method": one_of("off", "on_subscription"),
        }
    ),
    "proration_behavior": PRORATION,
    "trial_end": Whole(("now",), least=0),
    "trial_settings": Fields({"end_behavior": END_BEHAVIOR}, required=("end_behavior",)),
}
CREATE: dict[str, Kind] = {
    **SETTINGS,
    "billing_mode": Fields({"type": one_of("classic", "flexible")}, required=("type",)),
    "cancel_at": MOMENT,
    "customer": TEXT,
    "items": Many(Fields(NEW_ITEM), most=20),
    "trial_period_days": Whole(least=1),
}
DETAILS = Fields(
    {
        "comment": TEXT,
        "feedback": one_of(
            "",
            "customer_service",
            "low_quality",
            "missing_features",
            "other",
            "switched_service",
            "too_complex",
            "too_expensive",
            "unused",
        ),
    }
)
UPDATE: dict[str, Kind] = {
    **SETTINGS,
    "billing_cycle_anchor": one_of("now", "unchanged"),
    "cancel_at": Whole(("",), least=0),
    "cancellation_details": DETAILS,
    "items": Many(ITEM, most=20),
    "pause_collection": Fields(
        {"behavior": one_of("keep_as_draft", "mark_uncollectible", "void"), "resumes_at": MOMENT},
        required=("behavior",),
    ),
    "proration_date": MOMENT,
}
PENDING_ALLOWS = frozenset(
    {
        "billing_cycle_anchor",
        "expand",
        "items",
        "off_session",
        "payment_behavior",
        "proration_behavior",
        "proration_date",
        "trial_end",
    }
)
STATUS = one_of(
    *("active", "all", "canceled", "ended", "incomplete", "incomplete_expired"),
    *("past_due", "paused", "trialing", "unpaid"),
)
