#!/usr/bin/python3
"""An RTSP camera for tests, over gst-rtsp-server; started by `tests.peers.rtsp`, never imported.

Runs under the system's Python (`gi` lives there). The one argument is JSON: port, user, password, basic, transport
(both, tcp, udp) and mounts, each with the UDP port at which an MPEG-TS of it arrives and its codec. Says "ready" when it
listens.
"""

import json
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PAYLOADERS = {
    "h264": "h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1",
    "hevc": "h265parse ! rtph265pay name=pay0 pt=96 config-interval=-1",
    "mpeg4": "mpeg4videoparse ! rtpmp4vpay name=pay0 pt=96 config-interval=1",
}
SOURCE = (
    '( udpsrc address=127.0.0.1 port={port} buffer-size=4000000 caps="video/mpegts,systemstream=true" do-timestamp=true '
    "! tsdemux latency=50 ! {payloader} )"
)
ROLE = "user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
TRANSPORTS = {"tcp": GstRtsp.RTSPLowerTrans.TCP, "udp": GstRtsp.RTSPLowerTrans.UDP}


def main() -> None:
    want = json.loads(sys.argv[1])
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address(want.get("host", "127.0.0.1"))
    server.set_service(str(want["port"]))
    if want["user"]:
        server.set_auth(auth(want["user"], want["password"], basic=want["basic"]))
    for name, mount in want["mounts"].items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(SOURCE.format(port=mount["port"], payloader=PAYLOADERS[mount["codec"]]))
        factory.set_shared(True)
        if want["transport"] in TRANSPORTS:
            factory.set_protocols(TRANSPORTS[want["transport"]])
        if want["user"]:
            factory.add_role_from_structure(Gst.Structure.new_from_string(ROLE))
        server.get_mount_points().add_factory(f"/{name}", factory)
    server.get_thread_pool().set_max_threads(-1)  # else many cameras get ready one after the other, seconds each
    if not server.attach(None):
        sys.exit("cannot listen")
    print("ready", flush=True)
    GLib.MainLoop().run()


def auth(user: str, password: str, *, basic: bool) -> GstRtspServer.RTSPAuth:
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    guard = GstRtspServer.RTSPAuth()
    guard.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC if basic else GstRtsp.RTSPAuthMethod.DIGEST)
    guard.add_digest(user, password, token)
    guard.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    return guard


main()
