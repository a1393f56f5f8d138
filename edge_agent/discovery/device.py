"""Asks one device everything: clock, name, profiles, stream addresses; and notes what failed on the way."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from edge_agent.discovery.addresses import on_host, stream_address
from edge_agent.discovery.records import CLOCK_LIMIT_S, Credential, Device, Profile, Responder, Trouble
from edge_agent.discovery.replies import scope
from edge_agent.discovery.soap import NAMESPACES, Client, Failed
from edge_agent.discovery.values import number, text, words
from vision.settings.problems import clean

_MAX_PROFILES = 64
_SETUP = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}


@dataclass(slots=True)
class _Sheet:
    """What is known so far; what is on it counts, also when time runs out."""

    responder: Responder
    address: str
    facts: dict[str, str] = field(default_factory=dict)
    profiles: list[Profile] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    offset_s: float | None = None
    login: Credential | None = None

    def note(self, trouble: Trouble) -> None:
        """One line about each thing is enough."""
        if trouble not in self.troubles:
            self.troubles.append(trouble)

    def tell_clock(self, offset_s: float | None) -> None:
        """Its clock minus ours, where it is known."""
        self.offset_s = offset_s
        if offset_s is not None and abs(offset_s) > CLOCK_LIMIT_S:
            way = "ahead" if offset_s > 0 else "behind"
            self.note(Trouble("clock", f"its clock is {_span(abs(offset_s))} {way}; set NTP on the camera"))

    def device(self) -> Device:
        name = self.responder.name or self.facts.get("name") or self.facts.get("Model") or self.responder.hardware
        return Device(
            address=self.address,
            name=name,
            maker=self.facts.get("Manufacturer", ""),
            model=self.facts.get("Model", "") or self.responder.hardware,
            firmware=self.facts.get("FirmwareVersion", ""),
            serial=self.facts.get("SerialNumber", ""),
            profiles=tuple(self.profiles),
            troubles=tuple(self.troubles),
            clock_offset_s=self.offset_s,
            login=self.login,
        )


async def ask(responder: Responder, credentials: Sequence[Credential], answer_s: float) -> Device:
    """All that the device tells within `answer_s` seconds; never raises for what a device does."""
    sheet = _Sheet(responder, responder.xaddrs[0])
    try:
        async with asyncio.timeout(answer_s):
            await _reach(sheet)
            await _tell(sheet, credentials)
    except Failed as error:
        sheet.note(error.trouble)
    except TimeoutError:
        sheet.note(Trouble("timeout", f"has not told everything within {answer_s:g} s"))
    return sheet.device()


async def _reach(sheet: _Sheet) -> None:
    """Find the address that answers, by asking all of them for the time; that needs no login. Raises `Failed`."""
    tasks = [asyncio.create_task(_clock(address)) for address in sheet.responder.xaddrs]
    refused: list[Failed] = []
    try:
        for done in asyncio.as_completed(tasks):
            try:
                sheet.address, offset_s = await done
                sheet.tell_clock(offset_s)
            except Failed as error:
                refused.append(error)
                continue
            break
        else:
            raise max(refused, key=lambda e: e.trouble.kind != "unreachable")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _clock(address: str) -> tuple[str, float | None]:
    """The address and its clock minus ours; None where it does not tell. Raises `Failed` where nobody answers."""
    async with Client() as client:
        try:
            return address, await _offset(client, address)
        except Failed as error:
            if error.trouble.kind == "auth":  # against the standard, but it is there and it is an ONVIF device
                return address, None
            raise


async def _offset(client: Client, address: str) -> float | None:
    """The device's clock minus ours, in seconds; None where it tells none. Raises `Failed`."""
    before = time.time()
    told = await client.call("devicemgmt", address, "GetSystemDateAndTime")
    now = (before + time.time()) / 2
    moment = _moment(getattr(told, "UTCDateTime", None))
    return None if moment is None else moment - now + 0.5  # whole seconds were told: half of one is lost


def _moment(utc: Any) -> float | None:
    try:
        date, hour = utc.Date, utc.Time
        day = dt.date(int(date.Year), int(date.Month), int(date.Day))
        moment = dt.time(int(hour.Hour), int(hour.Minute), min(59, int(hour.Second)), tzinfo=dt.UTC)
        return dt.datetime.combine(day, moment).timestamp()
    except (AttributeError, TypeError, ValueError, OverflowError):
        return None


def _span(seconds: float) -> str:
    for size, word in ((172_800, "days"), (7200, "hours"), (120, "minutes")):
        if seconds >= size:
            return f"{seconds / (size / 2):.0f} {word}"
    return f"{seconds:.0f} s"


