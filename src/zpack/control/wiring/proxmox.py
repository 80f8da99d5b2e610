"""Constructs the client of the Proxmox cluster: how we get in, and whom we trust there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.proxmox import Proxmox
from zpack.control.outside.proxmox_access import Ticket, Token, token_of
from zpack.control.outside.proxmox_volumes import Volumes
from zpack.control.outside.tls import authority, pinned
from zpack.control.settings import words

if TYPE_CHECKING:
    from pydantic import SecretStr

    from zpack.control.outside.proxmox_access import Access
    from zpack.control.outside.tls import Trust
    from zpack.control.settings import Settings

CONNECT_SECONDS = 5.0
KEEP_ALIVE = 3.0
"""Shorter than pveproxy's own five seconds: a change must not meet a connection that is just being closed."""


def build_proxmox(settings: Settings) -> Proxmox:
    """Construct the client; nothing is connected yet. Raises OSError when the authority cannot be read."""
    return Proxmox(
        base_url=settings.proxmox_host,
        node=settings.proxmox_node,
        access=build_access(settings),
        stop_seconds=settings.proxmox_stop_seconds,
        http=ForeignHttp(
            name="Proxmox",
            verify_tls=settings.proxmox_verify_tls,
            tls=build_trust(settings),
            connect_seconds=CONNECT_SECONDS,
            keep_alive=KEEP_ALIVE,
        ),
    )


def build_volumes(settings: Settings, proxmox: Proxmox) -> Volumes:
    """Construct what changes containers' volumes, as far as that is allowed."""
    return Volumes(
        proxmox=proxmox,
        allow_resize=settings.proxmox_allow_resize,
        allow_options=settings.proxmox_allow_options,
        shutdown_seconds=settings.proxmox_shutdown_seconds,
    )


def build_access(settings: Settings) -> Access:
    """Return the whole token, the one of its parts, or a login, in this order."""
    if settings.proxmox_token is not None:
        return Token(_shown(settings.proxmox_token))
    user, secret = settings.proxmox_user, settings.proxmox_token_secret
    if settings.proxmox_token_id and secret is not None:
        return Token(token_of(user=user, token_id=settings.proxmox_token_id, secret=_shown(secret)))
    return Ticket(user=user, password=_shown(settings.proxmox_password))


def build_trust(settings: Settings) -> Trust | None:
    """Return who is trusted instead of the system's authorities, if anyone."""
    if not settings.proxmox_verify_tls:
        return None
    if fingerprints := words(settings.proxmox_fingerprint):
        return pinned(fingerprints)
    return authority(settings.proxmox_ca_file) if settings.proxmox_ca_file else None


def _shown(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
