"""The key that clients show: from the config, or made once and kept in the data folder."""

from __future__ import annotations

import hmac
import os
import secrets
import time
from pathlib import Path

from aiohttp import web

from vision.errors import ConfigError, OutsideError

FILE = "api.token"
_SHORTEST = 16
_LONGEST = 512


def load_token(config_token: str | None, data_dir: Path) -> str:
    """The token of the HTTP interface.

    `config_token` is `api.token` filled in; without one, that in `data_dir/api.token`, made (0600) where there is none.
    Raises `ConfigError` for a token that could be guessed or not be sent, `OutsideError` for a file that cannot be used.
    """
    if config_token is not None:
        problem = _problem(config_token)
        if problem:
            raise ConfigError(f"api.token: {problem}; for example: openssl rand -hex 24")
        return config_token
    path = data_dir / FILE
    try:
        return _made(path)
    except OSError as error:
        raise OutsideError(
            f"{path}: {error.strerror or error}; make the folder writable, or set api.token in the config"
        ) from None


def matches(given: str, token: str) -> bool:
    """Whether it is the token; takes as long for any wrong one."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())


def shown(request: web.Request, token: str, *, query: bool = False) -> bool:
    """Whether the request shows the token: as `Authorization: Bearer`, where `query` also as `?token=`."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and matches(given.strip(), token):
        return True
    return query and matches(request.query.get("token", ""), token)


def _problem(token: str) -> str | None:
    if not _SHORTEST <= len(token) <= _LONGEST:
        return f"must have {_SHORTEST} to {_LONGEST} characters, this one has {len(token)}"
    if not all("!" <= letter <= "~" for letter in token):
        return "must have letters, digits and signs of ASCII only, no spaces"
    return None


def _made(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    token = secrets.token_urlsafe(32)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _kept(path)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(token + "\n")
    return token


def _kept(path: Path) -> str:
    deadline = time.monotonic() + 1.0
    while not (text := path.read_text(encoding="utf-8", errors="replace").strip()) and time.monotonic() < deadline:
        time.sleep(0.05)  # another process is writing it at this moment
    problem = _problem(text)
    if problem:
        raise OutsideError(f"{path}: the token in it {problem}; delete the file and a new one is made")
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return text
