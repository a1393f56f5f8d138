"""What a device says about its upload, read from headers, query and JSON, and held against what it may say."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from cloud_adapter.intake.devices import Device
from cloud_adapter.intake.refusals import Refusal
from vision.wire.headers import first_trouble, read_meta
from vision.wire.messages import FrameId, FrameMeta, Reading, Readings
from vision.wire.signing import META

_FRAME_ID: TypeAdapter[str] = TypeAdapter(FrameId)
_QUERY = {"camera", "profile", "captured"}


def read_frame_id(text: str) -> str:
    """The id in the path. Raises `Refusal`."""
    try:
        return _FRAME_ID.validate_python(text)
    except ValidationError:
        raise Refusal(400, "wrong_id", "an id has 8 to 64 letters, digits, - and _") from None


def metadata(request: web.Request, frame: str, now: float) -> FrameMeta:
    """The `Sightline-Meta` of a picture. Raises `Refusal`, `MetaError`.

    No moment in it lies after now: a picture or a reading from the future would look fresh for as long as it likes.
    """
    text = request.headers.get(META)
    if text is None:
        raise Refusal(400, "wrong_meta", f"the header {META} is missing; without it, use POST /v1/frames")
    meta = read_meta(text)
    if meta.frame != frame:
        raise Refusal(400, "wrong_meta", "frame of Sightline-Meta is not the id of the path")
    return meta.model_copy(update={"captured": min(meta.captured, now), "readings": _not_later(meta.readings, now)})


def read_readings(body: bytes, now: float) -> Readings:
    """The JSON of readings without a picture. Raises `Refusal`."""
    try:
        sent = Readings.model_validate_json(body)
    except ValidationError as error:
        raise Refusal(400, "wrong_readings", first_trouble(error)) from None
    return sent.model_copy(update={"readings": _not_later(sent.readings, now)})


def plain_meta(query: Mapping[str, str], device: Device, profiles: Collection[str], now: float) -> FrameMeta:
    """What is known of a picture that comes alone: from the query, else from the device's config. Raises `Refusal`.

    Its id and hash are still those of nothing: `of_content` fills them in.
    """
    if unknown := set(query) - _QUERY:
        names = ", ".join(sorted(_QUERY))
        raise Refusal(400, "wrong_query", f"{len(unknown)} unknown names in the query; it takes {names}")
    asked = device.profiles or tuple(profiles)
    if "profile" not in query and len(asked) != 1:
        raise Refusal(400, "wrong_query", "say which profile: ?profile=NAME, or give the device one in the config")
    values: dict[str, Any] = {
        "frame": "plain-none",
        "site": device.site,
        "camera": query.get("camera", next((name for name in device.cameras if name != "*"), device.name)),
        "captured": query.get("captured", now),
        "profile": query.get("profile", asked[0] if asked else ""),
        "trigger": "manual",
        "width": 16,  # not told; the job has the real ones
        "height": 16,
        "sha256": "0" * 64,
    }
    try:
        meta = FrameMeta.model_validate(values)
    except ValidationError as error:
        raise Refusal(400, "wrong_query", first_trouble(error)) from None
    return meta.model_copy(update={"captured": min(meta.captured, now)})


def of_content(meta: FrameMeta, body: bytes) -> FrameMeta:
    """The same, named by its content: a device that sends a picture again after a lost answer sends the same frame."""
    sha256 = hashlib.sha256(body).hexdigest()
    return meta.model_copy(update={"frame": f"plain-{sha256[:40]}", "sha256": sha256})


def sent_by(device: Device, site: str, camera: str, profile: str, profiles: Collection[str]) -> None:
    """That the device may speak for this camera and ask this. Raises `Refusal` 403, 422."""
    if site != device.site or not device.speaks_for(camera):
        told = "this device may not send for this site and camera; its entry under devices says for which"
        raise Refusal(403, "not_yours", told)
    if not device.may_ask(profile):
        raise Refusal(403, "not_yours", "this device may not ask this profile; its entry under devices says which")
    if profile not in profiles:
        near = difflib.get_close_matches(profile, profiles, 1)
        hint = f"; did you mean {near[0]}?" if near else "; it takes one of the profiles of the config"
        raise Refusal(422, "unknown_profile", f"there is no such profile{hint}")


def _not_later(readings: tuple[Reading, ...], now: float) -> tuple[Reading, ...]:
    return tuple(one if one.t <= now else one.model_copy(update={"t": now}) for one in readings)
