"""What a browser is told to refuse, and which requests we refuse ourselves.

A mutation needs two proofs: the browser says that it comes from our own pages (Origin, Sec-Fetch-Site), and
the form carries the token of the visitor's cookie. A container's page on a neighbouring host has neither.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
TOKEN_BYTES = 24
FIELD = "csrf"
HEADER = "x-csrf-token"


class Forged(Exception):
    """A mutation that none of our pages asked for, or one whose page is too old."""


def headers_of(nonce: str) -> dict[str, str]:
    """Return the headers of every page. The nonce is for style sheets that a terminal makes itself."""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
        "cache-control": "no-store",
    }


def new_secret() -> str:
    """Return what the cookie holds that mutations are proved with."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def mask(secret: str) -> str:
    """Return a token for a page; no two are alike, so compression tells nothing of it (BREACH)."""
    plain = secret.encode()
    pad = secrets.token_bytes(len(plain))
    return base64.urlsafe_b64encode(pad + _xor(pad, plain)).decode()


def check_mutation(request: Request, secret: str | None, form: Mapping[str, str]) -> None:
    """Check both proofs. Raises Forged."""
    headers = request.headers
    site = headers.get("sec-fetch-site", "same-origin")
    if site not in {"same-origin", "none"} or not _own(headers.get("origin"), headers.get("host", "")):
        raise Forged
    shown = headers.get(HEADER) or form.get(FIELD, "")
    if not secret or not hmac.compare_digest(_unmasked(shown), secret.encode()):
        raise Forged


def _own(origin: str | None, host: str) -> bool:
    """Say whether a request comes from a page of this host; a browser that says nothing is asked nothing."""
    try:
        return origin is None or urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _unmasked(token: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(token.encode())
    except ValueError:
        return b""
    half = len(raw) // 2
    return _xor(raw[:half], raw[half:])


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=False))
