"""A whole search: who is there, and then every device asked at the same time, each with its own deadline."""

from __future__ import annotations

import asyncio
import ipaddress
from urllib.parse import urlsplit

from edge_agent.discovery.addresses import candidates
from edge_agent.discovery.device import ask
from edge_agent.discovery.probe import probe
from edge_agent.discovery.records import Device, Responder, Search
from edge_agent.discovery.soap import warm

_AT_ONCE = 32


async def find(search: Search) -> list[Device]:
    """Every device that answered or was named, by address.

    Raises `InputError` for an address or an interface that is none, `OutsideError` where no network can be asked.
    """
    named = [Responder("", candidates(address)) for address in dict.fromkeys(search.addresses)]
    ready = asyncio.create_task(warm())  # while others answer
    try:
        responders = named or await probe(search.listen_s, search.interfaces)
        await ready
    finally:
        ready.cancel()
        await asyncio.gather(ready, return_exceptions=True)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(responder: Responder) -> Device:
        async with gate:
            return await ask(responder, search.credentials, search.answer_s)

    return sorted(await asyncio.gather(*map(one, responders)), key=_order)


def _order(device: Device) -> tuple[int, str, int, str]:
    """Addresses as people sort them: 192.0.2.9 before 192.0.2.10, names after numbers."""
    host = urlsplit(device.address).hostname or ""
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return 9, host, 0, device.address
    return ip.version, "", int(ip), device.address
