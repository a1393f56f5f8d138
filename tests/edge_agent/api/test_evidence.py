"""Pictures and clips: signed links, ranges, and whatever a path may try."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.api.evidence import find
from tests.edge_agent.api.fake_agent import FakeAgent
from tests.edge_agent.api.serving import KEY, serving
from vision.delivery import links

A = "clips/yard/2026-05-28/a.mp4"
CLIP = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evidence folder with things around it that nobody may read."""
    root = tmp_path_factory.mktemp("data")
    (root / "api.token").write_text("secret", encoding="utf-8")
    (root / "secret.jpg").write_bytes(b"secret")
    evidence = root / "evidence"
    (evidence / "clips/yard/2026-05-28").mkdir(parents=True)
    (evidence / "clips/yard/2026-05-28/a.mp4").write_bytes(CLIP)
    (evidence / "clips/yard/2026-05-28/.a.mp4").write_bytes(b"secret")
    (evidence / "clips/yard/2026-05-28/b.mp4.part").write_bytes(b"secret")
    (evidence / "clips/notes.txt").write_bytes(b"secret")
    (evidence / "snapshots").mkdir()
    (evidence / "top.jpg").write_bytes(b"secret")
    (evidence / "snapshots/车库 1.jpg").write_bytes(b"picture")
    (evidence / "clips/folder.jpg").mkdir()
    (evidence / "clips/out.jpg").symlink_to(root / "secret.jpg")
    (evidence / "clips/around").symlink_to(root)
    (evidence / "snapshots/in.jpg").symlink_to(evidence / "snapshots/车库 1.jpg")
    (evidence / "snapshots/over.mp4").symlink_to(evidence / A)
    return evidence


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (A, True),
        ("snapshots/车库 1.jpg", True),
        ("top.jpg", False),  # beside the two folders
        ("snapshots", False),
        ("snapshots/over.mp4", False),  # a link from one to the other
        ("snapshots/in.jpg", True),  # a link within the folder
        ("", False),
        (".", False),
        ("/", False),
        ("..", False),
        ("../secret.jpg", False),
        ("../evidence/" + A, False),  # even where it leads back
        ("clips/../../secret.jpg", False),
        ("clips//yard/2026-05-28/a.mp4", False),
        ("./" + A, False),
        ("/etc/hostname.jpg", False),
        ("..\\secret.jpg", False),
        ("C:\\secret.jpg", False),
        ("%2e%2e/secret.jpg", False),  # escaped twice
        ("clips/out.jpg", False),  # a link that leads out
        ("clips/around/secret.jpg", False),
        ("clips/around/evidence/" + A, True),  # a folder link that leads back in
        ("clips/yard/2026-05-28/.a.mp4", False),  # hidden: still being written
        ("clips/yard/2026-05-28/b.mp4.part", False),
        ("clips/notes.txt", False),  # neither picture nor clip
        ("clips/folder.jpg", False),
        ("clips", False),
        ("clips/a\0.jpg", False),
        ("clips/a\n.jpg", False),
        ("clips/" + "x" * 600 + ".jpg", False),
        ("/".join(["x" * 20] * 20) + ".jpg", False),
        (A.upper(), False),
    ],
)
def test_paths(folder: Path, name: str, found: bool) -> None:
    path = find(folder, name)
    assert (path is not None) == found
    if path is not None:
        assert path.resolve().is_relative_to(folder.resolve())


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["clips", "snapshots", "..", ""]),
    st.lists(
        st.sampled_from(["..", ".", "", "~", "clips", "yard", "around", "secret.jpg", "%2e%2e", "\\..", "\0", "etc"])
        | st.text(max_size=8),
        max_size=8,
    ),
)
def test_no_path_leads_out(folder: Path, first: str, parts: list[str]) -> None:
    path = find(folder, "/".join([first, *parts]))
    assert path is None or path.resolve().is_relative_to(folder.resolve())


def fetch(folder: Path, path: str, **options: Any) -> tuple[int, bytes, Any]:
    async def run() -> tuple[int, bytes, Any]:
        async with serving(folder, agent=FakeAgent()) as served, aiohttp.ClientSession() as bare:
            base = served.server.url.rstrip("/")
            client = served.client if options.pop("token", True) else bare
            from yarl import URL

            async with client.get(URL(base + path, encoded=True), **options) as answer:
                return answer.status, await answer.read(), answer.headers

    return asyncio.run(run())


@pytest.mark.parametrize(
    "path",
    [
        "/evidence/clips/..%2f..%2fsecret.jpg",
        "/evidence/..%2fsecret.jpg",
        "/evidence/..%2f..%2fetc/passwd",
        "/evidence/%2e%2e/secret.jpg",
        "/evidence/..%5csecret.jpg",
        "/evidence//etc/hostname.jpg",
        "/evidence/%00.jpg",
        "/evidence/%ff%fe.jpg",
        "/evidence/clips/yard/2026-05-28/%2ea.mp4",
    ],
)
def test_escaped_paths(folder: Path, path: str) -> None:
    status, body, _ = fetch(folder, path)
    assert status == 404
    assert b"secret" not in body.replace(b"secret.jpg", b"")


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [
        (None, 200, CLIP),
        ("bytes=0-", 206, CLIP),  # how Safari begins
        ("bytes=100-199", 206, CLIP[100:200]),
        ("bytes=-50", 206, CLIP[-50:]),
        ("bytes=10000-99999", 206, CLIP[10000:]),
        ("bytes=99999-", 416, None),
        ("bytes=5-1", 416, None),
    ],
)
def test_ranges(folder: Path, wanted: str | None, status: int, body: bytes | None) -> None:
    got, content, headers = fetch(folder, f"/evidence/{A}", headers={"Range": wanted} if wanted else {})
    assert got == status
    if body is not None:
        assert content == body
        assert headers["Content-Type"] == "video/mp4"
        assert headers["Accept-Ranges"] == "bytes"
        assert headers["Cache-Control"] == "private, max-age=60"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_unchanged_is_not_sent_again(folder: Path) -> None:
    _, _, headers = fetch(folder, f"/evidence/{A}")
    status, body, _ = fetch(folder, f"/evidence/{A}", headers={"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")


def test_signed_links(folder: Path) -> None:
    good = links.linker("http://ignored", KEY, 1, time.time)(A).removeprefix("http://ignored")
    status, body, headers = fetch(folder, good, token=False)
    assert (status, body) == (200, CLIP)
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin", "receivers show it in pages of theirs"
    chinese = links.linker("http://ignored", KEY, 1, time.time)("snapshots/车库 1.jpg").removeprefix("http://ignored")
    assert fetch(folder, chinese, token=False)[:2] == (200, b"picture")
    wrong = {
        "another file": good.replace("a.mp4", "b.mp4"),
        "expired": f"/evidence/{A}?{links.sign(A, int(time.time()) - 1, KEY)}",
        "another key": f"/evidence/{A}?{links.sign(A, int(time.time()) + 99, b'x' * 32)}",
        "longer": good.replace("expires=", "expires=9"),
        "cut": good[:-1],
        "nothing": f"/evidence/{A}",
        "not for other addresses": good.replace(f"/evidence/{A}", "/v1/status"),
        "signed, but no way out": f"/evidence/..%2fsecret.jpg?{links.sign('../secret.jpg', int(time.time()) + 99, KEY)}",
    }
    for case, path in wrong.items():
        status, body, _ = fetch(folder, path, token=False)
        assert status in {401, 404}, case
        assert body != CLIP, case
