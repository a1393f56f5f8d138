"""A gateway that takes commands as signed HTTP POSTs and answers when it has carried them out.

Request: `POST url` with the command as JSON (`{"id", "target", "open_s", "expires", …}`), signed as in Standard Webhooks,
the command's id as `webhook-id`: a gateway that has seen the id does nothing and answers as before. Answer 200:
`{"told": "…", "flow": 248.0, "open_s": 12.4}`, all optional. `DELETE url` with `{"target"}` closes at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

import aiohttp
from pydantic import Field

from vision.delivery.actuators.base import Actuator, ActuatorError, ActuatorParams, Command, Done, done_of, register
from vision.delivery.env import SecretText
from vision.delivery.senders.webhook import HttpAddress
from vision.delivery.signing import keys_of, signature

_ANSWER_BYTES = 16 * 1024
_NOT_TAKEN = frozenset({400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429})  # answers that mean: nothing was done


class HttpParams(ActuatorParams):
    """A gateway that takes signed HTTP commands."""

    type: Literal["http"] = "http"
    url: HttpAddress = Field(description="The gateway's address, http:// or https://; redirects are not followed.")
    secret: SecretText = Field(description="Key of the signature (Standard Webhooks): ${NAME}.")


@register
class HttpActuator(Actuator[HttpParams]):
    """Posts each command once."""

    Params = HttpParams

    def __init__(self, params: HttpParams, clock: Callable[[], float]) -> None:
        """Raises `ConfigError` where a variable is not set."""
        super().__init__(params, clock)
        self._url = params.url.filled_in()
        self._keys = keys_of(params.secret.filled_in())
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Make the session; nothing is connected yet."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, headers={"User-Agent": "Sightline"}
            )

    async def switch(self, command: Command) -> Done:
        """Post it; a refusal is certain, a lost answer is not."""
        return done_of(await self._call("POST", command.id, command.to_dict(), command.open_s))

    async def stop(self, target: str) -> None:
        """Close it at once."""
        await self._call("DELETE", f"stop-{int(self.clock() * 1000)}", {"target": target}, 0.0)

    async def probe(self) -> str:
        """An OPTIONS request: nothing is switched."""
        status, _ = await self._asked("OPTIONS", b"", {}, 0.0)
        return f"answers with {status}"

    async def close(self) -> None:
        """Close the session."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _call(self, method: str, identity: str, content: Mapping[str, Any], wait_s: float) -> object:
        body = json.dumps(content, separators=(",", ":")).encode()
        now = int(self.clock())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": str(now),
            "webhook-signature": " ".join(signature(key, identity, now, body) for key in self._keys),
        }
        status, answer = await self._asked(method, body, headers, wait_s)
        if status in _NOT_TAKEN:
            raise ActuatorError(f"the gateway refuses with {status}", certain=True)
        if status != 200:
            raise ActuatorError(f"the gateway answers with {status}", certain=False)
        try:
            return json.loads(answer) if answer.strip() else {}
        except ValueError:
            raise ActuatorError("the gateway's answer is no JSON", certain=False) from None

    async def _asked(self, method: str, body: bytes, headers: Mapping[str, str], wait_s: float) -> tuple[int, bytes]:
        await self.start()
        assert self._session is not None
        limit = aiohttp.ClientTimeout(total=self.params.timeout_s + wait_s, connect=self.params.timeout_s)
        try:
            async with self._session.request(
                method, self._url, data=body, headers=headers, allow_redirects=False, timeout=limit
            ) as response:
                return response.status, await response.content.read(_ANSWER_BYTES)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
            raise ActuatorError("the gateway cannot be reached", certain=True) from None
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError):
            raise ActuatorError(f"no answer from the gateway within {limit.total:g} s", certain=False) from None
