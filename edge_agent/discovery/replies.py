"""Reads answers to a WS-Discovery probe, also those that are not quite what the standard asks for.

Seen in the field: no `ProbeMatches` around the match, no `RelatesTo`, no `MetadataVersion`, addresses in other
namespaces, no addresses at all, documents cut off. Elements are therefore found by their local names alone, in whatever
can be parsed. Source: WS-Discovery 2005/04; ONVIF Core Specification, 7.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from edge_agent.discovery.library import library
from edge_agent.discovery.records import Responder
from vision.settings.problems import clean

MAX_BYTES = 65_536
_MAX_ADDRESSES = 8
_SCOPE = "onvif://www.onvif.org/"


def responders(reply: bytes, host: str) -> list[Responder]:
    """The cameras in one datagram that came from `host`; empty for printers, noise and what cannot be read."""
    root = _parsed(reply)
    return [] if root is None else [found for match in _matches(root) if (found := _responder(match, host))]


def merged(found: Iterable[Responder]) -> list[Responder]:
    """One for each device: the same id, or an address in common, is the same device."""
    kept: list[Responder] = []
    for new in found:
        for old in [k for k in kept if _same(k, new)]:
            kept.remove(old)
            addresses = tuple(dict.fromkeys((*old.xaddrs, *new.xaddrs)))[:_MAX_ADDRESSES]
            new = Responder(old.id, addresses, old.name or new.name, old.hardware or new.hardware)  # noqa: PLW2901
        kept.append(new)
    return kept


def _same(a: Responder, b: Responder) -> bool:
    return (bool(a.id) and a.id == b.id) or bool(set(map(_place, a.xaddrs)) & set(map(_place, b.xaddrs)))


def _place(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _parsed(reply: bytes) -> Any:
    etree = library("lxml.etree")
    if len(reply) > MAX_BYTES:
        return None
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(reply.strip(b"\0 \r\n\t"), parser)
    except (etree.LxmlError, ValueError):
        return None


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2] if isinstance(element.tag, str) else ""


def _matches(root: Any) -> Iterator[Any]:
    for element in root.iter():
        if _local(element) in {"ProbeMatch", "ResolveMatch", "Hello"}:
            yield element


def _texts(match: Any, name: str) -> list[str]:
    return [word for element in match.iter() if _local(element) == name for word in (element.text or "").split()]


def _responder(match: Any, host: str) -> Responder | None:
    types, scopes, named = _texts(match, "Types"), joined(_texts(match, "Scopes")), _texts(match, "XAddrs")
    addresses = [a for a in dict.fromkeys(named) if usable(a)]
    if not _camera(types, scopes, addresses):
        return None
    if not addresses:
        addresses = [f"http://{f'[{host}]' if ':' in host else host}/onvif/device_service"]
    addresses.sort(
        key=lambda a: urlsplit(a).hostname != host
    )  # where the answer came from is likeliest to be reachable
    ids = _texts(match, "Address")
    return Responder(
        clean(ids[0], 120) if ids else "",
        tuple(addresses[:_MAX_ADDRESSES]),
        scope(scopes, "name"),
        scope(scopes, "hardware"),
    )


def usable(address: str) -> bool:
    """Whether this is an HTTP address with a host, and a port that can be one."""
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _camera(types: list[str], scopes: list[str], addresses: list[str]) -> bool:
    if any("NetworkVideo" in kind for kind in types) or any(s.startswith(_SCOPE) for s in scopes):
        return True
    return any("/onvif" in urlsplit(a).path.lower() for a in addresses)


def joined(words: list[str]) -> list[str]:
    """Scopes out of words: a name with a space in it that was not escaped is put together again."""
    found: list[str] = []
    for word in words:
        if found and "://" not in word:
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


def scope(scopes: list[str], key: str) -> str:
    """What the device says of itself under `key` (name, hardware, location); empty where it does not."""
    prefix = f"{_SCOPE}{key}/"
    value = next((s[len(prefix) :] for s in scopes if s.lower().startswith(prefix)), "")
    return clean(unquote(value), 60).strip()
