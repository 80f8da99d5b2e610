"""Roads and sender of mail (contract §10.6, §13)."""

from __future__ import annotations

from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import getaddresses, parseaddr

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings

from zpack.control.settings.field import FROZEN, env


class MailSettings(BaseSettings):
    """How mail leaves."""

    model_config = FROZEN

    smtp_host: str | None = env("SMTP_HOST", default=None)
    """Mail server; without it and without Resend mail goes to the log, for local development."""
    smtp_port: int | None = env("SMTP_PORT", default=None)
    """Its port; 465 when ``SMTP_SECURE``, else 587."""
    smtp_secure: bool = env("SMTP_SECURE", default=False)
    """TLS from the first byte; otherwise STARTTLS where the server offers it."""
    smtp_user: str | None = env("SMTP_USER", default=None)
    """Whom we log in as there; without one we do not."""
    smtp_pass: SecretStr | None = env("SMTP_PASS", default=None)
    """Its password; never sent in clear over a network."""
    mail_from: str = env("MAIL_FROM", default="ZeroLag Hub Support <support@zerolaghub.com>")
    """Sender of all mail: ``Name <address>``."""
    resend_key: SecretStr | None = env("RESEND_API_KEY", default=None)
    """Key of Resend, which takes what the mail server does not."""
    resend_api_base: str = env("RESEND_API_BASE", default="https://api.resend.com")
    """Base URL of Resend's API."""

    portal_name: str = env("PORTAL_NAME", default="", max_length=40)
    """The operator's name, as the pages show it."""

    @property
    def brand(self) -> str:
        """Whom mail is from, as its reader knows them."""
        return self.portal_name or parseaddr(self.mail_from)[0] or "zpack"

    @property
    def sender(self) -> str:
        """The sender of all mail; one that says no name has the operator's."""
        name, address = parseaddr(self.mail_from)
        if self.portal_name and not (name and "mail_from" in self.model_fields_set):
            return str(Address(self.portal_name, addr_spec=address))
        return self.mail_from

    @field_validator("portal_name")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must be one line of text")
        return value

    @field_validator("mail_from")
    @classmethod
    def _one_sender(cls, value: str) -> str:
        try:
            ((name, address),) = getaddresses([value])
            Address(name, addr_spec=address)
        except (ValueError, IndexError, HeaderParseError) as failure:
            msg = "must be one address, or Name <address>"
            raise ValueError(msg) from failure
        return value
