from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vision.media.live.address import filled_address, parts, redacted, scheme_of

FULL = [
    # as given, the address that is connected to
    ("rtsp://192.0.2.10/sub", "rtsp://192.0.2.10/sub"),  # no login
    ("rtsp://viewer:abc@192.0.2.10:8554/sub", "rtsp://viewer:abc@192.0.2.10:8554/sub"),  # plain
    ("rtsp://viewer@192.0.2.10/sub", "rtsp://viewer@192.0.2.10/sub"),  # a user alone
    ("rtsp://viewer:@192.0.2.10/sub", "rtsp://viewer:@192.0.2.10/sub"),  # an empty password
    ("rtsp://viewer:p%40ss@192.0.2.10/sub", "rtsp://viewer:p%40ss@192.0.2.10/sub"),  # encoded already
    ("rtsp://viewer:p@ss@192.0.2.10/sub", "rtsp://viewer:p%40ss@192.0.2.10/sub"),  # a raw @
    ("rtsp://viewer:p@ss/word@192.0.2.10/sub", "rtsp://viewer:p%40ss%2Fword@192.0.2.10/sub"),  # raw @ and /
    ("rtsp://viewer:a/b@camera.lan:554/sub", "rtsp://viewer:a%2Fb@camera.lan:554/sub"),  # a raw / before any @
    ("rtsp://viewer:a#b?c@camera/sub", "rtsp://viewer:a%23b%3Fc@camera/sub"),  # raw # and ?
    ("rtsp://viewer:a:b@[2001:db8::1]:554/sub", "rtsp://viewer:a%3Ab@[2001:db8::1]:554/sub"),  # IPv6
    ("rtsp://192.0.2.10/live@main", "rtsp://192.0.2.10/live@main"),  # an @ of the path
    ("rtsp://192.0.2.10:554/live@main", "rtsp://192.0.2.10:554/live@main"),  # and behind a port
    ("rtsp://u:p@192.0.2.10/live@main", "rtsp://u:p@192.0.2.10/live@main"),  # and behind a login
    ("HTTP://192.0.2.10/a?b=c@d", "http://192.0.2.10/a?b=c@d"),  # and of the query
    ("rtsp://u:50%@192.0.2.10/", "rtsp://u:50%25@192.0.2.10/"),  # a % that encodes nothing
]


@pytest.mark.parametrize(("given", "full"), FULL)
def test_what_is_connected_to(given: str, full: str) -> None:
    assert parts(given).full == full
    assert "@" not in parts(given).netloc


SHOWN = [
    ("rtsp://viewer:abc@192.0.2.10:8554/sub", "rtsp://192.0.2.10:8554/sub"),  # login
    ("rtsp://viewer:p@ss/word@192.0.2.10/sub", "rtsp://192.0.2.10/sub"),  # raw specials
    ("rtsp://viewer:p@ss.x/word@192.0.2.10/sub", "rtsp://192.0.2.10/sub"),  # a password that looks like a host
    ("http://192.0.2.10/s.cgi?user=me&pwd=abc&channel=1", "http://192.0.2.10/s.cgi?user=…&pwd=…&channel=1"),  # query
    ("http://192.0.2.10/s.cgi?loginuse=a&loginpas=b", "http://192.0.2.10/s.cgi?loginuse=…&loginpas=…"),  # its names
    ("http://192.0.2.10/s?access_token=abc", "http://192.0.2.10/s?access_token=…"),  # a token
    ("http://192.0.2.10/s?Password=abc;x=1", "http://192.0.2.10/s?Password=…;x=1"),  # in capitals
    ("rtsp://192.0.2.10/user=admin_password=tlJwpbo6_channel=1", "rtsp://192.0.2.10/user=…"),  # in the path
    ("rtsp://192.0.2.10/live@main", "rtsp://192.0.2.10/live@main"),  # nothing to hide
    ("/dev/video0", "/dev/video0"),  # a device
    ("clips/a b.mp4", "clips/a b.mp4"),  # a file
]


@pytest.mark.parametrize(("given", "shown"), SHOWN)
def test_what_is_shown(given: str, shown: str) -> None:
    assert redacted(given) == shown


@pytest.mark.parametrize(
    "given",
    ["rtsp://", "rtsp:///sub", "rtsp://u:secret@/sub", "rtsp://u:secret@host:99999/", "rtsp://u:secret@host:1x/"],
)
def test_no_address(given: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the text is checked below
        parts(given)
    assert "secret" not in str(caught.value)


@given(st.text(min_size=1, max_size=20).filter(str.strip))
@example("p@ss/word")
@example("a@b.c:1/d")
@example("%41")
def test_no_password_is_shown_or_lost(password: str) -> None:
    address = filled_address("rtsp://viewer:${PW}@192.0.2.10:554/sub", {"PW": password})
    shown = "rtsp://192.0.2.10:554/sub"
    assert redacted(address) == shown
    assert parts(address).bare == shown
    raw = f"rtsp://viewer:{password}@192.0.2.10:554/sub"
    assert redacted(raw) == shown
    assert (
        repr(password)[1:-1] not in repr(parts(address)).replace("192.0.2.10", "").replace("554", "")
        or len(password) < 6
    )


def test_filling_in_encodes_logins_alone() -> None:
    env = {"USER_": "a b", "PW": "p@ss/w", "DONE": "p%40ss", "PATH_": "live/a b"}
    assert filled_address("rtsp://${USER_}:${PW}@h.lan/${PATH_}", env) == "rtsp://a%20b:p%40ss%2Fw@h.lan/live/a b"
    assert filled_address("rtsp://u:${DONE}@h.lan/", env) == "rtsp://u:p%40ss@h.lan/"
    assert filled_address("clips/${PATH_}.mp4", env) == "clips/live/a b.mp4"
    with pytest.raises(ValueError, match="NONE"):
        filled_address("rtsp://u:${NONE}@h.lan/", env)


@pytest.mark.parametrize(
    ("address", "scheme"),
    [
        ("rtsp://h/", "rtsp"), ("RTSPS://h/", "rtsps"), ("http://h/", "http"), ("usb:0", "usb"), ("/dev/video2", "usb"),
        ("/data/a.mp4", "file"), ("file:///a.mp4", "file"), ("a.mp4", "file"), ("usb: nothing", "file"),
    ],
)  # fmt: skip
def test_schemes(address: str, scheme: str) -> None:
    assert scheme_of(address) == scheme
