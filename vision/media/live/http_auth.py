"""Answers to HTTP's 401: Digest (RFC 7616: SHA-256, MD5, their -sess forms, qop auth) and Basic (RFC 7617)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Sequence
from urllib.request import parse_http_list, parse_keqv_list

_HASHES: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}


class Login:
    """User and password of one camera, answered as it asks for them."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._challenge: dict[str, str] | None = None
        self._basic = False
        self._count = 0
        self._salt = ""

    def __repr__(self) -> str:
        return "Login(…)"

    def challenged(self, headers: Sequence[str]) -> bool:
        """Take the `WWW-Authenticate` headers of a 401; whether another try makes sense.

        It does not where these very credentials were just refused (a nonce that is merely stale is another matter).
        """
        digests = [d for d in map(_digest, headers) if d is not None]
        digests.sort(key=lambda d: d["algorithm"] != "SHA-256")
        tried = self._challenge is not None or self._basic
        if digests:
            again = not tried or digests[0].get("stale", "").lower() == "true" or self._count > 1
            self._challenge, self._basic, self._count = digests[0], False, 0
            self._salt = secrets.token_hex(8)
            return again
        if any(header.lower().startswith("basic") for header in headers):
            self._challenge, self._basic = None, True
            return not tried
        return False

    def header(self, method: str, target: str) -> str | None:
        """The `Authorization` for a request, None while the camera did not ask for one."""
        if self._basic:
            pair = f"{self._user}:{self._password}".encode()
            return "Basic " + base64.b64encode(pair).decode("ascii")
        return None if self._challenge is None else self._digest(self._challenge, method, target)

    def _digest(self, asked: dict[str, str], method: str, target: str) -> str:
        self._count += 1
        name = asked["algorithm"]
        hashed = _HASHES[name.removesuffix("-SESS")]

        def of(text: str) -> str:
            return hashed(text.encode())

        realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
        first = of(f"{self._user}:{realm}:{self._password}")
        if name.endswith("-SESS"):
            first = of(f"{first}:{nonce}:{self._salt}")
        second = of(f"{method}:{target}")
        given = {"username": self._user, "realm": realm, "nonce": nonce, "uri": target}
        bare = {}
        if "qop" in asked:
            bare = {"qop": "auth", "nc": f"{self._count:08x}"}
            given["cnonce"] = self._salt
            given["response"] = of(f"{first}:{nonce}:{bare['nc']}:{self._salt}:auth:{second}")
        else:
            given["response"] = of(f"{first}:{nonce}:{second}")
        if "opaque" in asked:
            given["opaque"] = asked["opaque"]
        if asked["stated"]:
            bare["algorithm"] = asked["stated"]
        quoted = [f'{key}="{_escaped(value)}"' for key, value in given.items()]
        return "Digest " + ", ".join(quoted + [f"{key}={value}" for key, value in bare.items()])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _digest(header: str) -> dict[str, str] | None:
    """The challenge of a header, None where it is no Digest that can be answered."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    pairs = [item for item in parse_http_list(rest) if "=" in item]
    asked = {key.lower(): value for key, value in parse_keqv_list(pairs).items()}
    asked["stated"] = asked.get("algorithm", "")
    asked["algorithm"] = (asked["stated"] or "MD5").upper()
    if asked["algorithm"].removesuffix("-SESS") not in _HASHES:
        return None
    if "qop" in asked and "auth" not in [q.strip() for q in asked["qop"].lower().split(",")]:
        return None
    return asked
