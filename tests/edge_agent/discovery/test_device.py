"""Asking one device everything, over real HTTP, against a camera that goes wrong as told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from edge_agent.discovery.find import find
from edge_agent.discovery.records import Credential, Device, Search
from tests.edge_agent.discovery.soap_camera import Camera, Stream, fault, serving, two_streams

VIEWER = Credential("viewer", "s3cret!", "CAM_PASSWORD")
WRONG = Credential("viewer", "wrong")


def asked(camera: Camera, *logins: Credential, answer_s: float = 10.0) -> Device:
    async def run() -> Device:
        async with serving(camera) as address:
            search = Search(addresses=(address,), credentials=logins, answer_s=answer_s)
            (device,) = await find(search)
            return device

    return asyncio.run(run())


def troubles(device: Device) -> list[str]:
    return [trouble.kind for trouble in device.troubles]


@pytest.mark.parametrize(
    ("settings", "logins", "login"),
    [
        ({}, (), None),  # open to everybody
        ({}, (VIEWER,), VIEWER),  # a login that is not needed does no harm
        ({"user": "viewer", "password": "s3cret!"}, (VIEWER,), VIEWER),  # WS-Security, as the standard has it
        ({"user": "viewer", "password": "s3cret!", "login": "digest"}, (VIEWER,), VIEWER),  # HTTP Digest alone
        ({"user": "viewer", "password": "s3cret!"}, (WRONG, VIEWER), VIEWER),  # the second login is the right one
        (
            {"user": "viewer", "password": "s3cret!", "open_time": False},
            (VIEWER,),
            VIEWER,
        ),  # even the time needs a login
        (
            {"user": "viewer", "password": "s3cret!", "offset_s": 7200.0},
            (VIEWER,),
            VIEWER,
        ),  # logs in by the camera's clock
        ({"services": False}, (), None),  # an old device without GetServices
        ({"named_host": "localhost"}, (), None),  # names itself by a name; asked is who answered
    ],
)
def test_a_device_tells_its_streams(
    settings: dict[str, Any], logins: tuple[Credential, ...], login: Credential
) -> None:
    device = asked(Camera(**settings), *logins)
    assert (device.name, device.maker, device.model, device.login) == ("Back Yard", "ACME", "X-1", login)
    main, sub = device.profiles
    assert (main.codec, main.width, main.height, main.fps, main.kbps, main.gop) == ("h264", 1920, 1080, 25, 2048, 50)
    assert (main.url, sub.url) == ("rtsp://127.0.0.1:554/main", "rtsp://127.0.0.1:554/sub")
    assert main.snapshot == "http://127.0.0.1/main.jpg"  # without the login that was in it
    assert "s3cret!" not in repr(device)


@pytest.mark.parametrize(
    ("settings", "logins", "kinds", "profiles"),
    [
        ({"user": "viewer", "password": "x"}, (), ["auth"], 0),  # no login was given
        ({"user": "viewer", "password": "x"}, (WRONG,), ["auth"], 0),  # a wrong one
        ({"user": "viewer", "password": "x", "login": "digest"}, (WRONG,), ["auth"], 0),  # a wrong one over HTTP
        ({"offset_s": 3600.0}, (), ["clock"], 2),  # an hour ahead; told, and no reason to stop
        ({"offset_s": -86400 * 20.0}, (), ["clock"], 2),  # lost its battery
        ({"offset_s": 3.0}, (), [], 2),  # within what is told of
        ({"media": False}, (), ["no_media"], 0),  # a recorder of sound, or a door
        ({"streams": []}, (), ["no_media"], 0),  # nothing set up
        ({"streams": [Stream(uri="")]}, (), ["no_stream"], 1),  # an empty address
        ({"streams": [Stream(uri="file:///etc/passwd")]}, (), ["no_stream"], 1),  # no stream at all
        ({"odd": {"GetProfiles": fault}}, (), ["malformed"], 0),  # a fault of its own
        ({"odd": {"GetStreamUri": fault}}, (), ["malformed"], 2),  # profiles without addresses
        ({"odd": {"GetSnapshotUri": fault}}, (), [], 2),  # nobody needs those
        ({"odd": {"GetScopes": fault}}, (), [], 2),  # nor the name
        (
            {"odd": {"GetProfiles": lambda: web.Response(text="<html><body>hi</body>")}},
            (),
            ["malformed"],
            0,
        ),  # a web page
        ({"odd": {"GetProfiles": lambda: web.Response(text="")}}, (), ["malformed"], 0),  # nothing
        ({"odd": {"GetProfiles": lambda: web.Response(body=b"\xff\x00<a")}}, (), ["malformed"], 0),  # noise
        ({"odd": {"GetDeviceInformation": lambda: "<tds:What/>"}}, (), [], 2),  # an answer to something else
        ({"odd": {"GetSystemDateAndTime": lambda: "<tds:GetSystemDateAndTimeResponse/>"}}, (), [], 2),  # no time
        ({"odd": {"GetSystemDateAndTime": lambda: web.Response(status=404)}}, (), ["malformed"], 0),  # no ONVIF there
        ({"odd": {"GetProfiles": lambda: web.Response(body=b"<" * 5_000_000)}}, (), ["malformed"], 0),  # floods
    ],
)
def test_what_goes_wrong_is_named(
    settings: dict[str, Any], logins: tuple[Credential, ...], kinds: list[str], profiles: int
) -> None:
    device = asked(Camera(**settings), *logins)
    assert (troubles(device), len(device.profiles)) == (kinds, profiles)
    assert all("\n" not in trouble.text and len(trouble.text) < 160 for trouble in device.troubles)


def test_a_device_that_hangs_is_left_at_the_deadline_with_what_it_told() -> None:
    device = asked(Camera(odd={"GetProfiles": 30.0}), answer_s=1.0)
    assert (device.maker, troubles(device)) == ("ACME", ["timeout"])


def test_wrong_passwords_are_tried_once_each_since_cameras_lock() -> None:
    camera = Camera(user="viewer", password="x")
    asked(camera, WRONG, Credential("admin", "also wrong"))
    assert camera.calls.count("GetDeviceInformation") == 3  # each login once, and once without


def test_a_slow_device_does_not_hold_up_the_others() -> None:
    async def run() -> list[Device]:
        async with serving(Camera(odd={"GetServices": 30.0})) as slow, serving(Camera()) as quick:
            return await find(Search(addresses=(slow, quick, "127.0.0.1:9"), answer_s=2.0))

    found = asyncio.run(run())
    assert sorted(map(tuple, map(troubles, found))) == [(), ("timeout",), ("unreachable",)]


def test_each_video_source_of_a_recorder_is_its_own() -> None:
    device = asked(Camera(streams=[*two_streams("a", "a_"), *two_streams("b", "b_")]))
    assert [p.source for p in device.profiles] == ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("rtsp://admin:pw@127.0.0.1/live", "rtsp://127.0.0.1/live"),  # a login in the address is dropped
        ("rtsp://192.0.2.77:8554/live", "rtsp://127.0.0.1:8554/live"),  # another host: logins never go there
        ("rtsp://0.0.0.0/live", "rtsp://127.0.0.1/live"),  # a host that is none
        ("rtsp://127.0.0.1/${HOME}", "rtsp://127.0.0.1/%24%7BHOME%7D"),  # would read our environment
        ("RTSP://127.0.0.1/a b?x=1&y=2", "rtsp://127.0.0.1/a%20b?x=1&y=2"),  # odd, but usable
        (" rtsp://127.0.0.1/live\n", "rtsp://127.0.0.1/live"),  # blanks around it
        ("rtsp://127.0.0.1:99999/live", None),  # no port
        ("gopher://127.0.0.1/live", None),  # no stream
    ],
)
def test_stream_addresses_are_data_from_the_network(uri: str, url: str | None) -> None:
    (profile,) = asked(Camera(streams=[Stream(uri=uri)])).profiles
    assert profile.url == url


def test_another_host_for_the_streams_is_told() -> None:
    device = asked(Camera(streams=[Stream(uri="rtsp://192.0.2.77/live")]))
    assert troubles(device) == ["address"]


def test_nobody_there() -> None:
    answer: Callable[[], Any] = lambda: asyncio.run(find(Search(addresses=("127.0.0.1:9",), answer_s=3.0)))  # noqa: E731
    (device,) = answer()
    assert troubles(device) == ["unreachable"]
