"""Notifiers: they send alerts, a subject and a text for people, to a webhook, by mail or to SNS."""

import smtplib
import ssl
from email.message import EmailMessage
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ReadTimeoutError
from prefect.blocks.abstract import NotificationBlock
from prefect_aws import AwsCredentials
from pydantic import Field, SecretStr

from blocks.aws import aws_client
from contract.errors import NotifyError, UnknownDeliveryError

_MAX_SUBJECT_LENGTH = 100  # SNS refuses longer ones


class ChatWebhook(NotificationBlock):
    """A Slack-compatible webhook: Slack, Mattermost, Teams through a connector."""

    _block_type_name = "Churn Chat Webhook"
    _block_type_slug = "churn-chat-webhook"
    _description = "Sends alerts to a Slack-compatible webhook."

    url: SecretStr = Field(title="URL", description="Address of the webhook; it works like a password.")
    timeout_seconds: float = Field(default=10.0, title="Timeout", description="Seconds to wait for an answer.")

    def notify(self, body: str, subject: str | None = None) -> None:  # type: ignore[override]
        """Post a message. Raises NotifyError, UnknownDeliveryError where no answer came."""
        text = f"*{subject}*\n{body}" if subject else body
        try:
            answer = httpx.post(self.url.get_secret_value(), json={"text": text}, timeout=self.timeout_seconds)
        except (httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError) as error:
            raise UnknownDeliveryError("the webhook took the message and did not answer") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Without `from`: the cause may show the address.
            raise NotifyError(f"cannot reach the webhook: {type(error).__name__}") from None
        if answer.is_error:
            raise NotifyError(f"the webhook answered {answer.status_code}: {answer.text[:200]}")


class Mail(NotificationBlock):
    """E-mail through an SMTP server."""

    _block_type_name = "Churn Mail"
    _block_type_slug = "churn-mail"
    _description = "Sends alerts by e-mail."

    host: str = Field(title="Host", description="Name of the SMTP server.")
    port: int = Field(default=587, title="Port", description="TCP port.")
    sender: str = Field(title="Sender", description="Address that the mail comes from.")
    recipients: list[str] = Field(title="Recipients", description="Addresses that the mail goes to.")
    user: str = Field(default="", title="User", description="Login name; empty for none.")
    password: SecretStr = Field(default=SecretStr(""), title="Password", description="Password of that user.")
    starttls: bool = Field(default=True, title="STARTTLS", description="Off for a server on this machine only.")
    timeout_seconds: float = Field(default=20.0, title="Timeout", description="Seconds to wait for an answer.")

    def notify(self, body: str, subject: str | None = None) -> None:  # type: ignore[override]
        """Send a mail. Raises NotifyError, UnknownDeliveryError where the connection broke after sending."""
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = subject or "Churn", self.sender, ", ".join(self.recipients)
        message.set_content(body)
        try:
            with smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds) as server:
                if self.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self.user:
                    server.login(self.user, self.password.get_secret_value())
                self._send(server, message)
        except (smtplib.SMTPException, OSError) as error:
            raise NotifyError(f"the mail server {self.host}:{self.port} refused the mail: {error}") from error

    def _send(self, server: smtplib.SMTP, message: EmailMessage) -> None:
        try:
            server.send_message(message)
        except (TimeoutError, smtplib.SMTPServerDisconnected) as error:
            raise UnknownDeliveryError(f"the mail server {self.host} did not confirm the mail") from error


class Topic(NotificationBlock):
    """An SNS topic."""

    _block_type_name = "Churn SNS Topic"
    _block_type_slug = "churn-sns-topic"
    _description = "Sends alerts to an SNS topic."

    topic_arn: str = Field(title="Topic", description="ARN of the topic, an output of the stack.")
    credentials: AwsCredentials = Field(
        default_factory=AwsCredentials, title="AWS credentials", description="Account and region of the topic."
    )

    def notify(self, body: str, subject: str | None = None) -> None:  # type: ignore[override]
        """Publish a message. Raises NotifyError, UnknownDeliveryError where no answer came."""
        options: dict[str, Any] = {"Subject": subject[:_MAX_SUBJECT_LENGTH]} if subject else {}
        try:
            # Sent once: a repeated publish would be a second message.
            aws_client(self.credentials, "sns", once=True).publish(TopicArn=self.topic_arn, Message=body, **options)
        except (ReadTimeoutError, ConnectionClosedError) as error:
            raise UnknownDeliveryError(f"the topic {self.topic_arn} did not answer") from error
        except (BotoCoreError, ClientError) as error:
            raise NotifyError(f"the topic {self.topic_arn} refused the message: {error}") from error


Notifier = ChatWebhook | Mail | Topic
