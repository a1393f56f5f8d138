"""A signed CloudEvents message to an HTTP address."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from vision.delivery.env import AddressText, SecretText
from vision.delivery.senders.base import AlertParams, Message, Refused, Sender, register


def _http(value: AddressText) -> AddressText:
    if not re.match(r"https?://[^/\s]|\$\{", value.text):
        raise ValueError("must be an address that begins with http:// or https://")
    return value


HttpAddress = Annotated[AddressText, AfterValidator(_http)]


class WebhookAlert(AlertParams):
    """A signed CloudEvents message to an HTTP address."""

    type: Literal["webhook"] = "webhook"
    url: HttpAddress = Field(description="The receiver's address, http:// or https://.")
    secret: SecretText | None = Field(None, description="Key of the signature (Standard Webhooks): ${NAME}.")


@register
class Webhook(Sender[WebhookAlert]):
    """Sends each message as an HTTP POST."""

    Params = WebhookAlert

    async def send(self, message: Message) -> None:
        """Send one message."""
        raise Refused("webhooks are not built yet")
