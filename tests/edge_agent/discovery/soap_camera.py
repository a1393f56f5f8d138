"""A camera that speaks ONVIF as told: recorded answers over a real HTTP server, with the ways in which devices go wrong."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

_ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"
 xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema"
 xmlns:ter="http://www.onvif.org/ver10/error"><s:Body>{}</s:Body></s:Envelope>"""
_FAULT = """<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:{code}</s:Value></s:Subcode></s:Code>
<s:Reason><s:Text xml:lang="en">{text}</s:Text></s:Reason></s:Fault>"""


@dataclass
class Stream:
    token: str = "main"
    width: int = 1920
    height: int = 1080
    codec: str = "H264"
    uri: str = "rtsp://{host}:554/{token}"
    source: str = "src_1"
    fps: int = 25


def two_streams(source: str = "src_1", prefix: str = "") -> list[Stream]:
    return [Stream(f"{prefix}main", source=source), Stream(f"{prefix}sub", 640, 360, source=source, fps=15)]


@dataclass
class Camera:
    """`user` None: no login is asked for. `login`: how it is proven. `odd`: an operation -> what is answered instead."""

    streams: list[Stream] = field(default_factory=two_streams)
    user: str | None = None
    password: str = ""
    login: str = "wsse"
    offset_s: float = 0.0
    services: bool = True
    media: bool = True
    open_time: bool = True
    named_host: str = "127.0.0.1"
    odd: dict[str, Callable[[], web.Response | str] | float] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    port: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.text()
        found = re.search(r"<(?:[\w-]+:)?Body[^>]*>\s*<(?:[\w-]+:)?(\w+)", body)
        call = found[1] if found else "?"
        self.calls.append(call)
        if self.user is not None and not (call == "GetSystemDateAndTime" and self.open_time):
            if self.login == "digest" and not self._http_digest(request):
                challenge = 'Digest realm="cam", nonce="abc", qop="auth", algorithm=MD5'
                return web.Response(status=401, headers={"WWW-Authenticate": challenge}, text="<html>no</html>")
            if self.login == "wsse" and not self._wsse(body):
                return _soap(_FAULT.format(code="NotAuthorized", text="Sender not Authorized"), 400)
        odd = self.odd.get(call)
        if isinstance(odd, float):
            await asyncio.sleep(odd)
        elif odd is not None:
            made = odd()
            return made if isinstance(made, web.Response) else _soap(made)
        token = re.search(r"ProfileToken>([^<]*)<", body)
        return self._usual(call, token[1] if token else "")

    def _usual(self, call: str, token: str) -> web.Response:
        here = f"http://{self.named_host}:{self.port}/onvif"
        makers: dict[str, Callable[[], str]] = {
            "GetSystemDateAndTime": self._time,
            "GetDeviceInformation": lambda: _part("tds", call, "<tds:Manufacturer>ACME</tds:Manufacturer>"
                "<tds:Model>X-1</tds:Model><tds:FirmwareVersion>1.2</tds:FirmwareVersion>"
                "<tds:SerialNumber>77</tds:SerialNumber><tds:HardwareId>1</tds:HardwareId>"),
            "GetScopes": lambda: _part("tds", call, "<tds:Scopes><tt:ScopeDef>Fixed</tt:ScopeDef><tt:ScopeItem>"
                "onvif://www.onvif.org/name/Back%20Yard</tt:ScopeItem></tds:Scopes>"),
            "GetServices": lambda: self._services(call, here),
            "GetCapabilities": lambda: _part("tds", call, "<tds:Capabilities>" + (f"<tt:Media><tt:XAddr>{here}/media"
                "</tt:XAddr><tt:StreamingCapabilities/></tt:Media>" if self.media else "") + "</tds:Capabilities>"),
            "GetProfiles": lambda: _part("trt", call, "".join(map(_profile, self.streams))),
            "GetStreamUri": lambda: _part("trt", call, f"<trt:MediaUri><tt:Uri>{self._uri(token)}</tt:Uri></trt:MediaUri>"),
            "GetSnapshotUri": lambda: _part(
                "trt", call, f"<trt:MediaUri><tt:Uri>http://a:b@127.0.0.1/{token}.jpg</tt:Uri></trt:MediaUri>"
            ),
        }  # fmt: skip
        if call == "GetServices" and not self.services:
            return _soap(_FAULT.format(code="ActionNotSupported", text="what?"), 400)
        return _soap(makers[call]())

    def _time(self) -> str:
        now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.offset_s)
        return _part(
            "tds",
            "GetSystemDateAndTime",
            f"""<tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>
            <tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime><tt:Time><tt:Hour>{now.hour}</tt:Hour>
            <tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second></tt:Time><tt:Date>
            <tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date>
            </tt:UTCDateTime></tds:SystemDateAndTime>""",
        )

    def _services(self, call: str, here: str) -> str:
        kinds = ["device", "media"] if self.media else ["device"]
        return _part("tds", call, "".join(
            f"<tds:Service><tds:Namespace>http://www.onvif.org/ver10/{kind}/wsdl</tds:Namespace><tds:XAddr>{here}/{kind}"
            "</tds:XAddr><tds:Version><tt:Major>2</tt:Major><tt:Minor>0</tt:Minor></tds:Version></tds:Service>"
            for kind in kinds
        ))  # fmt: skip

    def _uri(self, token: str) -> str:
        stream = next(s for s in self.streams if s.token == token)
        return stream.uri.replace("{host}", self.named_host).replace("{token}", token).replace("&", "&amp;")

    def _wsse(self, body: str) -> bool:
        def part(name: str) -> str:
            found = re.search(rf"<(?:[\w-]+:)?{name}\b[^>]*>([^<]*)<", body)
            return found[1] if found else ""

        if part("Username") != self.user or "#PasswordDigest" not in body:
            return False
        created = dt.datetime.fromisoformat(part("Created"))
        late = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.offset_s) - created
        if abs(late.total_seconds()) > 30:  # as real ones: a login that is not of now by their own clock is refused
            return False
        made = base64.b64decode(part("Nonce")) + part("Created").encode() + self.password.encode()
        return base64.b64encode(hashlib.sha1(made).digest()).decode() == part("Password")

    def _http_digest(self, request: web.Request) -> bool:
        told = dict(re.findall(r'(\w+)="?([^",]+)"?', request.headers.get("Authorization", "")))
        if told.get("username") != self.user:
            return False

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        middle = ":".join(told[key] for key in ("nonce", "nc", "cnonce", "qop"))
        first, last = md5(f"{self.user}:cam:{self.password}"), md5(f"POST:{told['uri']}")
        return told.get("response") == md5(f"{first}:{middle}:{last}")


