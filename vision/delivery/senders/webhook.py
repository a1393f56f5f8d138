"""A signed CloudEvents message to an HTTP address.

Signed as in Standard Webhooks, https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md:
HMAC-SHA256 of `id.timestamp.body`. That is three lines of the standard library, so the published library is not a
dependency: it is the judge in the tests. The address in the config is the only one that is ever called: redirects are not
followed, proxies of the environment are not used.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from vision.delivery.cloudevents import CONTENT_TYPE, cloud_event, encoded
from vision.delivery.env import AddressText, SecretText
from vision.delivery.senders.base import AlertParams, Message, Sender, SenderContext, register
from vision.delivery.signing import keys_of, signature
from vision.errors import ConfigError

if TYPE_CHECKING:
    from vision.delivery.http_post import Poster

_INLINE_BYTES = 256 * 1024  # of an inlined JPEG; base64 adds a third
_GOOD_KEY = 24  # bytes, as Standard Webhooks asks


def _http(value: AddressText) -> AddressText:
    if not re.match(r"https?://[^/\s]|\$\{", value.text):
        raise ValueError("must be an address that begins with http:// or https://")
    return value


HttpAddress = Annotated[AddressText, AfterValidator(_http)]


class WebhookAlert(AlertParams):
    """A signed CloudEvents message to an HTTP address."""

    type: Literal["webhook"] = "webhook"
    url: HttpAddress = Field(description="The receiver's address, http:// or https://; redirects are not followed.")
    secret: SecretText | None = Field(
        None,
        description="Key of the signature (Standard Webhooks): ${NAME}. whsec_ and base64 of 24 to 64 bytes is best; "
        "several with blanks between, while keys change: each signs.",
    )
    authorization: SecretText | None = Field(
        None, description="Value of the Authorization header, for example `Bearer …`: ${NAME}."
    )
    snapshot: Literal["none", "link", "inline"] = Field(
        "link",
        description="How the picture comes along: as a signed, expiring link (where api.public_url is set), in the "
        "message itself as base64, or not at all.",
    )
    timeout_s: float = Field(15.0, ge=1, le=60, description="A receiver that has not answered by then is asked again.")


@register
class Webhook(Sender[WebhookAlert]):
    """Sends each message as an HTTP POST over kept connections."""

    Params = WebhookAlert

    def __init__(self, params: WebhookAlert, context: SenderContext) -> None:
        """Raises `ConfigError` where a variable is not set or an address or secret cannot be used."""
        super().__init__(params, context)
        self._url = params.url.filled_in()
        self._authorization = None if params.authorization is None else params.authorization.filled_in()
        secret = "" if params.secret is None else params.secret.filled_in()
        try:
            _check(self._url, with_user=self._authorization is None)
        except ValueError as error:
            raise ConfigError(f"{params.url.place or 'alerts: webhook'}: {error}") from None
        try:
            self._keys = keys_of(secret) if params.secret is not None else ()
        except ValueError as error:
            raise ConfigError(f"{(params.secret and params.secret.place) or 'alerts: webhook'}: {error}") from None
        self._poster: Poster | None = None

    async def start(self) -> None:
        """Make the pool of connections; none is opened yet."""
        if self._poster is None:
            self._poster = self._made()

    async def send(self, message: Message) -> None:
        """Post it. Raises `Retry`, `Refused` or `Disabled` by what the receiver answered."""
        await self.start()
        assert self._poster is not None
        body = await asyncio.to_thread(self._body, message)
        await self._poster.post(body, self._headers(message.id, body), self.context.clock())

    async def probe(self) -> str:
        """Connect, shake hands for TLS, hang up: no request is made, so nobody is alerted."""
        poster = self._made()
        try:
            found = await poster.probe(self.context.clock())
        finally:
            await poster.close()
        if not self._keys:
            return f"{found}, not signed: set secret"
        if min(len(key) for key in self._keys) < _GOOD_KEY:
            return f"{found}, the secret is short: {_GOOD_KEY} bytes or more are wanted"
        return found

    async def close(self) -> None:
        """Close the connections."""
        poster, self._poster = self._poster, None
        if poster is not None:
            await poster.close()

    def _made(self) -> Poster:
        """The HTTP client; its library is loaded here, so that reading a config stays quick."""
        from vision.delivery.http_post import Poster

        return Poster(self._url, self.params.timeout_s)

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        timestamp = int(self.context.clock())  # fresh at each attempt: receivers refuse old ones
        headers = {"Content-Type": CONTENT_TYPE, "webhook-id": message_id, "webhook-timestamp": str(timestamp)}
        if self._keys:
            headers["webhook-signature"] = " ".join(signature(key, message_id, timestamp, body) for key in self._keys)
        if self._authorization is not None:
            headers["Authorization"] = self._authorization
        return headers

    def _body(self, message: Message) -> bytes:
        """Blocks: an inlined picture is read from disk."""
        from vision.delivery.pictures import evidence_file, small_jpeg

        evidence: Mapping[str, str | None] = message.event.get("evidence") or {}
        link, picture, links = self.context.link, None, {}
        if self.params.snapshot == "link" and link is not None:
            links = {kind: link(path) for kind, path in evidence.items() if path}
        elif self.params.snapshot == "inline" and (path := evidence.get("snapshot")):
            file = evidence_file(self.context.evidence, path)
            jpeg = None if file is None else small_jpeg(file, _INLINE_BYTES)
            if jpeg is not None:
                picture = {"content_type": "image/jpeg", "base64": base64.b64encode(jpeg).decode()}
        return encoded(cloud_event(message, site=self.context.site, links=links, snapshot=picture))


def _check(address: str, *, with_user: bool) -> None:
    """Raises `ValueError` for an address of no use; the text does not hold the address: it may be a secret."""
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", address):
        raise ValueError("the address must be like http://host/path or https://host:port/path")
    if parts.username is not None and not with_user:
        raise ValueError("give a user in the address or authorization, not both")
