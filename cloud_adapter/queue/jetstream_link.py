"""The connection to NATS: made when first needed, kept through restarts of the server, errors told in one way."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cloud_adapter.queue.settings import JetStreamQueue
from vision.errors import InputError, StoreError

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js import JetStreamContext

CONNECT_S = 5.0
REQUEST_S = 5.0
EXISTS = 10058  # JetStream: the stream's name is in use with another configuration
WRONG_SEQUENCE = 10071  # JetStream: wrong last sequence


class Link:
    """One connection of one process; belongs to one event loop."""

    def __init__(self, settings: JetStreamQueue) -> None:
        if importlib.util.find_spec("nats") is None:
            raise InputError('queue: NATS needs an extra package: pip install "sightline[nats]"')
        self.settings = settings
        self.shown = ", ".join(server.text for server in settings.servers)
        self._client: Client | None = None
        self._lock = asyncio.Lock()
        self._cause = ""

    async def js(self) -> JetStreamContext:
        """The connected JetStream. Raises `StoreError`."""
        async with self._lock:
            if self._client is None or self._client.is_closed:
                self._client = await self._connect()
        if not self._client.is_connected:  # it is at it by itself; waiting here would only pile up work
            raise StoreError(f"NATS {self.shown}: cannot be reached{self._cause}")
        return self._client.jetstream(timeout=REQUEST_S)

    async def client(self) -> Client:
        """The connected client. Raises `StoreError`."""
        await self.js()
        assert self._client is not None
        return self._client

    async def _connect(self) -> Client:
        from nats.aio.client import Client

        client = Client()
        with self.told():
            options = self._options()
            try:
                async with asyncio.timeout(CONNECT_S):
                    await client.connect(**options)
            except BaseException:
                with contextlib.suppress(Exception):
                    await client.close()
                raise
        self._cause = ""
        return client

    def _options(self) -> dict[str, Any]:
        settings = self.settings
        options: dict[str, Any] = {
            "servers": [server.filled_in() for server in settings.servers],
            "name": "sightline",
            "connect_timeout": 2,
            "reconnect_time_wait": 0.5,
            "max_reconnect_attempts": -1,
            "ping_interval": 20,
            "error_cb": self._failed,
            "pending_size": 0,  # what is said into a broken connection fails at once, and is not sent later
        }
        secrets = {"password": settings.password, "token": settings.token}
        options.update({name: secret.filled_in() for name, secret in secrets.items() if secret is not None})
        if settings.user is not None:
            options["user"] = settings.user
        if settings.credentials is not None:
            options["user_credentials"] = str(settings.credentials)
        if settings.ca is not None:
            import ssl

            options["tls"] = ssl.create_default_context(cafile=settings.ca)
        return options

    async def _failed(self, error: Exception) -> None:
        self._cause = f" ({_words(error)})"

    @contextmanager
    def told(self) -> Iterator[None]:
        """What NATS and the network raise becomes `StoreError`."""
        import nats.errors

        try:
            yield
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise StoreError(f"NATS {self.shown}: {_words(error)}{self._cause}") from None

    async def stream(self, **config: Any) -> None:
        """Create a stream, or bring it to this configuration."""
        from nats.js.errors import BadRequestError

        js = await self.js()
        replicas = self.settings.replicas
        try:
            await js.add_stream(num_replicas=replicas, **config)
        except BadRequestError as error:
            if error.err_code != EXISTS:
                raise
            await js.update_stream(num_replicas=replicas, **config)

    async def close(self) -> None:
        """Let the connection go."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):  # the server may be gone
                await client.close()


class Marks:
    """Small notes by key, the newest of each key only: a stream whose subjects are the keys."""

    def __init__(self, link: Link, kind: str, max_age_s: float = 0) -> None:
        self._link, self._max_age_s = link, max_age_s
        self.stream = f"{link.settings.prefix}_{kind}"
        self._subject = f"{link.settings.prefix}.{kind}"

    async def create(self) -> None:
        """Make the stream."""
        await self._link.stream(
            name=self.stream,
            subjects=[f"{self._subject}.*"],
            max_msgs_per_subject=1,
            max_age=self._max_age_s,
            storage="file",
            allow_direct=True,
        )

    async def put(self, key: str, note: dict[str, Any], *, first: bool = False) -> bool:
        """Write; with `first` only where there is none: False where there was one."""
        from nats.js.errors import BadRequestError

        headers = {"Nats-Expected-Last-Subject-Sequence": "0"} if first else None
        js = await self._link.js()
        try:
            await js.publish(f"{self._subject}.{key}", json.dumps(note).encode(), headers=headers)
        except BadRequestError as error:
            if first and error.err_code == WRONG_SEQUENCE:
                return False
            raise
        return True

    async def get(self, key: str) -> dict[str, Any] | None:
        """The note, or None."""
        from nats.js.errors import NotFoundError

        js = await self._link.js()
        try:
            found = await js.get_last_msg(self.stream, f"{self._subject}.{key}")
        except NotFoundError:
            return None
        return _note(found.data)

    async def remove(self, key: str) -> None:
        """Away with it, without a trace."""
        js = await self._link.js()
        await js.purge_stream(self.stream, subject=f"{self._subject}.{key}")

    async def count(self) -> int:
        """How many keys have a note."""
        js = await self._link.js()
        return (await js.stream_info(self.stream)).state.messages

    async def all(self) -> AsyncIterator[dict[str, Any]]:
        """All notes, oldest first."""
        js = await self._link.js()
        left = await self.count()
        if not left:
            return
        reader = await js.subscribe(f"{self._subject}.*", stream=self.stream, ordered_consumer=True)
        try:
            while left > 0:
                message = await reader.next_msg(REQUEST_S)
                left = message.metadata.num_pending
                note = _note(message.data)
                if note is not None:
                    yield note
        finally:
            await reader.unsubscribe()


def _note(data: bytes | None) -> dict[str, Any] | None:
    """A note that another version or person wrote as something else counts as none."""
    try:
        note = json.loads(data or b"null")
    except ValueError:
        return None
    return note if isinstance(note, dict) else None


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = str(error).removeprefix("nats: ").strip()
    return text.splitlines()[0] if text else type(error).__name__
