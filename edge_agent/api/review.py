"""Doubtful parts of the inspected line by HTTP, and what a person says of them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from edge_agent.api import query
from edge_agent.api.context import API, Api
from edge_agent.api.problems import Problem

if TYPE_CHECKING:
    from edge_agent.inspect.line.labels import Label
    from edge_agent.inspect.line.records import Part

LIST = (
    ("near", "a score so close to its threshold, as a share of it, is doubtful; default 0.15"),
    ("limit", "how many, 1 to 500; default 50"),
    ("all", "1: also what has been labelled; default 0"),
)
VERDICTS, STORE = "inspection", "reviews"  # folders of data_dir
_ID = re.compile(r"[0-9a-f]{64}")
_KEYS = ("label", "by", "note")
_TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PN": "image/png", b"BM": "image/bmp", b"RIF": "image/webp"}


async def listing(request: web.Request) -> web.Response:
    """Doubtful parts, the most doubtful first; `id` is what the other addresses take."""
    query.known(request, [name for name, _ in LIST])
    near = query.number(request, "near", 0.15, 0, 1)
    limit = query.whole(request, "limit", 50, 1, 500) or 50
    everything = query.flag(request, "all", default=False)
    return web.json_response(await asyncio.to_thread(_listed, request.app[API], near, limit, everything))


async def picture(request: web.Request) -> web.StreamResponse:
    """The part's picture."""
    query.known(request, ["token"])
    part = await asyncio.to_thread(_part, request.app[API], request.match_info["id"])
    file = part.picture_file
    if file is None:
        raise Problem(404, "the picture of this part was not kept", "keep: all in inspection.live keeps every one")
    data = await asyncio.to_thread(file.read_bytes)
    kind = next((kind for start, kind in _TYPES.items() if data.startswith(start)), "application/octet-stream")
    return web.Response(body=data, content_type=kind)


async def label(request: web.Request) -> web.Response:
    """Keep what a person says of a part."""
    query.known(request, ())
    said = await _said(request)
    kept = await asyncio.to_thread(_kept, request.app[API], request.match_info["id"], said)
    return web.json_response(asdict(kept), status=201)


def _listed(api: Api, near: float, limit: int, everything: bool) -> dict[str, Any]:
    from edge_agent.inspect.line.labels import Labels
    from edge_agent.inspect.line.review import doubtful

    parts = [part for part in _parts(api) if part.picture]
    names = sorted({part.recipe_name for part in parts})
    labels = {key: said for name in names for key, said in Labels(name, _store(api)).current().items()}
    doubts = doubtful(parts, near, () if everything else labels)
    return {"parts": [_shown(d.part, d.why, labels) for d in doubts[:limit]], "total": len(doubts)}


def _shown(part: Part, why: Sequence[str], labels: dict[str, Label]) -> dict[str, Any]:
    said = labels.get(part.picture)
    return {
        "id": part.picture,
        "part": part.file,
        "at": part.at,
        "verdict": part.verdict,
        "score": part.entry.get("score"),
        "threshold": part.entry.get("threshold"),
        "why": list(why),
        "picture": f"/v1/inspection/review/{part.picture}/picture",
        "label": None if said is None else said.label,
    }


def _kept(api: Api, name: str, said: dict[str, str]) -> Label:
    from edge_agent.inspect.line.labels import Labels

    part = _part(api, name)
    return Labels(part.recipe_name, _store(api)).put(part, said["label"], said["by"], said.get("note", ""))


def _part(api: Api, name: str) -> Part:
    fits = [part for part in _parts(api) if part.picture == name] if _ID.fullmatch(name) else []
    if not fits:
        raise Problem(404, "no such part", "GET /v1/inspection/review lists them; an id has 64 hexadecimal digits")
    return fits[-1]


def _parts(api: Api) -> Sequence[Part]:
    from edge_agent.inspect.line.records import read

    folder = _verdicts(api)
    return read(folder).parts if any(folder.glob("*/verdicts.jsonl")) else ()


def _verdicts(api: Api) -> Path:
    return api.evidence / VERDICTS


def _store(api: Api) -> Path:
    return api.evidence / STORE


async def _said(request: web.Request) -> dict[str, str]:
    try:
        body: Any = json.loads(await request.read())
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise Problem(
            400, "the body is no JSON object of texts", '{"label": "good", "by": "your name", "note": "optional"}'
        )
    if wrong := [key for key in body if key not in _KEYS]:
        raise Problem(400, f"{str(wrong[0])[:40]}: no such key here", f"this address takes: {', '.join(_KEYS)}")
    if "label" not in body or "by" not in body:
        raise Problem(400, "label and by are needed", '{"label": "good", "by": "your name"}')
    return body
