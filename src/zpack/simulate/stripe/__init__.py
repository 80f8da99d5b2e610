"""Stripe for a subscription business: state, hosted pages, webhooks, test clocks, faults."""
