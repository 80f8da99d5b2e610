"""Every call that the simulation answers."""

from __future__ import annotations

from zpack.simulate.stripe.resources import (
    catalog,
    checkout,
    clocks,
    customers,
    events,
    invoice_items,
    invoices,
    payment_methods,
    payment_pages,
    payments,
    portal,
    previews,
    schedules,
    subscriptions,
)

ROUTES = [
    *catalog.ROUTES,
    *checkout.ROUTES,
    *clocks.ROUTES,
    *customers.ROUTES,
    *events.ROUTES,
    *previews.ROUTES,
    *invoice_items.ROUTES,
    *invoices.ROUTES,
    *payment_methods.ROUTES,
    *payment_pages.ROUTES,
    *payments.ROUTES,
    *portal.ROUTES,
    *schedules.ROUTES,
    *subscriptions.ROUTES,
]
