"""One ONVIF device under one login: calls its services, and says in a word what went wrong.

The client library speaks SOAP and WS-Security; the HTTP session is ours, so that a device that wants HTTP Digest instead
is answered too, answers are bounded, and no proxy of the environment comes between. Passwords leave this machine only
as digests.
"""

from __future__ import annotations

import datetime as dt
import os
from types import TracebackType
from typing import Any, Final, Literal, Self

import aiohttp

from edge_agent.discovery.library import library
from edge_agent.discovery.records import Credential, Trouble
from vision.errors import SightlineError

MAX_ANSWER: Final = 4 * 1024 * 1024
Kind = Literal["devicemgmt", "media"]
NAMESPACES: Final[dict[Kind, str]] = {
    "devicemgmt": "http://www.onvif.org/ver10/device/wsdl",
    "media": "http://www.onvif.org/ver10/media/wsdl",
}


class Failed(Exception):
    """A call that brought nothing; `trouble` says why."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.text)
        self.trouble = trouble


class _Bounded(aiohttp.ClientResponse):
    """An answer of which no more is read than a sane one can have, and no web page that says that a login is wanted."""

    async def read(self) -> bytes:
        """The body; `ClientPayloadError` where it is too large."""
        if self.status in {401, 403} and "xml" not in self.content_type:
            self.close()
            raise aiohttp.ClientResponseError(self.request_info, self.history, status=self.status)
        if self._body is None:
            body = bytearray()
            async for part in self.content.iter_any():
                body += part
                if len(body) > MAX_ANSWER:
                    self.close()
                    raise aiohttp.ClientPayloadError("the answer is too large")
            self._body = bytes(body)
        return self._body


class Client:
    """The services of one device; an async context manager, since it holds connections."""

    def __init__(self, login: Credential | None = None, offset: dt.timedelta | None = None) -> None:
        self.login = login
        self._offset = offset
        self._services: dict[tuple[Kind, str], Any] = {}
        digest = (aiohttp.DigestAuthMiddleware(login.user, login.password),) if login else ()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=False),  # cameras sign their own certificates
            timeout=aiohttp.ClientTimeout(total=30, sock_connect=4),
            response_class=_Bounded,
            middlewares=digest,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for service in self._services.values():
            await service.close()
        await self._session.close()

    async def call(self, kind: Kind, address: str, name: str, params: dict[str, Any] | None = None) -> Any:
        """The answer to one operation. Raises `Failed`."""
        try:
            service = await self._service(kind, address)
            return await getattr(service, name if self.login else f"authless_{name}")(params or {})
        except SightlineError:
            raise
        except Exception as error:  # noqa: BLE001  # what a device sends can break the parser in ways of its own
            raise Failed(_trouble(error, name, self.login)) from None

    async def _service(self, kind: Kind, address: str) -> Any:
        if (kind, address) not in self._services:
            onvif = library("onvif.client")
            wsdl = f"{onvif._WSDL_PATH}/{kind}.wsdl"  # noqa: SLF001  # where the library keeps its files; no public name
            binding = f"{{{NAMESPACES[kind]}}}{'Device' if kind == 'devicemgmt' else 'Media'}Binding"
            login = (self.login.user, self.login.password) if self.login else (None, None)
            service = onvif.ONVIFService(
                address,
                *login,
                wsdl,
                no_cache=True,
                dt_diff=self._offset,
                binding_name=binding,
                binding_key=(kind, None),
            )
            self._services[kind, address] = service
            await service.setup()
            service.transport.session = self._session
        return self._services[kind, address]


async def warm() -> None:
    """Read the service descriptions once, before several devices are asked at the same time."""
    async with Client() as client:
        for kind in NAMESPACES:
            await client._service(kind, "http://127.0.0.1:1/")  # noqa: SLF001  # its own module


def _trouble(error: Exception, call: str, login: Credential | None) -> Trouble:
    """What went wrong, without quoting the other side at length."""
    zeep, util = library("zeep.exceptions"), library("onvif.util")
    status = error.status if isinstance(error, aiohttp.ClientResponseError) else getattr(error, "status_code", None)
    if (isinstance(error, zeep.Fault) and util.is_auth_error(error)) or status in {401, 403}:
        return Trouble("auth", _refused(login))
    if isinstance(error, zeep.Fault):
        return Trouble("malformed", f"{call}: the device reports an error of its own")
    if isinstance(error, TimeoutError):
        return Trouble("timeout", f"{call}: no answer in time")
    if isinstance(error, aiohttp.ClientConnectorError | ConnectionError):
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number and number > 0 else "no such host"
        return Trouble("unreachable", f"cannot be reached: {reason}")
    if status and status != 200:
        return Trouble("malformed", f"{call}: HTTP status {status}")
    return Trouble("malformed", f"{call}: the answer cannot be read ({type(error).__name__})")


def _refused(login: Credential | None) -> str:
    if login is None:
        return "wants a user and a password: --user NAME --password-env VARIABLE"
    return f"does not take the password of '{login.user}'; some cameras have ONVIF users apart from the web page's"
