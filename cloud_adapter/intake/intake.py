"""The way of an upload: who is it, is there room, is it a picture, and only when the queue has it: the acknowledgement."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from aiohttp import web

from cloud_adapter.intake.authentic import Gate, Sender
from cloud_adapter.intake.body import announced, expects_continue, read_body
from cloud_adapter.intake.counters import Counters
from cloud_adapter.intake.decoder import check_shape
from cloud_adapter.intake.decoders import Decoders
from cloud_adapter.intake.devices import Devices
from cloud_adapter.intake.ledger import Ledger, conflict
from cloud_adapter.intake.limits import Rates, Slots
from cloud_adapter.intake.messages import metadata, of_content, plain_meta, read_frame_id, read_readings, sent_by
from cloud_adapter.intake.pressure import Pressure
from cloud_adapter.intake.refusals import Refusal, answer
from cloud_adapter.intake.settings import IntakeSettings
from cloud_adapter.intake.shapes import ShapeError
from cloud_adapter.queue.base import JobQueue
from cloud_adapter.records import Job, Picture
from vision.wire import signing
from vision.wire.messages import PRIORITIES, Ack, FrameMeta

_READINGS_BYTES = 64_000


@dataclass(slots=True)
class Intake:
    """What all requests share; `build_intake` puts it together."""

    settings: IntakeSettings
    queue: JobQueue
    ledger: Ledger
    decoders: Decoders
    devices: Devices
    profiles: Collection[str]
    now: Callable[[], float]
    counters: Counters = field(default_factory=Counters)
    slots: Slots = field(init=False)
    _gate: Gate = field(init=False)
    _pressure: Pressure = field(init=False)

    def __post_init__(self) -> None:
        rates = Rates(self.settings.rates, self.now)
        self.slots = Slots(self.settings.load, self.settings.rates.uploads)
        self._gate = Gate(self.devices, self.ledger, rates, window_s=self.settings.window_seconds, now=self.now)
        self._pressure = Pressure(self.queue, self.settings.load, self.now)

    async def put_frame(self, request: web.Request) -> web.Response:
        """`PUT /v1/frames/{id}`: a signed picture with its `Sightline-Meta`."""
        length = announced(request, self.settings.pictures.max_bytes)
        sender = await self._gate.signed(request, length)
        meta = metadata(request, read_frame_id(request.match_info["id"]), self.now())
        sent_by(sender.device, meta.site, meta.camera, meta.profile, self.profiles)
        if sender.signed is None or sender.signed.digest.hex() != meta.sha256:
            raise Refusal(400, "wrong_meta", "sha256 of Sightline-Meta is not that of Content-Digest")
        known = await self._known(sender, meta)
        if known and expects_continue(request):  # who does not wait for our word is sending the body already
            return await self._acknowledge(sender, meta.frame, None, new=False)
        body = await self._body(request, sender, length, meta.priority)
        if known:
            return await self._acknowledge(sender, meta.frame, None, new=False)
        return await self._take_picture(sender, meta, body)

    async def post_frame(self, request: web.Request) -> web.Response:
        """`POST /v1/frames`: a picture alone, its id made from its content, so that sending it twice is harmless."""
        length = announced(request, self.settings.pictures.max_bytes)
        sender = await self._gate.either(request, length)
        meta = plain_meta(request.query, sender.device, self.profiles, self.now())
        sent_by(sender.device, meta.site, meta.camera, meta.profile, self.profiles)
        body = await self._body(request, sender, length, meta.priority)
        meta = of_content(meta, body)
        if await self._known(sender, meta):
            return await self._acknowledge(sender, meta.frame, None, new=False)
        return await self._take_picture(sender, meta, body)

    async def post_readings(self, request: web.Request) -> web.Response:
        """`POST /v1/readings`: sensor readings as JSON; with a picture they travel in its `Sightline-Meta`."""
        length = announced(request, _READINGS_BYTES)
        sender = await self._gate.either(request, length)
        body = await self._body(request, sender, length, PRIORITIES["normal"])
        sent = read_readings(body, self.now())
        sent_by(sender.device, sent.site, sent.camera, sent.profile, self.profiles)
        job = Job(
            id=f"{sender.device.name}/{sent.id}",
            device=sender.device.name,
            received=self.now(),
            profile=sent.profile,
            camera=sent.camera,
            site=sent.site,
            readings=sent.readings,
        )
        return await self._keep(sender, sent.id, hashlib.sha256(body).hexdigest(), job, None)

    async def get_requests(self, request: web.Request) -> web.Response:
        """`GET /v1/requests`: pictures that this device is asked for, without sending anything."""
        sender = await self._gate.either(request, 0)
        if sender.signed is not None:
            signing.check_body(sender.signed, hashlib.sha256(b"").digest())
        found = await self.ledger.requests(sender.device.name, self.now())
        return answer(200, {"requests": [one.model_dump(mode="json") for one in found]})

    async def _known(self, sender: Sender, meta: FrameMeta) -> bool:
        """Whether the queue has this frame already. Raises `Refusal` where its id stands for another content."""
        known = await self.ledger.known(sender.device.name, meta.frame)
        if known is not None and known.sha256 != meta.sha256:
            raise conflict()
        return known is not None and known.stored

    async def _body(self, request: web.Request, sender: Sender, length: int, priority: int) -> bytes:
        await self._pressure.check(priority)
        with self.slots.held(sender.device.name, length):
            body = await read_body(request, length, self.settings.load)
        self.counters.bytes_received += length
        if sender.signed is not None:
            signing.check_body(sender.signed, hashlib.sha256(body).digest())
        return body

    async def _take_picture(self, sender: Sender, meta: FrameMeta, body: bytes) -> web.Response:
        try:
            check_shape(body, self.settings.pictures)
        except ShapeError as error:
            raise Refusal(422, "wrong_picture", str(error)) from None
        picture = await self.decoders.reencode(body)
        job = Job(
            id=f"{sender.device.name}/{meta.frame}",
            device=sender.device.name,
            received=self.now(),
            meta=meta,
            profile=meta.profile,
            camera=meta.camera,
            site=meta.site,
            priority=meta.priority,
            picture=picture.sha256,
            media_type=picture.media_type,
            width=picture.width,
            height=picture.height,
            readings=meta.readings,
        )
        return await self._keep(sender, meta.frame, meta.sha256, job, picture)

    async def _keep(self, sender: Sender, key: str, sha256: str, job: Job, picture: Picture | None) -> web.Response:
        """Into the queue; the acknowledgement comes after everything is durable."""
        await self.ledger.claim(sender.device.name, key, sha256, self.now())
        new = await self.queue.put(job, picture.data if picture else None)
        if new:
            self._pressure.added()
            self.counters.pictures += picture is not None
            self.counters.readings += picture is None
            self.counters.plain += sender.signed is None
            self.counters.bytes_kept += len(picture.data) if picture else 0
        return await self._acknowledge(sender, key, job.meta, new=new)

    async def _acknowledge(self, sender: Sender, key: str, meta: FrameMeta | None, *, new: bool) -> web.Response:
        self.counters.known += not new
        requests = await self.ledger.stored(sender.device.name, key, meta, self.now())
        ack = Ack(id=key, stored="new" if new else "known", requests=requests)
        return answer(201 if new else 200, ack.model_dump(mode="json"))
