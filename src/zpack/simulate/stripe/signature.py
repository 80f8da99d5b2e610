"""The signature over a webhook's body: a time and one HMAC per secret that is valid now."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def signature(body: bytes, secrets: Iterable[str], at: int) -> str:
    """Return the ``Stripe-Signature`` header: ``t=…,v1=…``, with two ``v1`` while a secret is rolled."""
    signed = f"{at}.".encode() + body
    marks = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={mark}" for mark in marks)])
