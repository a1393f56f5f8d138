"""What a stream's figures mean for the agent, in words, with the change that mends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from edge_agent.doctor.base import Finding, fail, ok, warn
from vision.media.live.base import Fault

KEY_FRAMES_S = 4.0  # from here on the beginnings of clips are missed
CLOCK_S = 2.0
WIDE = 1920 * 1080
NEEDED = 320 * 180
SMALL = 704 * 576
HIGH_KBPS = 16_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One stream as it was found; None for what it did not show.

    `key_s`: seconds from key frame to key frame, `key_more` where it is that or more. `lost`: share of the pictures that
    were damaged or missing, 0..1.
    """

    codec: str
    width: int
    height: int
    fps: float | None = None
    key_s: float | None = None
    key_more: bool = False
    kbps: float | None = None
    clock_s: float | None = None
    transport: str = ""
    first_s: float | None = None
    lost: float | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What the stream is for: `looked` at by the detector so often a second, `kept` as evidence, or both."""

    looked: bool
    kept: bool
    detect_fps: float = 5.0
    has_record_source: bool = False
    live: bool = True

    def of_a_file(self) -> Use:
        """The same use of a file, whose making nobody can change."""
        return replace(self, live=False)


def advise(seen: Seen, use: Use) -> Iterator[Finding]:
    """The stream in one line, and a line for everything that should be changed."""
    yield ok(_told(seen), **_facts(seen))
    yield from _picture(seen, use)
    if seen.fps and use.looked and seen.fps < use.detect_fps * 0.9:
        yield _slow(seen.fps, seen, use)
    if seen.key_s and seen.key_s > KEY_FRAMES_S and use.live:
        more = " or more" if seen.key_more else ""
        what = "clips begin late" if use.kept else "after an interruption the picture comes back late"
        yield warn(
            f"a key frame only every {seen.key_s:.1f} s{more}: {what}",
            f"set the I-frame interval to {_interval(seen)} on the camera",
        )
    if seen.clock_s is not None and abs(seen.clock_s) > CLOCK_S:
        way = "ahead" if seen.clock_s > 0 else "behind"
        yield warn(
            f"its clock is {abs(seen.clock_s):.0f} s {way}; events go by the time of arrival",
            "set NTP on the camera, to the same server as this machine",
        )
    if seen.lost and seen.lost > 0.002 and "udp" in seen.transport:
        yield warn(
            f"{seen.lost:.1%} of the pictures are damaged or missing on UDP",
            "stream: {transport: tcp} for this camera in the config",
        )


def _slow(fps: float, seen: Seen, use: Use) -> Finding:
    """Fewer pictures than the detector may look at."""
    text = f"{fps:.1f} pictures/s come, detect.fps wants {use.detect_fps:g}"
    if "snapshot" in seen.transport:
        return warn(text, f"stream: {{poll_s: {1 / use.detect_fps:g}}} for this camera; better, its RTSP address")
    return warn(text, f"raise the stream's frame rate on the camera, or set detect.fps to {max(1, round(fps))}")


def _picture(seen: Seen, use: Use) -> Iterator[Finding]:
    area = seen.width * seen.height
    if use.looked and area > WIDE:
        yield warn(
            f"{seen.width}x{seen.height} is decoded all the time, the detector needs a fraction of it",
            "put the camera's sub stream (about 640x360) into source"
            + ("" if use.has_record_source else ", and this one into record_source")
            + "; `sightline discover` lists both",
        )
    elif use.looked and 0 < area < NEEDED:
        yield warn(f"{seen.width}x{seen.height} shows too little", "set the sub stream to about 640x360 on the camera")
    if use.looked and use.kept and use.live and 0 < area <= SMALL:
        yield Finding("ok", "clips are as small as this stream", "if wanted: the camera's main stream as record_source")
    if use.kept and seen.codec in {"hevc", "h265"}:
        yield warn(
            "H.265: some browsers do not play its clips, and re-encoding them for the report costs time",
            "set the stream to H.264 on the camera if clips are watched in a browser",
        )
    if use.kept and use.live and seen.codec in {"mjpeg", "jpeg"}:
        yield warn(
            "motion JPEG: clips are encoded here, which costs processor time",
            "use an H.264 stream where the camera has one",
        )
    if seen.kbps and seen.kbps > HIGH_KBPS:
        yield warn(f"{seen.kbps / 1000:.0f} Mbit/s", "lower the stream's bit rate on the camera")


def _interval(seen: Seen) -> str:
    return f"2 s ({round(seen.fps * 2)} frames)" if seen.fps else "2 s"


def _told(seen: Seen) -> str:
    parts = [f"{seen.codec} {seen.width}x{seen.height}"]
    parts += [f"{seen.fps:.3g}/s"] if seen.fps else []
    parts += [f"key frame every {seen.key_s:.1f} s"] if seen.key_s and not seen.key_more else []
    parts += [f"{seen.kbps / 1000:.2g} Mbit/s"] if seen.kbps else []
    parts += [seen.transport] if seen.transport else []
    parts += [f"first picture after {seen.first_s:.1f} s"] if seen.first_s is not None else []
    return ", ".join(parts)


def _facts(seen: Seen) -> dict[str, object]:
    names = ("codec", "width", "height", "fps", "key_s", "kbps", "clock_s", "transport", "first_s", "lost")
    return {name: getattr(seen, name) for name in names if getattr(seen, name) not in (None, "")}


_FIXES: dict[Fault, str] = {
    "refused": "check address and port, that the camera is on, and that RTSP is switched on in it",
    "unreachable": "check the address, the cable and the network; `sightline discover` shows where cameras are",
    "timeout": "check the address and firewalls between here and the camera; with UDP try stream: {transport: tcp}",
    "auth": "check user and password in the camera's web page, and the variable of the environment; wait if it locked",
    "not_found": "check the path of the address; `sightline discover` lists the right ones",
    "no_video": "set the camera's stream to H.264, and check that the address is that of its video",
    "stall": "restart the camera, and look at its load and network",
    "ended": "the camera may allow few viewers only: close others, or restart it",
    "damaged": "stream: {transport: tcp} for this camera in the config, and check the network",
    "no_device": "plug it in, look at `ls /dev/video*`, and add this user to the group video",
    "no_file": "check the path; a relative one counts from the config's folder",
    "other": "look at the camera's own log",
}


def faulty(fault: Fault, text: str) -> Finding:
    """A stream that cannot be opened; `text` is the fault's line, of which the cause is told and the fix is ours."""
    return fail(text.partition("; ")[0], _FIXES.get(fault, _FIXES["other"]), fault=fault)
