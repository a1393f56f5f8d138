"""Cameras: their state, newest picture and live picture."""

from __future__ import annotations

import asyncio
from email.utils import formatdate

from aiohttp import web

from edge_agent.api import query, wire
from edge_agent.api.context import API, Api
from edge_agent.api.pictures import Shot
from edge_agent.api.problems import Problem

_WIDTH = (16, 3840)
SNAPSHOT = (
    ("overlay", "1: with boxes, zones and lines (default); 0: the bare picture"),
    ("width", "pixels, 16 to 3840; default: as the camera sends it"),
)
MJPEG = (("fps", "pictures a second, 0.1 to 15; default 5"), *SNAPSHOT)
_BOUNDARY = "sightline-picture"
_REPEAT_S = 5.0  # a camera that is down: its last picture again, so that a client that is gone gets noticed


async def listing(request: web.Request) -> web.Response:
    """All cameras, in the order of the config."""
    query.known(request, ())
    status = await asyncio.to_thread(request.app[API].view.status)
    return web.json_response({"cameras": [wire.camera(one) for one in status.cameras]})


async def one(request: web.Request) -> web.Response:
    """One camera."""
    query.known(request, ())
    name = request.match_info["name"]
    for camera in (await asyncio.to_thread(request.app[API].view.status)).cameras:
        if camera.name == name:
            return web.json_response(wire.camera(camera))
    raise await _unknown(request.app[API], name)


async def snapshot(request: web.Request) -> web.Response:
    """The newest picture; 503 while there is none."""
    query.known(request, ("token", *(name for name, _ in SNAPSHOT)))
    api, name = request.app[API], request.match_info["name"]
    shot = await _shot(api, name, *_wanted(request))
    if shot is None:
        raise Problem(
            503,
            f"camera {name} has shown no picture yet",
            "look at its state in /v1/cameras",
            headers={"Retry-After": "2"},
        )
    when, jpeg = shot
    headers = {"Last-Modified": formatdate(when, usegmt=True), "X-Picture-Time": f"{when:.3f}"}
    return web.Response(body=jpeg, content_type="image/jpeg", headers=headers)


async def mjpeg(request: web.Request) -> web.StreamResponse:
    """The live picture as `multipart/x-mixed-replace`; a client that is slow skips pictures."""
    query.known(request, ("token", *(name for name, _ in MJPEG)))
    api, name = request.app[API], request.match_info["name"]
    pace = 1 / query.number(request, "fps", 5.0, 0.1, api.limits.fps)
    wanted = _wanted(request)
    await _shot(api, name, *wanted)  # an unknown camera is an answer of its own, not an empty stream
    response = web.StreamResponse(headers={"Content-Type": f"multipart/x-mixed-replace; boundary={_BOUNDARY}"})
    with api.streams.place("mjpeg"):
        await response.prepare(request)
        await api.streams.run(request, _show(api, response, name, wanted, pace))
    return response


async def _show(
    api: Api, response: web.StreamResponse, name: str, wanted: tuple[bool, int | None], pace: float
) -> None:
    """Send the newest picture at its pace; waiting for the client to take one is what skips the ones between."""
    loop = asyncio.get_running_loop()
    last, last_sent, due = None, float("-inf"), loop.time()
    while True:
        try:
            shot = await api.pictures.get(name, overlay=wanted[0], width=wanted[1])
        except KeyError:
            return  # the config was loaded anew, without this camera
        if shot is not None and (shot[0] != last or loop.time() - last_sent > _REPEAT_S):
            async with asyncio.timeout(api.limits.write_s):
                await response.write(_part(*shot))
            last, last_sent = shot[0], loop.time()
        due = max(due + pace, loop.time())
        await asyncio.sleep(due - loop.time())


def _part(when: float, jpeg: bytes) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\nX-Picture-Time: {when:.3f}\r\n\r\n"
    return head.encode() + jpeg + b"\r\n"


def _wanted(request: web.Request) -> tuple[bool, int | None]:
    return query.flag(request, "overlay", default=True), query.whole(request, "width", None, *_WIDTH)


async def _shot(api: Api, name: str, overlay: bool, width: int | None) -> Shot | None:
    try:
        return await api.pictures.get(name, overlay=overlay, width=width)
    except KeyError:
        raise await _unknown(api, name) from None


async def _unknown(api: Api, name: str) -> Problem:
    names = ", ".join(camera.name for camera in (await asyncio.to_thread(api.view.status)).cameras)
    return Problem(404, f"no camera named {name[:60]!r}", f"there are: {names[:500]}")