async def _tell(sheet: _Sheet, credentials: Sequence[Credential]) -> None:
    """Try the logins in turn, each once (cameras lock after a few wrong ones); go on with the one that is taken."""
    offset = dt.timedelta(seconds=sheet.offset_s) if sheet.offset_s is not None else None
    refused: Failed | None = None
    for login in (*credentials, None):
        async with Client(login, offset) as client:
            try:
                told = await client.call("devicemgmt", sheet.address, "GetDeviceInformation")
            except Failed as error:
                if error.trouble.kind != "auth":
                    raise
                refused = refused or error
                continue
            for key in ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber"):
                sheet.facts[key] = text(getattr(told, key, None))
            sheet.login = login
            await _name(sheet, client)
            if sheet.offset_s is None:
                with contextlib.suppress(Failed):
                    sheet.tell_clock(await _offset(client, sheet.address))
            await _media(sheet, client)
            return
    if refused is not None:
        raise refused


async def _name(sheet: _Sheet, client: Client) -> None:
    """The name that it was given, where it has not told it in its answer to the probe."""
    if sheet.responder.name:
        return
    with contextlib.suppress(Failed):
        told = words(await client.call("devicemgmt", sheet.address, "GetScopes"))
        scopes = [str(getattr(entry, "ScopeItem", "") or "") for entry in told]
        sheet.facts["name"] = scope(scopes, "name")


async def _media(sheet: _Sheet, client: Client) -> None:
    """Profiles and their addresses."""
    media = await _media_address(sheet, client)
    told = words(await client.call("media", media, "GetProfiles"))
    if not told:
        raise Failed(Trouble("no_media", "has no video profile; make one on its web page"))
    host = urlsplit(sheet.address).hostname or ""
    for entry in told[:_MAX_PROFILES]:
        profile = _profile(entry)
        if not profile.token or not profile.codec:  # sound alone
            continue
        stream = await _uri(
            sheet, client, media, "GetStreamUri", {"StreamSetup": _SETUP, "ProfileToken": profile.token}
        )
        url, elsewhere = stream_address(stream, host)
        if elsewhere:
            line = f"names {clean(elsewhere)} as its streams' host; {host} is used, which answered"
            sheet.note(Trouble("address", line))
        if url is None and stream is not None:
            sheet.note(Trouble("no_stream", f"profile {profile.name or profile.token}: no usable stream address"))
        picture = await _uri(sheet, client, media, "GetSnapshotUri", {"ProfileToken": profile.token}, needed=False)
        snapshot, _ = stream_address(picture, host)
        sheet.profiles.append(replace(profile, url=url, snapshot=snapshot))


async def _media_address(sheet: _Sheet, client: Client) -> str:
    """Where the media service is: from GetServices, or GetCapabilities of older devices. Raises `Failed`."""
    found = None
    try:
        for service in words(
            await client.call("devicemgmt", sheet.address, "GetServices", {"IncludeCapability": False})
        ):
            if text(getattr(service, "Namespace", None)) == NAMESPACES["media"]:
                found = getattr(service, "XAddr", None)
    except Failed as error:
        if error.trouble.kind != "malformed":
            raise
    if found is None:
        told = await client.call("devicemgmt", sheet.address, "GetCapabilities", {"Category": "Media"})
        found = getattr(getattr(told, "Media", None), "XAddr", None)
    address = on_host(found, sheet.address)
    if address is None:
        raise Failed(Trouble("no_media", "has no ONVIF media service; give its RTSP address in the config by hand"))
    return address


async def _uri(
    sheet: _Sheet, client: Client, media: str, call: str, params: dict[str, Any], *, needed: bool = True
) -> str | None:
    """The address that a call gives; its failure is noted and is not the end."""
    try:
        told = await client.call("media", media, call, params)
    except Failed as error:
        if needed:
            sheet.note(error.trouble)
        return None
    return str(getattr(told, "Uri", None) or "")


def _profile(entry: Any) -> Profile:
    encoder = getattr(entry, "VideoEncoderConfiguration", None)
    size, rate = getattr(encoder, "Resolution", None), getattr(encoder, "RateControl", None)
    codec = text(getattr(encoder, "Encoding", None)).lower()
    detail = getattr(encoder, {"h264": "H264", "mpeg4": "MPEG4"}.get(codec, "H264"), None)
    fps = number(getattr(rate, "FrameRateLimit", None))
    gop, kbps = number(getattr(detail, "GovLength", None)), number(getattr(rate, "BitrateLimit", None))
    return Profile(
        token=str(getattr(entry, "token", "") or ""),
        name=text(getattr(entry, "Name", None)),
        source=text(getattr(getattr(entry, "VideoSourceConfiguration", None), "SourceToken", None)),
        codec=codec,
        width=int(number(getattr(size, "Width", None)) or 0),
        height=int(number(getattr(size, "Height", None)) or 0),
        fps=fps or None,
        kbps=int(kbps) if kbps else None,
        gop=int(gop) if gop else None,
    )
