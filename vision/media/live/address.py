"""Addresses of cameras: their parts, passwords with odd characters, and how they are shown to people (never with one).

Cameras are addressed in ways that RFC 3986 does not foresee: raw `@`, `/` or `#` in passwords, passwords in the query,
even in the path. Reading is lenient; showing hides whatever could be part of a password.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from vision.delivery.env import filled

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# Hosts that nobody would take for the rest of a password: an IP address, localhost, a port or a dot behind it
_SURE_HOST = re.compile(
    r"(?:\[[0-9A-Fa-f:.%]+\]|localhost|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+|[A-Za-z0-9_-]+(?=:\d))(?::\d+)?(?=[/?#]|$)"
)
_SECRET = re.compile(
    r"((?:^|(?<=[^A-Za-z0-9]))(?:[a-z]*pass(?:word|wd|wort)?|pwd|psw|loginpas|loginuse|user(?:name)?|usr|[a-z_]*token|"
    r"[a-z_]*secret|[a-z_]*api_?key|[a-z_]*key|auth|sig(?:nature)?)=)[^&;#/?]*",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_ENCODED = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True)
class Parts:
    """An address in pieces; `user` and `password` decoded, the password left out of what is printed."""

    scheme: str
    host: str
    port: int | None
    path: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def netloc(self) -> str:
        """Host and port as they stand in an address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def bare(self) -> str:
        """The whole address without user and password (one in the query stays: for connecting, not for showing)."""
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def full(self) -> str:
        """The address with user and password, percent-encoded as RFC 3986 wants them."""
        if self.user is None:
            return self.bare
        login = quote(self.user, safe="") + ("" if self.password is None else f":{quote(self.password, safe='')}")
        return f"{self.scheme}://{login}@{self.netloc}{self.path}"


def scheme_of(address: str) -> str:
    """`rtsp`, `http`, …; `usb` for devices; `file` for paths."""
    found = _SCHEME.match(address)
    if found:
        return found[1].lower()
    if re.fullmatch(r"usb:\S*", address) or re.match(r"/dev/video\w*$", address):
        return "usb"
    return "file"


def parts(address: str) -> Parts:
    """An address with a scheme in its pieces. Raises `ValueError` (without the address in it) where it is none."""
    found = _SCHEME.match(address)
    if not found:
        raise ValueError("no address: it begins with no scheme such as rtsp://")
    rest = address[found.end() :]
    login, place = _split_login(rest)
    authority = re.split(r"[/?#]", place, maxsplit=1)[0]
    path = place[len(authority) :]
    host, port = _host_port(authority)
    if login is None:
        return Parts(found[1].lower(), host, port, path)
    user, colon, password = login.partition(":")
    return Parts(found[1].lower(), host, port, path, unquote(user), unquote(password) if colon else None)


def _split_login(rest: str) -> tuple[str | None, str]:
    """`user:password` and what follows its `@`; a raw `@`, `/`, `?` or `#` may stand in the password."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    signs = [match.start() for match in re.finditer("@", rest)]
    if not signs or (signs[0] >= len(authority) and not _half_login(authority)):
        return None, rest
    sure = [sign for sign in signs if _SURE_HOST.match(rest, sign + 1)]
    inside = [sign for sign in signs if sign < len(authority)]
    sign = sure[0] if sure else inside[-1] if inside else signs[0]
    return rest[:sign], rest[sign + 1 :]


def _half_login(authority: str) -> bool:
    """Whether this is `user:` and the begin of a password, not a host with its port."""
    _, colon, tail = authority.partition(":")
    return bool(colon) and not tail.isdigit() and not authority.startswith("[")


def _host_port(authority: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?", authority)
    if not found or not found[1].strip("[]"):
        raise ValueError("the address names no host; write it as scheme://host/path")
    port = int(found[2]) if found[2] else None
    if port is not None and not 0 < port < 65536:
        raise ValueError("the port is not within 1 to 65535")
    return found[1].strip("[]"), port


def redacted(address: str) -> str:
    """The address for logs and messages: without user and password, secrets of the query shown as `…`.

    Where it is not sure which `@` ends the password, everything up to the last one is hidden.
    """
    found = _SCHEME.match(address)
    if not found:
        return _SECRET.sub(r"\1…", address)
    rest = address[found.end() :]
    if _split_login(rest)[0] is not None:
        rest = rest.rpartition("@")[2]
    shown = _SECRET.sub(r"\1…", rest)
    return f"{found[1].lower()}://{shown}"


def filled_address(text: str, env: Mapping[str, str]) -> str:
    """`text` with its `${NAME}`s from `env`; in the place of user or password they are percent-encoded.

    A value that is percent-encoded already stays as it is. Raises `ValueError` naming variables that are not set.
    """
    found = _SCHEME.match(text)
    if not found:
        return filled(text, env)
    bare = _VARIABLE.sub(lambda match: "0" * len(match[0]), text[found.end() :])
    login = _split_login(bare)[0]
    end = found.end() + (0 if login is None else len(login))
    filled(text, env)
    encoded = {name: value if _ENCODED.fullmatch(value) else quote(value, safe="") for name, value in env.items()}
    return filled(text[:end], encoded) + filled(text[end:], env)
