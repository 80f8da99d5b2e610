"""Constructs the roads of mail that are set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.mail.console import ConsoleRoad
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.resend import Resend
from zpack.control.outside.smtp import Smtp

if TYPE_CHECKING:
    from zpack.control.outside.mail import Road
    from zpack.control.settings import Settings

SECURE_PORT, SUBMISSION_PORT = 465, 587


def build_roads(settings: Settings) -> tuple[Road, ...]:
    """Return the roads of mail in their order: SMTP, Resend, and without both the console (row S77)."""
    roads: list[Road] = []
    if settings.smtp_host:
        secret = settings.smtp_pass
        roads.append(
            Smtp(
                host=settings.smtp_host,
                port=settings.smtp_port or (SECURE_PORT if settings.smtp_secure else SUBMISSION_PORT),
                secure=settings.smtp_secure,
                user=settings.smtp_user,
                password=secret.get_secret_value() if secret else None,
            )
        )
    if settings.resend_key and settings.resend_key.get_secret_value():
        roads.append(
            Resend(
                base_url=settings.resend_api_base,
                key=settings.resend_key.get_secret_value(),
                http=ForeignHttp(name="Resend", connections=8),
            )
        )
    return tuple(roads) or (ConsoleRoad(),)
