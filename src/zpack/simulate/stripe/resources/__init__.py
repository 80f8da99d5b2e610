"""Stripe's resources: the form and the act of each call, one module per subject."""