@asynccontextmanager
async def serving(camera: Camera) -> AsyncIterator[str]:
    """The camera on a free port of 127.0.0.1; `host:port`."""
    app = web.Application(client_max_size=1 << 20)
    app.router.add_post("/onvif/{service}", camera.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    camera.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # asyncio's server has it
    try:
        yield f"127.0.0.1:{camera.port}"
    finally:
        await runner.cleanup()


def _soap(body: str, status: int = 200) -> web.Response:
    return web.Response(status=status, text=_ENVELOPE.format(body), content_type="application/soap+xml")


def fault(code: str = "Action", text: str = "failed") -> str:
    return _FAULT.format(code=code, text=text)


def _part(space: str, call: str, inner: str) -> str:
    return f"<{space}:{call}Response>{inner}</{space}:{call}Response>"


def _profile(stream: Stream) -> str:
    return f"""<trt:Profiles token="{stream.token}" fixed="true"><tt:Name>{stream.token}</tt:Name>
        <tt:VideoSourceConfiguration token="v"><tt:Name>v</tt:Name><tt:UseCount>1</tt:UseCount>
        <tt:SourceToken>{stream.source}</tt:SourceToken><tt:Bounds x="0" y="0" width="1" height="1"/>
        </tt:VideoSourceConfiguration><tt:VideoEncoderConfiguration token="e"><tt:Name>e</tt:Name><tt:UseCount>1
        </tt:UseCount>
        <tt:Encoding>{stream.codec}</tt:Encoding><tt:Resolution><tt:Width>{stream.width}</tt:Width>
        <tt:Height>{stream.height}</tt:Height></tt:Resolution><tt:Quality>5</tt:Quality><tt:RateControl>
        <tt:FrameRateLimit>{stream.fps}</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval>
        <tt:BitrateLimit>2048</tt:BitrateLimit></tt:RateControl><tt:H264><tt:GovLength>50</tt:GovLength>
        <tt:H264Profile>Main</tt:H264Profile></tt:H264><tt:SessionTimeout>PT60S</tt:SessionTimeout>
        </tt:VideoEncoderConfiguration></trt:Profiles>"""
