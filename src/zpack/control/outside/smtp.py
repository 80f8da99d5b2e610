"""Mail by SMTP: a connection for each mail, TLS at once or by STARTTLS, no password in clear on a network."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from contextlib import asynccontextmanager, suppress
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.policy import SMTPUTF8 as SMTPUTF8_POLICY
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, ClassVar

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)
from email_validator import EmailNotValidError, validate_email

from zpack.control.outside.mail import NotDelivered

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from zpack.control.outside.mail import Mail

COMMAND_SECONDS = 15.0
PERMANENT = 500
PLAIN = SMTP_POLICY.clone(cte_type="7bit")


class Smtp:
    """One mail server. ``secure`` means TLS from the first byte; otherwise STARTTLS where it is offered."""

    name: ClassVar[str] = "smtp"

    def __init__(
        self,
        *,
        host: str,
        port: int,
        secure: bool,
        user: str | None,
        password: str | None,
        tls: ssl.SSLContext | None = None,
        seconds: float = COMMAND_SECONDS,
    ) -> None:
        self._host = host
        self._port = port
        self._secure = secure
        self._user = user
        self._password = password or ""
        self._tls = tls
        self._seconds = seconds

    async def send(self, mail: Mail) -> None:
        """Hand a mail over. Raises NotDelivered."""
        recipient = ascii_where_possible(mail.recipient)
        content, options = _content(mail, recipient)
        async with self._connected() as smtp:
            try:
                if options and not smtp.supports_extension("smtputf8"):
                    raise NotDelivered("the mail server knows no SMTPUTF8", "elsewhere")
                encoding = "utf-8" if options else "ascii"
                await smtp.mail(parseaddr(mail.sender)[1], options=options, encoding=encoding)
                await smtp.rcpt(recipient, encoding=encoding)
            except SMTPRecipientRefused as failure:
                verdict = "never" if failure.code >= PERMANENT else "later"
                message = f"the recipient was refused: {failure.code} {failure.message}"
                raise NotDelivered(message, verdict) from failure
            except (SMTPException, OSError) as failure:
                raise _elsewhere(failure) from failure
            try:
                await smtp.data(content)
            except SMTPDataError as failure:
                verdict = "elsewhere" if failure.code >= PERMANENT else "later"
                message = f"the text was refused: {failure.code} {failure.message}"
                raise NotDelivered(message, verdict) from failure
            except (SMTPException, OSError) as failure:
                message = f"the mail server broke off behind the text: {type(failure).__name__}"
                raise NotDelivered(message, "unknown") from failure

    async def check(self) -> None:
        """Connect and log in. Raises NotDelivered."""
        async with self._connected():
            pass

    async def close(self) -> None:
        """Nothing is kept open."""

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[SMTP]:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        smtp = SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._secure,
            start_tls=False,  # asked for by ``_greet``, which decides what happens without
            tls_context=self._tls,
            timeout=self._seconds,
            local_hostname=socket.gethostname(),
        )
        try:
            await self._greet(smtp)
            yield smtp
            with suppress(SMTPException, OSError):  # the mail is taken, or nothing was to be
                await smtp.quit()
        finally:
            smtp.close()

    async def _greet(self, smtp: SMTP) -> None:
        try:
            await smtp.connect()
            await smtp.ehlo()
            if not self._secure and smtp.supports_extension("starttls"):
                await smtp.starttls()
                await smtp.ehlo()
            if self._user:
                _refuse_clear_network(smtp)
                await smtp.login(self._user, self._password)
        except (SMTPException, OSError, ValueError) as failure:
            raise _elsewhere(failure) from failure


def ascii_where_possible(address: str) -> str:
    """Return an address with its domain in ASCII; its local part may need SMTPUTF8."""
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:  # such as the first administrator's, which nobody has checked
        return address
    return found.ascii_email or f"{found.local_part}@{found.ascii_domain}"


def _content(mail: Mail, recipient: str) -> tuple[bytes, list[str]]:
    """Return the message and what MAIL must be told about it. Raises NotDelivered."""
    policy, options = (PLAIN, []) if recipient.isascii() else (SMTPUTF8_POLICY, ["SMTPUTF8"])
    name, sender = parseaddr(mail.sender)
    message = EmailMessage(policy=policy)
    try:
        message["From"] = Address(name, addr_spec=sender)
        message["To"] = Address(addr_spec=recipient)
        message["Subject"] = mail.subject
        if mail.reply_to is not None:
            message["Reply-To"] = Address(addr_spec=ascii_where_possible(mail.reply_to))
    except (ValueError, IndexError, HeaderParseError) as failure:  # CR or LF, or no address at all
        raise NotDelivered(f"no mail can have such a head: {type(failure).__name__}", "never") from failure
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<{mail.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message.as_bytes(), options


def _refuse_clear_network(smtp: SMTP) -> None:
    """Raise NotDelivered when the password would leave this machine in clear."""
    if smtp.get_transport_info("sslcontext") is not None:
        return
    peer = smtp.get_transport_info("peername")
    if not (peer and ipaddress.ip_address(peer[0]).is_loopback):
        raise NotDelivered("the mail server offers no TLS, and a password is not sent in clear", "elsewhere")


def _elsewhere(failure: Exception) -> NotDelivered:
    if isinstance(failure, SMTPResponseException):
        said = f"{failure.code} {failure.message}"
    else:
        said = str(failure.__cause__ or failure)
    return NotDelivered(f"the mail server does not work: {type(failure).__name__}: {said}", "elsewhere")
