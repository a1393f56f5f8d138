"""Pictures and clips of events, by token or by a signed link that expires."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from edge_agent.api.context import API
from edge_agent.api.problems import Problem

PARAMS = (
    ("token", "the token, for <img> and <video>"),
    ("expires", "of a signed link"),
    ("signature", "of a signed link"),
)
TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".mp4": "video/mp4"}
FOLDERS = ("snapshots", "clips")  # the evidence folder may be the data folder, with keys and the database in it
_LONGEST = 512


async def file(request: web.Request) -> web.StreamResponse:
    """One file; the browser seeks in a clip by asking for ranges."""
    path = await asyncio.to_thread(find, request.app[API].evidence, request.match_info["path"])
    if path is None:
        raise Problem(404, "there is no such picture or clip", "it may be older than evidence.keep_days")
    response = web.FileResponse(path, headers={"Content-Type": TYPES[path.suffix.lower()]})
    # A picture may be replaced by a better one while its event lasts; after a minute the browser asks whether it was.
    response.headers["Cache-Control"] = "private, max-age=60"
    response.headers["Content-Disposition"] = "inline"
    return response


def find(folder: Path, name: str) -> Path | None:
    """The file of that name inside `folder`; None for anything else, whatever the name tries.

    Refuses whatever is no plain path of plain names below `snapshots` or `clips`, hidden files, other kinds of file, and
    links that lead out of the two.
    """
    parts = name.split("/")
    if len(name) > _LONGEST or parts[0] not in FOLDERS or any(not _plain(part) for part in parts):
        return None
    if Path(name).suffix.lower() not in TYPES:
        return None
    try:
        home = (folder / parts[0]).resolve(strict=True)
        path = home.joinpath(*parts[1:]).resolve(strict=True)
        return path if path.is_relative_to(home) and path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None


def _plain(part: str) -> bool:
    return bool(part) and not part.startswith(".") and part.isprintable() and not set(part) & set("\\:%")
