"""What went wrong with a live source, in one word and in one line: from FFmpeg's, the socket's and HTTP's errors."""

from __future__ import annotations

import errno
import socket
import ssl

import av

from vision.media.live.base import Fault, SourceFault

TEXTS: dict[Fault, str] = {
    "refused": "the connection is refused; check the address and port, and that the camera is on",
    "unreachable": "no way there; check the address, the cable and the network",
    "timeout": "no answer in time; check the address, the network and firewalls between",
    "auth": "the camera refuses user or password; check both (an account may be locked after some wrong tries)",
    "not_found": "the camera has no such stream; check the path of the address, `sightline discover` lists them",
    "no_video": "no video that can be decoded comes from there; unless it is just starting, set the camera to H.264 and "
    "check the address",
    "stall": "the stream went silent; connecting again",
    "ended": "the camera closed the stream; connecting again",
    "damaged": "the stream cannot be decoded; check the network, or set transport: tcp",
    "no_device": "no such camera here; check that it is plugged in (ls /dev/video*)",
    "no_file": "no such file; check the path",
    "other": "it failed; see the camera's own log",
}
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL}


def fault(kind: Fault, place: str, cause: str | None = None) -> SourceFault:
    """The fault of that kind at `place`, an address without its password; `cause` in place of the usual line."""
    return SourceFault(kind, f"{place}: {cause or TEXTS[kind]}")


def http_fault(status: int, place: str) -> SourceFault:
    """The fault that an HTTP or RTSP status tells of."""
    if status in {401, 403, 407}:
        return fault("auth", place)
    if status in {404, 410}:
        return fault("not_found", place)
    if status == 461:
        return fault(
            "other",
            place,
            "the camera refuses the request (4xx: mostly this transport); set transport: udp, or tcp",
        )
    if status in {429, 453, 503}:
        return fault("other", place, f"the camera is too busy ({status}); it may allow few viewers, close others")
    return fault("other", place, f"the camera answers with an error of its own ({status}); restart it if it stays")


_TRANSPORT = {errno.EPROTONOSUPPORT, errno.EPROTOTYPE}  # what FFmpeg says where a camera offers UDP alone
_AV_STATUS: tuple[tuple[type[av.FFmpegError], int], ...] = (
    (av.error.HTTPUnauthorizedError, 401),
    (av.error.HTTPForbiddenError, 403),
    (av.error.HTTPNotFoundError, 404),
    (av.error.HTTPTooManyRequestsError, 429),
    (av.error.HTTPClientError, 461),  # FFmpeg tells no other; mostly a transport that the camera does not offer
    (av.error.HTTPOtherClientError, 461),
    (av.error.HTTPServerError, 500),
)
_KINDS: tuple[tuple[type[BaseException], Fault, str | None], ...] = (
    (socket.gaierror, "unreachable", "no such host; check the name, or write the camera's IP address"),
    (ssl.SSLError, "other", "the encrypted connection fails; check the certificate, or use the plain address"),
    (ConnectionRefusedError, "refused", None),
    (ConnectionError, "ended", None),
    (EOFError, "ended", None),
)


def fault_of(error: BaseException, place: str, *, opened: bool = False) -> SourceFault:
    """The fault behind an exception of FFmpeg or a socket; never its text, for addresses with passwords are in it."""
    if isinstance(error, SourceFault):
        return error
    number = getattr(error, "errno", None)
    told = [status for kind, status in _AV_STATUS if isinstance(error, kind)]
    if told or number in _TRANSPORT:
        return http_fault(told[0] if told else 461, place)
    if isinstance(error, (av.error.ExitError, TimeoutError)) or number == errno.ETIMEDOUT:
        return fault("stall" if opened else "timeout", place)
    if number in _UNREACHABLE:
        return fault("unreachable", place)
    for kind, word, cause in _KINDS:
        if isinstance(error, kind):
            return fault(word, place, cause)
    return _other(error, place, opened=opened)


def _other(error: BaseException, place: str, *, opened: bool) -> SourceFault:
    if isinstance(error, av.error.InvalidDataError):
        return fault("damaged" if opened else "no_video", place)
    if getattr(error, "errno", None) in {errno.EMFILE, errno.ENFILE}:
        return fault("other", place, "too many open files on this machine; raise its limit (ulimit -n)")
    strerror = getattr(error, "strerror", None)
    what = strerror if isinstance(strerror, str) and isinstance(error, (OSError, av.FFmpegError)) else None
    return fault("other", place, f"it failed ({(what or type(error).__name__)[:80]}); see the camera's own log")
