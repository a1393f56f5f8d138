from __future__ import annotations

import itertools
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import missing
from tests.peers.http_camera import HttpCamera, Request
from tests.peers.rtsp import free_port
from vision.media.live.base import LiveSource, Shot, SourceFault, SourceOptions
from vision.media.live.jpeg import JpegSplitter
from vision.media.live.open import open_live

QUICK = SourceOptions(connect_s=3, stall_s=0.6, poll_s=0.05)


def jpeg(level: int = 128, width: int = 96, height: int = 64) -> bytes:
    """A picture of one brightness."""
    good, data = cv2.imencode(".jpg", np.full((height, width, 3), level, np.uint8))
    assert good
    return data.tobytes()


def watch(source: LiveSource, count: int, fps: float | None = None) -> tuple[list[Shot], SourceFault | None]:
    """So many shots, or those before the fault, and it."""
    shots: list[Shot] = []
    try:
        for shot in source.shots(fps):
            shots.append(shot)
            if len(shots) == count:
                return shots, None
    except SourceFault as fault:
        return shots, fault
    raise AssertionError("a source ends by a fault alone")


def one(
    path: Callable[[Request], object], *, count: int = 3, kind: str = "/x"
) -> tuple[list[Shot], SourceFault | None]:
    with HttpCamera({kind: path}) as camera, open_live(camera.url(kind), QUICK) as source:
        return watch(source, count)


def parts_of(boundary: str = "--frame", *, length: bool = True, lie: int = 0) -> Iterator[bytes]:
    for level in itertools.cycle((50, 100, 150)):
        data = jpeg(level)
        head = f"{boundary}\r\nContent-Type: image/jpeg\r\n"
        head += f"Content-Length: {len(data) + lie}\r\n" if length else ""
        yield head.encode() + b"\r\n" + data + b"\r\n"


def mjpeg(parts: Iterator[bytes], *, kind: str = "multipart/x-mixed-replace; boundary=frame", chunked: bool = False):
    def answer(request: Request) -> None:
        request.begin(kind, chunked=chunked)
        for part in parts:
            request.chunk(part) if chunked else request.wfile.write(part)
            if not request.wait(0.02):
                return

    return answer


STREAMS = {
    "plain": mjpeg(parts_of()),
    # cameras write the dashes into the header too
    "dashes in the header": mjpeg(parts_of(), kind="multipart/x-mixed-replace;boundary=--frame"),
    "quoted": mjpeg(parts_of(), kind='Multipart/X-Mixed-Replace; boundary="frame"'),
    "another boundary than announced": mjpeg(parts_of("--other")),
    "none announced": mjpeg(parts_of(), kind="multipart/x-mixed-replace"),
    "no lengths": mjpeg(parts_of(length=False)),
    "wrong lengths": mjpeg(parts_of(lie=1 << 40)),
    "chunked": mjpeg(parts_of(), chunked=True),
    "no boundary at all": mjpeg(jpeg(level) for level in itertools.cycle((50, 100, 150))),
}


@pytest.mark.parametrize("answer", STREAMS.values(), ids=STREAMS.keys())
def test_mjpeg(answer: Callable[[Request], object]) -> None:
    shots, fault = one(answer, count=6)
    assert fault is None
    assert [shot.index for shot in shots] == list(range(6))
    assert all(b.t > a.t for a, b in itertools.pairwise(shots))
    levels = [int(shot.picture.bgr().mean()) for shot in shots[:3]]
    assert levels == pytest.approx([50, 100, 150], abs=2)
    assert shots[0].picture.size == (96, 64)
    assert shots[0].picture.luma().shape == (64, 96)


def test_mjpeg_is_sampled_before_it_is_decoded() -> None:
    with HttpCamera({"/x": mjpeg(parts_of())}) as camera, open_live(camera.url("/x"), QUICK) as source:
        shots, _ = watch(source, 6, fps=10)
        assert source.info is not None
        assert (source.info.codec, source.info.transport, source.info.packets) == ("mjpeg", "http/mjpeg", False)
    assert shots[-1].index >= 14  # 50 pictures a second came
    assert shots[-1].t - shots[0].t > 0.25


