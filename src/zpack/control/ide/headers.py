"""Headers at the border (RFC 9110 §7.6.1): what is of one connection, or ours, stays; pure."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from zpack.control.accounts.models import KEY_PREFIX
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.ide.cookies import passed_in, passed_out
from zpack.control.ide.redirects import landed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zpack.control.ide.places import Place

    Raw = Sequence[tuple[bytes, bytes]]
    Pairs = list[tuple[str, str]]

OF_CONNECTION = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
    "trailer", "transfer-encoding", "upgrade", "http2-settings", "expect",
}  # fmt: skip
OF_PROXIES = {"forwarded", "x-real-ip", "x-client-ip", "x-original-host", "true-client-ip", "via"}
OF_THE_SITE = {
    "alt-svc", "clear-site-data", "content-location", "expect-ct", "public-key-pins", "refresh", "server",
    "strict-transport-security", "set-cookie2", "nel", "report-to", "reporting-endpoints", "x-request-id",
}  # fmt: skip
"""Answers that speak for more than the place they come from, or lead away from it."""
SANDBOX = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads"
"""A public page in a tunnel shares its host with the API: it gets an origin of its own."""
TOKEN_BYTES = 4096


class BadFraming(Refusal):
    """The request can be read in two ways."""

    code = "bad_request_framing"


class Elsewhere(ForeignError):
    """The container leads to where nobody may be led from here."""

    def __init__(self) -> None:
        super().__init__("the container redirects to where it must not", transient=False)


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, as far as it is known: the address and the scheme of the browser."""

    address: str
    scheme: str


def texts(headers: Raw) -> Pairs:
    """Return headers as text. Raises BadFraming when they can be read in two ways."""
    names = [name for name, _ in headers]
    lengths = names.count(b"content-length")
    if lengths > 1 or (lengths and b"transfer-encoding" in names) or names.count(b"host") != 1:
        raise BadFraming("The request's framing is ambiguous.")
    try:
        return [(name.decode("ascii"), value.decode()) for name, value in headers]
    except UnicodeDecodeError:
        raise BadFraming("A header is no text.") from None


def sent_in(headers: Pairs, place: Place, client: Client) -> Pairs:
    """Return the headers that the container gets."""
    dropped = OF_CONNECTION | OF_PROXIES | _named(headers)
    kept = [
        (name, value)
        for name, value in headers
        if name == "host"
        or not (
            name in dropped
            or name.startswith("x-forwarded")
            or name in {"cookie", "x-request-id"}
            or (name == "authorization" and (place.port is None or is_ours(value)))
            or (name == "referer" and "token=" in value)
        )
    ]
    cookies = passed_in((value for name, value in headers if name == "cookie"), place)
    if cookies:
        kept.append(("cookie", cookies))
    return [
        *kept,
        ("x-forwarded-for", client.address),
        ("x-forwarded-host", place.host),
        ("x-forwarded-proto", client.scheme),
    ]


def sent_out(headers: Pairs, place: Place, *, path: str, ip: str, port: int, public: bool) -> Pairs:
    """Return the headers that the browser gets. Raises Elsewhere."""
    dropped = OF_CONNECTION | OF_THE_SITE | _named(headers) | {"set-cookie"}
    kept: Pairs = []
    for name, value in headers:
        low = name.lower()
        if low == "location":
            reached = landed(value, place, path, ip=ip, port=port)
            if reached is None:
                raise Elsewhere
            kept.append((name, reached))
        elif low == "service-worker-allowed":
            kept.append((name, place.root))
        elif low not in dropped:
            kept.append((name, value))
    cookies = [value for name, value in headers if name.lower() == "set-cookie"]
    kept += [("set-cookie", cookie) for cookie in passed_out(cookies, place)]
    return kept + list(_fence(place, headers, public=public))


def _fence(place: Place, headers: Pairs, *, public: bool) -> Iterable[tuple[str, str]]:
    if public and place.prefix:
        yield "content-security-policy", SANDBOX
    elif not public:
        yield "content-security-policy", "frame-ancestors 'self'"
    if not any(name.lower() == "referrer-policy" for name, _ in headers):
        yield "referrer-policy", "same-origin"


def _named(headers: Pairs) -> set[str]:
    """Return what Connection names as its own."""
    words = (word for name, value in headers if name.lower() == "connection" for word in value.split(","))
    return {word.strip().lower() for word in words}


def is_ours(authorization: str) -> bool:
    """Say whether a header carries a token or a key of this platform."""
    scheme, _, token = authorization.partition(" ")
    return scheme.lower() == "bearer" and is_our_token(token.strip())


def is_our_token(token: str) -> bool:
    """Say whether a text is a key or, by what it says itself, a token of this platform."""
    if token.startswith(KEY_PREFIX):
        return True
    parts = token.split(".")
    if len(parts) != 3 or len(token) > TOKEN_BYTES:  # noqa: PLR2004 - RFC 7515
        return False
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(claims, dict) and claims.get("iss") == "zpack"


def split_query(query: str, place: Place) -> tuple[str | None, str]:
    """Return our token of a query, or None, and the query without it.

    An IDE has no use for a ``token``; what listens on a port may have one of its own.
    """
    found, kept = None, []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        text = unquote_plus(value)
        if unquote_plus(name) == "token" and (place.port is None or is_our_token(text)):
            found = found or text
        else:
            kept.append(part)
    return found, "&".join(kept)
