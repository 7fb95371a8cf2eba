"""Mail through the company's own server, never without TLS."""

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate

from models.errors import ExpectedError

TLS_PORT = 465  # TLS from the first byte; any other port must offer STARTTLS
TIMEOUT_SECONDS = 10.0


class MailError(ExpectedError):
    """Not sent; the message names the server and the reason, never the password."""


def send(
    subject: str,
    text: str,
    *,
    host: str,
    port: int,
    user: str,
    password: str,
    sender: str,
    to: Sequence[str],
    message_id: str,
    implicit_tls: bool | None = None,
    trust: ssl.SSLContext | None = None,
) -> None:
    """Send one plain-text mail. ``message_id`` is the same for every try. Raises MailError.

    ``implicit_tls`` (None: by port) and ``trust`` are for tests.
    """
    if not sender or not to:
        raise MailError("alerts.mail_from and alerts.mail_to must be set to send mail")
    context = trust or ssl.create_default_context()
    try:
        message = _message(subject, text, sender, to, message_id)
        if port == TLS_PORT if implicit_tls is None else implicit_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
        with server:
            if not isinstance(server, smtplib.SMTP_SSL):
                server.starttls(context=context)  # raises when the server does not offer it: never in the clear
            if user:
                server.login(user, password)
            server.send_message(message)
    except smtplib.SMTPAuthenticationError:
        raise MailError(f"{host} refused alerts.smtp_user and smtp_password") from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise MailError(f"{host}:{port} did not take the mail: {error}") from error


def _message(subject: str, text: str, sender: str, to: Sequence[str], message_id: str) -> EmailMessage:
    """Raises ValueError for a line break in a header."""
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{message_id}@siyu>"
    message.set_content(text)
    return message