def test_mjpeg_steps_over_what_is_broken() -> None:
    whole = jpeg(200)
    broken = [
        whole,
        whole[: len(whole) // 2],  # breaks off; the next begins
        b"\xff\xd8\xff\xe0 no picture at all \xff\xd9",
        b"<html>an error</html>" * 20,
        jpeg(100),
    ]
    answer = mjpeg(b"--frame\r\n\r\n" + data + b"\r\n" for data in itertools.cycle(broken))
    with HttpCamera({"/x": answer}) as camera, open_live(camera.url("/x"), QUICK) as source:
        shots, fault = watch(source, 4)
        assert fault is None
        assert {round(shot.picture.bgr().mean(), -1) for shot in shots} <= {200, 100}
        assert source.counts["corrupt"] + source.counts["undecodable"] >= 2


def test_a_thumbnail_does_not_end_a_picture() -> None:
    data, thumb = jpeg(90), jpeg(10)
    app = b"Exif\0\0" + thumb
    whole = data[:2] + b"\xff\xe1" + (len(app) + 2).to_bytes(2, "big") + app + data[2:]
    splitter = JpegSplitter(1 << 20, counts := Counter())
    stream = b"--x\r\n\r\n" + whole + b"\r\n--x\r\n\r\n" + whole
    pieces = [stream[i : i + 7] for i in range(0, len(stream), 7)]
    assert [p for piece in pieces for p in splitter.feed(piece)] == [whole, whole]
    assert not counts


def test_a_picture_without_end_is_bounded() -> None:
    splitter = JpegSplitter(1 << 16, counts := Counter())
    for _ in range(50):
        assert list(splitter.feed(jpeg()[:-2] + b"\0" * 5000)) == []
        assert len(splitter._buffer) < (1 << 16) + 10_000
    assert counts["corrupt"] > 3


def ends(request: Request) -> None:
    request.begin("multipart/x-mixed-replace; boundary=frame")
    request.wfile.write(b"--frame\r\n\r\n" + jpeg() + b"\r\n")


def stalls(request: Request) -> None:
    ends(request)
    request.wait(20)


def no_pictures(request: Request) -> None:
    request.begin("multipart/x-mixed-replace; boundary=frame")
    while request.wait(0.05):
        request.wfile.write(b"--frame\r\n\r\nno picture\r\n")


def cut_chunk(request: Request) -> None:
    request.begin("multipart/x-mixed-replace; boundary=frame", chunked=True)
    request.chunk(b"--frame\r\n\r\n" + jpeg())
    request.wfile.write(b"ffff\r\nno more")


def snap_then(status: int, body: bytes, kind: str) -> Callable[[Request], None]:
    asked = itertools.count()

    def answer(request: Request) -> None:
        request.send(jpeg(), "image/jpeg") if next(asked) < 2 else request.send(body, kind, status=status)

    return answer


FAULTS = [
    # what the camera does, pictures before the fault, the fault, a word of the text
    (ends, 1, "ended", "closed"),
    (stalls, 1, "stall", "silent"),
    (cut_chunk, 1, "ended", ""),
    (lambda r: r.send(b"<html>", "text/html"), 0, "no_video", "text/html"),
    (lambda r: r.send(b"x", "text/plain", status=404), 0, "not_found", "path"),
    (lambda r: r.send(b"x", "text/plain", status=403), 0, "auth", "password"),
    (lambda r: r.send(b"x", "text/plain", status=401), 0, "auth", "password"),
    (lambda r: r.send(b"x", "text/plain", status=500), 0, "other", "500"),
    (lambda r: r.send(b"x", "text/plain", status=503), 0, "other", "busy"),
    (lambda r: r.send(b"", "text/plain", status=302, Location="/x"), 0, "other", "redirects"),
    (lambda r: r.send(b"", "text/plain", status=302, Location="file:///etc/passwd"), 0, "other", "redirects"),
    (lambda r: r.send(b"", "image/jpeg", length=1 << 40), 0, "damaged", "1099511627776"),
    (lambda r: r.send(jpeg()[:300], "image/jpeg", length=9000), 0, "ended", "cut"),
    (lambda r: r.send(b"no picture", "image/jpeg"), 0, "damaged", "decoded"),
    (lambda r: r.send(b"", "image/jpeg"), 0, "damaged", "decoded"),
    (snap_then(500, b"x", "text/plain"), 2, "other", "500"),
    (snap_then(200, b"<html>", "text/html"), 2, "no_video", "pictures"),
    (lambda r: r.wfile.write(b"RTSP/1.0 200 OK\r\n\r\n"), 0, "no_video", "HTTP"),
    (lambda r: r.send(b"no video" * 99, "video/mp4"), 0, "no_video", "video"),
    (lambda r: r.wait(20), 0, "timeout", "answer"),
]


@pytest.mark.parametrize(("answer", "before", "fault", "word"), FAULTS)
def test_faults(answer: Callable[[Request], object], before: int, fault: str, word: str) -> None:
    shots, caught = one(answer, count=99)
    assert caught is not None
    assert (len(shots), caught.fault) == (before, fault)
    assert word in str(caught)
    assert str(caught).startswith("http://127.0.0.1:")


def test_a_stream_without_a_picture_is_no_video() -> None:
    options = SourceOptions(connect_s=1, stall_s=0.4)
    with HttpCamera({"/x": no_pictures}) as camera, open_live(camera.url("/x"), options) as source:
        assert watch(source, 1)[1].fault == "no_video"  # type: ignore[union-attr]  # a fault is awaited


def test_nobody_listens() -> None:
    caught = watch(open_live(f"http://127.0.0.1:{free_port()}/x", QUICK), 1)[1]
    assert caught is not None
    assert caught.fault == "refused"
    caught = watch(open_live("http://nohost.invalid/x", QUICK), 1)[1]
    assert caught is not None
    assert caught.fault == "unreachable"


@pytest.mark.parametrize("auth", ["basic", "digest", "sha256", "old"])
def test_logins(auth: str) -> None:
    paths = {"/snap": lambda r: r.send(jpeg(), "image/jpeg")}
    with HttpCamera(paths, auth=auth, password='p@"ss/wörd') as camera:  # type: ignore[arg-type]  # of the list above
        with open_live(camera.url("/snap?channel=1"), QUICK) as source:
            shots, fault = watch(source, 4)
            assert fault is None
            assert len(shots) == 4
        asked = len(camera.seen)
        with open_live(camera.url("/snap", password="wrong"), QUICK) as source:
            shots, fault = watch(source, 1)
            assert fault is not None
            assert fault.fault == "auth"
        assert len(camera.seen) - asked == 2  # a wrong password is tried once: accounts get locked
        with open_live(
            camera.url("/snap").replace(camera.url("/snap").split("@")[0].removeprefix("http://") + "@", ""), QUICK
        ) as source:
            assert watch(source, 1)[1].fault == "auth"  # type: ignore[union-attr]  # a fault is awaited


def test_a_redirect_takes_no_password_along() -> None:
    with HttpCamera({"/snap": lambda r: r.send(jpeg(), "image/jpeg")}) as other:
        target = other.url("/snap")
        paths: dict[str, Callable[[Request], object]] = {
            "/away": lambda r: r.send(b"", "text/plain", status=302, Location=target),
            "/here": lambda r: r.send(b"", "text/plain", status=307, Location="/snap"),
            "/snap": lambda r: r.send(jpeg(), "image/jpeg"),
        }
        with HttpCamera(paths, auth="basic") as camera:
            for path in ("/away", "/here"):
                with open_live(camera.url(path), QUICK) as source:
                    assert len(watch(source, 2)[0]) == 2
            assert camera.seen[-1][1] is not None
        assert other.seen
        assert all(header is None for _, header in other.seen)


def test_closing_from_another_thread() -> None:
    with HttpCamera({"/x": stalls, "/hang": lambda r: r.wait(20)}) as camera:
        for path in ("/x", "/hang"):
            source = open_live(camera.url(path), SourceOptions(connect_s=30, stall_s=30))
            threading.Timer(0.4, source.close).start()
            began = time.monotonic()
            fault = watch(source, 99)[1]
            assert fault is not None
            assert fault.fault == "ended"
            assert time.monotonic() - began < 2


def test_snapshots_over_one_connection() -> None:
    ports = set()

    def snap(request: Request) -> None:
        ports.add(request.client_address[1])
        request.send(jpeg(), "image/jpeg")

    options = SourceOptions(poll_s=0.15)
    with HttpCamera({"/x": snap}) as camera, open_live(camera.url("/x"), options) as source:
        shots, fault = watch(source, 5)
        assert source.info is not None
        assert (source.info.codec, source.info.transport) == ("jpeg", "http/snapshot")
    assert fault is None
    assert len(ports) == 1
    assert shots[-1].arrived - shots[0].arrived == pytest.approx(0.6, abs=0.3)


def test_snapshots_of_other_kinds() -> None:
    good, data = cv2.imencode(".png", np.full((20, 30, 3), 77, np.uint8))
    assert good
    shots, _ = one(lambda r: r.send(data.tobytes(), "image/png"), count=1)
    assert shots[0].picture.size == (30, 20)
    assert int(shots[0].picture.bgr().mean()) == 77


@pytest.fixture(scope="module")
def transport_stream(root: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    made = tmp_path_factory.mktemp("ts") / "quiet.ts"
    command = ["ffmpeg", "-v", "error", "-i", str(root / "demo/clips/quiet.mp4"), "-c", "copy", "-t", "4", str(made)]
    try:
        subprocess.run(command, check=True, timeout=60)
    except OSError:
        missing("needs ffmpeg")
    return made.read_bytes()


def test_video_over_http(transport_stream: bytes) -> None:
    def answer(request: Request) -> None:
        request.begin("video/mp2t", chunked=True)
        for at in range(0, len(transport_stream), 18800):
            request.chunk(transport_stream[at : at + 18800])
            if not request.wait(0.1):
                return

    taken: list[tuple[int | None, float]] = []
    with HttpCamera({"/x": answer}) as camera, open_live(camera.url("/x"), QUICK) as source:
        shots: list[Shot] = []
        with pytest.raises(SourceFault) as caught:
            shots.extend(source.shots(None, lambda packet, stream, t: taken.append((packet.dts, t))))
        assert source.info is not None
        assert (source.info.codec, source.info.width, source.info.packets) == ("h264", 640, True)
    assert caught.value.fault in {"ended", "stall"}
    assert len(shots) > 30
    assert all(b.t > a.t for a, b in itertools.pairwise(shots))
    assert all(b[0] > a[0] for a, b in itertools.pairwise(taken))  # type: ignore[operator]  # None fails as it should
