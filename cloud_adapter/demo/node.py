"""A device that is not one: signs and sends pictures and readings as a small node in the field would."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

import aiohttp
import cv2

from vision.errors import OutsideError
from vision.frame import Pixels
from vision.wire.headers import meta_header
from vision.wire.messages import FrameMeta, Reading, Readings
from vision.wire.signing import Key, sign


class Node:
    """One device of one site; made and used inside the event loop."""

    def __init__(self, url: str, key: Key, site: str, now: float) -> None:
        self._url, self._key, self._site, self._now = url.rstrip("/"), key, site, now

    async def picture(
        self, camera: str, profile: str, pixels: Pixels, captured: float, readings: Sequence[Reading] = ()
    ) -> str:
        """Send a picture (height x width x 3, BGR), with readings; its frame id. Raises `OutsideError`."""
        data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
        digest = hashlib.sha256(data).hexdigest()
        meta = FrameMeta(
            frame=f"{camera}-{digest[:16]}", site=self._site, camera=camera, captured=captured, profile=profile,
            width=pixels.shape[1], height=pixels.shape[0], sha256=digest, readings=tuple(readings),
        )  # fmt: skip
        await self._send("PUT", f"/v1/frames/{meta.frame}", data, meta_header(meta))
        return meta.frame

    async def readings(self, camera: str, profile: str, readings: Sequence[Reading]) -> None:
        """Send readings alone. Raises `OutsideError`."""
        message = Readings(
            id=secrets.token_hex(8), site=self._site, camera=camera, profile=profile, readings=tuple(readings)
        )
        await self._send("POST", "/v1/readings", message.model_dump_json().encode(), None)

    async def _send(self, method: str, path: str, body: bytes, meta: str | None) -> None:
        headers = sign(
            self._key,
            method=method,
            target=path,
            body=body,
            created=int(self._now),
            nonce=secrets.token_hex(12),
            meta=meta,
        )
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self._url + path, data=body, headers=headers) as response,
        ):
            if response.status not in (200, 201):
                raise OutsideError(f"the intake answers {response.status}: {(await response.text())[:200]}")
