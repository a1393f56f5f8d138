"""Signed addresses of evidence: what they open, and what they do not."""

from __future__ import annotations

import stat
import threading
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.delivery.cloudevents import cloud_event, encoded, rfc3339
from vision.delivery.links import link_key, linker, sign, verify
from vision.delivery.senders.base import Message
from vision.errors import StoreError

KEY = bytes(range(32))
PATH = "snapshots/01ABC.jpg"


def query(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


GOOD = query(sign(PATH, 2000, KEY))
REQUESTS: dict[str, tuple[str, dict[str, str], bytes, float, bool]] = {
    "good": (PATH, GOOD, KEY, 1999.9, True),
    "expired": (PATH, GOOD, KEY, 2000, False),
    "another path": ("snapshots/01ABD.jpg", GOOD, KEY, 1000, False),
    "another key": (PATH, GOOD, bytes(32), 1000, False),
    # nobody makes it last longer
    "a later expiry": (PATH, GOOD | {"expires": "3000"}, KEY, 1000, False),
    "the expiry written otherwise": (PATH, GOOD | {"expires": "2000.0"}, KEY, 1000, False),
    "an expiry of no number": (PATH, GOOD | {"expires": "²⁰⁰⁰"}, KEY, 1000, False),
    "an endless expiry": (PATH, GOOD | {"expires": "9" * 5000}, KEY, 1000, False),
    "no expiry": (PATH, {"signature": GOOD["signature"]}, KEY, 1000, False),
    "no signature": (PATH, {"expires": "2000"}, KEY, 1000, False),
    "an empty signature": (PATH, GOOD | {"signature": ""}, KEY, 1000, False),
    "a cut signature": (PATH, GOOD | {"signature": GOOD["signature"][:-1]}, KEY, 1000, False),
    "a signature of other letters": (PATH, GOOD | {"signature": "ß" * 64}, KEY, 1000, False),
    # path and expiry cannot be shifted into one another
    "shifted": (f"{PATH}\n2", GOOD, KEY, 1000, False),
}


@pytest.mark.parametrize(("path", "asked", "key", "now", "opens"), REQUESTS.values(), ids=REQUESTS.keys())
def test_requests(path: str, asked: dict[str, str], key: bytes, now: float, opens: bool) -> None:
    assert verify(path, asked, key, now) is opens


@given(st.text(min_size=1), st.integers(0, 10**11), st.text(min_size=1))
def test_a_link_opens_its_own_path_and_no_other(path: str, expires: int, other: str) -> None:
    path, other = (text.encode("utf-8", "replace").decode() for text in (path, other))
    signed = query(sign(path, expires, KEY))
    assert verify(path, signed, KEY, expires - 1)
    assert verify(other, signed, KEY, expires - 1) == (other == path)


def test_a_link_as_receivers_get_it() -> None:
    address = linker("https://cams.example/edge/", KEY, 2.0, lambda: 1000.5)("clips/a b&ü.mp4")
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc) == ("https", "cams.example")
    path = unquote(parts.path).removeprefix("/edge/evidence/")
    assert path == "clips/a b&ü.mp4"
    asked = query(parts.query)
    assert asked["expires"] == "8200"
    assert verify(path, asked, KEY, 8199)


def test_the_key_is_made_once_and_is_the_owners(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(link_key(folder))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(keys) == 8
    assert set(keys) == {link_key(folder)}, "all who begin at once read the same"
    assert len(keys[0]) == 32
    assert stat.S_IMODE((folder / "link.key").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["link.key"]


@pytest.mark.parametrize("content", ["", "abcd", "no hex at all", "ß"])
def test_a_damaged_key_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "link.key").write_text(content, encoding="utf-8")
    with pytest.raises(StoreError, match=r"link\.key.*delete it"):
        link_key(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="link"):
        link_key(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


TIMES = {0.0: "1970-01-01T00:00:00.000Z", 1790000000.25: "2026-09-21T14:13:20.250Z"}


@pytest.mark.parametrize(("epoch", "text"), TIMES.items())
def test_times(epoch: float, text: str) -> None:
    assert rfc3339(epoch) == text


def test_odd_names_make_a_proper_source() -> None:
    odd = Message("m", "opened", "e", {"camera": "hof/tür 1?"}, 0.0)
    made = cloud_event(odd, site="haus")
    assert made["source"] == "/haus/hof%2Ft%C3%BCr%201%3F"
    with pytest.raises(ValueError, match="JSON"):
        encoded(made | {"data": float("nan")})
