"""Cameras to be found: ipycam and a strict WS-Discovery responder, in a network that exists for the test alone.

Two network namespaces joined by a pair of virtual interfaces: the cameras live in one, the search runs in the other.
ipycam listens on every address it has, so it never runs outside of one. Run as a script, this file is the camera:
`python tests/peers/onvif.py camera ADDRESS PORT USER PASSWORD` or `… responder URL`.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

_SIX = "onvif://www.onvif.org/name/Sixth"
HERE, THERE = "10.213.7.1", "10.213.7.2"


@dataclass(frozen=True)
class Network:
    """Names of the two namespaces: `seeker` has the address HERE, `cameras` has THERE."""

    seeker: str
    cameras: str

    def command(self, namespace: str, *command: str) -> list[str]:
        return ["ip", "netns", "exec", namespace, *command]

    @contextmanager
    def running(self, namespace: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process in a namespace, once it has said that it is ready; ended by its id."""
        process = subprocess.Popen(self.command(namespace, *command), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.strip() == b"ready", f"{command[:3]} did not start: {line!r}"
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
            if process.stdout is not None:
                process.stdout.close()


def impossible() -> str | None:
    """Why there can be no such network here; None where there can."""
    if sys.platform != "linux" or shutil.which("ip") is None:
        return "network namespaces need Linux and iproute2"
    name = f"sl-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"network namespaces cannot be made: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    return None


@contextmanager
def network() -> Iterator[Network]:
    """The two namespaces with their link up and multicast routed over it."""
    mark = f"{os.getpid() % 100000}"
    net = Network(f"sl-seek-{mark}", f"sl-cams-{mark}")
    with ExitStack() as stack:
        for name in (net.seeker, net.cameras):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
            # Addresses of IPv6 are usable at once, not after a second of looking for others that have them.
            no_wait = "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad"
            subprocess.run(net.command(name, "sh", "-c", no_wait), check=False, capture_output=True)
        _ip("-n", net.seeker, "link", "add", "seek0", "type", "veth", "peer", "name", "cams0", "netns", net.cameras)
        for name, device, address in ((net.seeker, "seek0", HERE), (net.cameras, "cams0", THERE)):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", device)
            _ip("-n", name, "link", "set", device, "up")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "route", "add", "224.0.0.0/4", "dev", device)
        yield net


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def camera(net: Network, *, port: int = 8080, user: str = "", password: str = "") -> Iterator[str]:
    """ipycam, with its own lax discovery reply; its device service's address."""
    with net.running(net.cameras, sys.executable, __file__, "camera", THERE, str(port), user, password):
        yield f"http://{THERE}:{port}/onvif/device_service"


@contextmanager
def responder(net: Network, url: str) -> Iterator[None]:
    """A strict responder that says that there is a camera at `url`."""
    with net.running(net.cameras, sys.executable, __file__, "responder", url):
        yield


@contextmanager
def responder_over_ipv6(net: Network, url: str) -> Iterator[None]:
    """Somebody who answers to probes over IPv6 alone, and twice."""
    with net.running(net.cameras, sys.executable, __file__, "six", url):
        yield


def _six_main(url: str) -> None:
    place = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.bind(("::", 3702))
    group = socket.inet_pton(socket.AF_INET6, "ff02::c") + struct.pack("@i", socket.if_nametoindex("cams0"))
    place.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
    answer = f"<Envelope><Body><ProbeMatch><Types>dn:NetworkVideoTransmitter</Types><Scopes>{_SIX}</Scopes>"
    answer += f"<XAddrs>{url}</XAddrs></ProbeMatch></Body></Envelope>"
    print("ready", flush=True)
    while True:
        _, sender = place.recvfrom(65535)
        for _ in range(2):
            place.sendto(answer.encode(), sender)


def _camera_main(address: str, port: str, user: str, password: str) -> None:
    from ipycam import CameraConfig, IPCamera
    from ipycam.camera import ReusableThreadingTCPServer
    from ipycam.discovery import WSDiscoveryServer
    from ipycam.http import IPCameraHTTPHandler

    config = CameraConfig(
        name="Yard East",
        manufacturer="Test & Sons",
        local_ip=address,
        onvif_port=int(port),
        username=user,
        password=password,
    )
    IPCameraHTTPHandler.camera = held = IPCamera(config)
    server = ReusableThreadingTCPServer(("", int(port)), IPCameraHTTPHandler)
    WSDiscoveryServer(held.onvif).start()
    print("ready", flush=True)
    server.serve_forever()


def _responder_main(url: str) -> None:
    from wsdiscovery import QName, Scope
    from wsdiscovery.publishing import ThreadedWSPublishing

    publishing = ThreadedWSPublishing()
    publishing.start()
    kind = QName("http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter", "dn")
    scopes = [Scope("onvif://www.onvif.org/name/Strict%20One"), Scope("onvif://www.onvif.org/hardware/S1")]
    publishing.publishService(types=[kind], scopes=scopes, xAddrs=[url])
    print("ready", flush=True)
    time.sleep(600)


if __name__ == "__main__":
    sys.path.remove(str(Path(__file__).resolve().parent))  # this file is called as a library of the camera's could be
    {"camera": _camera_main, "responder": _responder_main, "six": _six_main}[sys.argv[1]](*sys.argv[2:])
