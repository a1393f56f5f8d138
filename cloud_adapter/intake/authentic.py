"""Who sends: the signature of a request, or for the simplest devices the key as a bearer token."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import hdrs, web

from cloud_adapter.intake.devices import Device, Devices
from cloud_adapter.intake.ledger import Ledger
from cloud_adapter.intake.limits import Rates
from cloud_adapter.intake.refusals import Refusal
from vision.errors import InputError
from vision.wire import signing


@dataclass(frozen=True, slots=True)
class Sender:
    """A device that has proved to be itself; `signed` is None for a plain upload."""

    device: Device
    signed: signing.Signed | None = None


class Gate:
    """Lets in who is known: by signature, and where the device may, by its key alone."""

    def __init__(
        self, devices: Devices, ledger: Ledger, rates: Rates, *, window_s: float, now: Callable[[], float]
    ) -> None:
        self._devices = devices
        self._ledger = ledger
        self._rates = rates
        self._window_s = window_s
        self._now = now
        self._refreshing = asyncio.Lock()
        self._nobody = secrets.token_urlsafe(32)  # in place of a key that does not exist: the answer takes as long

    async def signed(self, request: web.Request, size: int) -> Sender:
        """The sender of a signed request with so many bytes; its nonce is used up.

        Raises `SignatureError`, `Refusal`, `StoreError`.
        """
        claim = signing.read(request.headers.items())
        device, secret = await self._key(claim.key_id)
        signing.check(claim, secret or self._nobody, method=request.method, target=request.raw_path)
        if device is None or secret is None:
            raise signing.WrongSignatureError("the signature is not by a key that is valid")
        signing.check_time(claim, self._now(), self._window_s)
        self._rates.spend(device.name, size)
        # known for as long as a signature of this time would be taken, on any machine whose clock is off a little
        await self._ledger.admit(claim.key_id, claim.nonce, claim.created + 2 * self._window_s)
        return Sender(device, claim)

    async def plain(self, request: web.Request, size: int) -> Sender:
        """The sender that shows its key. Raises `Refusal`, `StoreError`."""
        given = request.headers.getall(hdrs.AUTHORIZATION, [])
        scheme, _, text = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            raise Refusal(401, "unsigned", "send Authorization: Bearer KEY with the device's key, or sign the request")
        try:
            key = signing.Key.parse(text)
        except InputError:
            raise _unknown() from None
        device, secret = await self._key(key.id)
        right = hmac.compare_digest((secret or self._nobody).encode(), key.secret.encode())
        if device is None or secret is None or not right:
            raise _unknown()
        if not device.plain:
            raise Refusal(403, "sign", "this device must sign its requests; plain uploads are allowed by plain: true")
        self._rates.spend(device.name, size)
        return Sender(device)

    async def either(self, request: web.Request, size: int) -> Sender:
        """Signed where there is a signature, else plain."""
        if "Signature" in request.headers or "Signature-Input" in request.headers:
            return await self.signed(request, size)
        return await self.plain(request, size)

    async def _key(self, key_id: str) -> tuple[Device | None, str | None]:
        """The device and the secret of a key that is valid now."""
        if self._devices.stale:
            async with self._refreshing:
                if self._devices.stale:
                    await asyncio.to_thread(self._devices.refresh)
        name, _, wanted = key_id.partition("/")
        device = self._devices.find(name)
        if device is None:
            return None, None
        now = self._now()
        return device, next((key.secret for key in device.keys if key.id == wanted and key.valid(now)), None)


def _unknown() -> Refusal:
    return Refusal(
        401, "wrong_key", "the key is unknown or not valid now; sightline cloud devices list shows those that are"
    )
