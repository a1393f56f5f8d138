"""Asks the local networks who is there: a WS-Discovery probe on every interface, and listening to the answers.

The probe is the library's; sending and listening is done here, because answers in the field are laxer than the library
takes them, and because a listener on port 3702 is neither needed nor always to be had.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from edge_agent.discovery.library import library
from edge_agent.discovery.records import Responder
from edge_agent.discovery.replies import merged, responders
from vision.errors import InputError, OutsideError
from vision.settings.problems import choice, clean

PORT = 3702
GROUPS = {socket.AF_INET: "239.255.255.250", socket.AF_INET6: "ff02::c"}
_TYPES = (  # some cameras answer to one of these only
    ("http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter", "dn"),
    ("http://www.onvif.org/ver10/device/wsdl", "Device", "tds"),
)
_PAUSES = (0.15, 0.25, 0.6)  # asked three times, since datagrams get lost; shares of the time for listening
_MAX_ANSWERS = 4096


@dataclass(frozen=True, slots=True)
class Interface:
    """One address of this machine to ask from; `index` of its network interface."""

    name: str
    address: str
    index: int
    family: socket.AddressFamily


async def probe(listen_s: float, wanted: Sequence[str] = ()) -> list[Responder]:
    """Everybody who answers within `listen_s` seconds, once each.

    Raises `InputError` for an interface that is not there, `OutsideError` where no network could be asked at all.
    """
    found: list[Responder] = []

    def heard(data: bytes, sender: tuple[Any, ...]) -> None:
        if len(found) < _MAX_ANSWERS:
            found.extend(responders(data, str(sender[0])))

    asked = 0
    with ExitStack() as stack:
        sockets = []
        for interface in interfaces(wanted):
            try:
                sockets.append((interface, stack.enter_context(_socket(interface))))
            except OSError:  # an interface without multicast, or without this family
                continue
        transports = [await _listen(sock, heard) for _, sock in sockets]
        try:
            for pause in _PAUSES:
                asked += sum(_send(interface, sock) for interface, sock in sockets)
                await asyncio.sleep(listen_s * pause)
        finally:
            for transport in transports:
                transport.close()
            await asyncio.sleep(0)  # transports close in the loop's next turn
    if not asked:
        raise OutsideError("no network interface could be asked; name the cameras instead: --address HOST[:PORT]")
    return merged(found)


def interfaces(wanted: Sequence[str] = ()) -> list[Interface]:
    """Addresses to ask from: those of the interfaces in `wanted` (names or addresses), else all but loopback."""
    adapters = library("ifaddr").get_adapters()
    known: dict[str, list[Interface]] = {}
    for adapter in adapters:
        for ip in adapter.ips:
            six = isinstance(ip.ip, tuple)
            address = str(ip.ip[0] if six else ip.ip)
            family = socket.AF_INET6 if six else socket.AF_INET
            item = Interface(str(adapter.name), address, int(adapter.index or 0), family)
            known.setdefault(item.name, []).append(item)
            known.setdefault(address, []).append(item)
    for name in wanted:
        if name not in known:
            raise InputError(f"--interface {clean(name)}: no such interface here; {choice(name, known)}")
    chosen = [i for name in wanted for i in known[name]]
    if not wanted:
        chosen = [i for items in known.values() for i in items if not ipaddress.ip_address(i.address).is_loopback]
    # Over IPv6 one probe an interface is enough: the group is the link's.
    once = {(i.name, i.family) if i.family == socket.AF_INET6 else (i.name, i.address): i for i in chosen}
    return list(once.values())


def _socket(interface: Interface) -> socket.socket:
    made = socket.socket(interface.family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        if interface.family == socket.AF_INET:
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface.address))
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            made.bind((interface.address, 0))
        else:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, struct.pack("@i", interface.index))
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
            made.bind(("::", 0))
    except OSError:
        made.close()
        raise
    return made


class _Ear(asyncio.DatagramProtocol):
    """Passes on what it hears; an unreachable peer is no news."""

    def __init__(self, heard: Callable[[bytes, tuple[Any, ...]], None]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """One datagram."""
        self._heard(data, addr)

    def error_received(self, exc: Exception) -> None:
        """An ICMP message; answers of others may still come."""


async def _listen(sock: socket.socket, heard: Callable[[bytes, tuple[Any, ...]], None]) -> asyncio.DatagramTransport:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Ear(heard), sock=sock)
    return transport


def _send(interface: Interface, sock: socket.socket) -> int:
    """One round of probes; how many left."""
    sent = 0
    for message in probe_messages():
        group = GROUPS[interface.family]
        to = (group, PORT) if interface.family == socket.AF_INET else (group, PORT, 0, interface.index)
        try:  # straight through the socket: asyncio would swallow the error that tells of a dead interface
            sock.sendto(message, to)
            sent += 1
        except OSError:
            continue
    return sent


def probe_messages() -> list[bytes]:
    """The probes of one round, each with an id of its own."""
    message, actions, qname = library("wsdiscovery.message"), library("wsdiscovery.actions"), library("wsdiscovery")
    made = [actions.constructProbe([qname.QName(*kind)], None) for kind in _TYPES]
    return [message.createSOAPMessage(envelope).encode() for envelope in made]
