"""Addresses as devices give them, made fit for use: no login in them, no surprises, on the host that answered."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit, urlunsplit

from vision.errors import InputError

_SECRET = re.compile(
    r"(?i)(?<![A-Za-z0-9])(pass(?:word|wd)?|pwd|token|secret|api_?key|auth)=([^&;/?#]*?)(?=_(?:channel|stream)=|[&;/?#]|$)"
)
_KEPT = "/?&=;:@!,+()*'~.-_%[]#"
MASK = "***"

# Where ONVIF services are found when only a host was named, by how often makers use them.
PORTS = (80, 8000, 8080, 8899, 2020, 8888, 443)


def stream_address(given: object, host: str) -> tuple[str | None, str | None]:
    """A stream's address without its login, on `host`; and the host that it named where that is another.

    None where it is no address of a stream. The host is that of the device that answered: a stream address is data from
    the network, and the login must not follow it to anywhere else (nor a stale address after the camera has moved).
    """
    text = given.strip() if isinstance(given, str) else ""
    try:
        parts = urlsplit(text)
        named, port = parts.hostname, parts.port
    except ValueError:
        return None, None
    if parts.scheme.lower() not in {"rtsp", "rtsps", "http", "https"} or not named:
        return None, None
    # $ and braces would be read as a variable of the environment, and control characters have no place here at all.
    path = quote(parts.path, safe=_KEPT)
    query = quote(parts.query, safe=_KEPT)
    place = bracketed(host) + (f":{port}" if port else "")
    url = urlunsplit((parts.scheme.lower(), place, path, query, ""))
    return url, (None if named == host.lower() else named)


def masked(url: str) -> str:
    """The address with passwords that are a part of its path or query hidden."""
    return _SECRET.sub(rf"\1={MASK}", url)


def with_login(url: str, user: str, variable: str) -> str:
    """The address for a config: with this user and `${variable}` for the password, wherever it has its place."""
    url, inside = _SECRET.subn(rf"\1=${{{variable}}}", url)
    if inside and not url.startswith("rtsp"):
        return url
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(user, safe='')}:${{{variable}}}@{rest}"


def on_host(address: object, base: str) -> str | None:
    """A service's address on the host of `base`, whatever host it names; None where it is none."""
    text = address.strip() if isinstance(address, str) else ""
    try:
        parts, known = urlsplit(text), urlsplit(base)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not known.hostname:
        return None
    place = bracketed(known.hostname) + (f":{port}" if port else "")
    return urlunsplit((parts.scheme, place, parts.path, parts.query, ""))


def bracketed(host: str) -> str:
    """The host as it stands in an address."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def candidates(address: str) -> tuple[str, ...]:
    """Addresses of the device service for what the user gave: HOST, HOST:PORT, [IPv6]:PORT or a whole URL.

    Raises `InputError` for what is none of these.
    """
    text = address.strip()
    if text.count(":") > 1 and not text.startswith("[") and "://" not in text:
        text = f"[{text}]"
    whole = "://" in text
    try:
        parts = urlsplit(text if whole else f"//{text}")
        port, host = parts.port, parts.hostname
    except ValueError:
        port, host = None, None
    if not host or re.search(r"[\s\\]", text) or (whole and parts.scheme not in {"http", "https"}):
        raise InputError(
            f"--address {address[:80]!r}: wanted is HOST, HOST:PORT or http://HOST:PORT/onvif/device_service"
        )
    if parts.username is not None:
        raise InputError("--address: no user and password in it; use --user and --password-env")
    if whole:
        return (urlunsplit((parts.scheme, parts.netloc, parts.path or "/onvif/device_service", parts.query, "")),)
    ports = (port,) if port else PORTS
    schemes = ["https" if number in {443, 8443} else "http" for number in ports]
    return tuple(f"{s}://{bracketed(host)}:{n}/onvif/device_service" for s, n in zip(schemes, ports, strict=True))
