"""Signed, expiring addresses of evidence: whoever holds one sees that one picture, until it expires, and nothing else.

The API serves `GET /evidence/<path>?expires=<epoch seconds>&signature=<hex>`. The signature is HMAC-SHA256 of path and
expiry under a key that never leaves the data folder. A new key makes every older link void.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from vision.errors import StoreError

PREFIX = "/evidence/"
_KEY_BYTES = 32
_EXPIRES = re.compile(r"[0-9]{1,12}")
_DOMAIN = b"sightline evidence link 1\n"


def sign(path: str, expires: int, key: bytes) -> str:
    """The query that lets `path` (relative to the evidence folder, `/` between folders) be read until `expires`."""
    return f"expires={expires}&signature={_signature(path, expires, key)}"


def verify(path: str, query: Mapping[str, str], key: bytes, now: float) -> bool:
    """Whether the query of a request for `path` was signed with this key and still holds; takes the same time either way."""
    expires, signature = query.get("expires", ""), query.get("signature", "")
    if not _EXPIRES.fullmatch(expires):
        return False
    genuine = hmac.compare_digest(_signature(path, int(expires), key).encode(), signature.encode())
    return genuine and now < int(expires)


def link_key(folder: Path) -> bytes:
    """The key in `folder`/link.key, made at first use and readable by its owner only. Raises `StoreError`."""
    return key_file(folder / "link.key", "the key of evidence links")


def key_file(path: Path, meaning: str) -> bytes:
    """The key (32 bytes or more) in a file, made at first use and readable by its owner only. Raises `StoreError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is damaged; delete it and a new one is made"
        raise StoreError(f"{meaning}, {path}: {reason}") from None
    if len(key) < _KEY_BYTES:
        raise StoreError(f"{meaning}, {path}: it is too short; delete it and a new one is made")
    return key


def linker(public_url: str, key: bytes, hours: float, clock: Callable[[], float]) -> Callable[[str], str]:
    """Makes addresses under `public_url` that hold for so many hours; for `SenderContext.link`."""
    base = public_url.rstrip("/")

    def link(path: str) -> str:
        expires = int(clock() + hours * 3600)
        return f"{base}{PREFIX}{quote(path)}?{sign(path, expires, key)}"

    return link


def _signature(path: str, expires: int, key: bytes) -> str:
    return hmac.new(key, _DOMAIN + f"{expires}\n{path}".encode(), hashlib.sha256).hexdigest()


def _make(path: Path) -> None:
    """Write a new key; of two processes that begin at once, one wins and both read the same."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
