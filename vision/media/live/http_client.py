"""A small HTTP client for cameras: one request at a time, bounded in time and size, ended from any thread."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from dataclasses import dataclass
from urllib.parse import quote, urljoin

from vision.media.live.address import Parts, parts
from vision.media.live.attempt import Abandoned, Attempt
from vision.media.live.faults import fault, fault_of, http_fault
from vision.media.live.http_auth import Login

_REDIRECTS = 3
_AUTH_TRIES = 3
_DRAIN_BYTES = 65536
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful response: its content type in lower case, without parameters, and its body, read with `read`."""

    content_type: str
    response: http.client.HTTPResponse
    place: str

    def read(self, size: int = _CHUNK) -> bytes:
        """What there is, up to `size` bytes; empty at the end. Raises `SourceFault` (stall, ended)."""
        try:
            return self.response.read1(size)
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            if isinstance(error, http.client.HTTPException | ValueError | AttributeError):
                return b""  # cut off in the middle of a chunk, or closed by another thread
            raise fault_of(error, self.place, opened=True) from None

    def whole(self, limit: int) -> bytes:
        """The whole body. Raises `SourceFault` where it is longer than `limit` bytes or is cut off."""
        told = self.response.length
        if told is not None and told > limit:
            raise fault("damaged", self.place, f"the picture would be {told} bytes; more than {limit} are not taken")
        body = bytearray()
        while data := self.read():
            body += data
            if len(body) > limit:
                raise fault("damaged", self.place, f"the picture is longer than {limit} bytes; that much is not taken")
        self.response.close()  # the connection may be used again
        if told is not None and len(body) < told:
            raise fault("ended", self.place, f"the camera cut the picture off ({len(body)} of {told} bytes)")
        return bytes(body)


class Session:
    """Requests to one address, with its user and password; keeps the connection where the camera does.

    Redirects are followed, but user and password go to no other host, port or scheme.
    """

    def __init__(self, address: Parts, place: str, connect_s: float, read_s: float) -> None:
        self._home, self.place = address, place
        self._connect_s, self._read_s = connect_s, read_s
        self._login = Login(address.user, address.password or "") if address.user is not None else None
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None  # http.client lets go of it where the answer is the last one
        self._response: http.client.HTTPResponse | None = None
        self._connected_to: tuple[str, str, int | None] | None = None

    def close(self) -> None:
        """End what is going on; from any thread."""
        self._closed.set()
        with self._lock:
            if self._socket is not None:
                _shut(self._socket)

    def release(self) -> None:
        """Let go of the socket; in the thread that reads."""
        with self._lock:
            connection, self._connection, self._connected_to = self._connection, None, None
            self._socket = None
        response, self._response = self._response, None
        if response is not None:
            response.close()
        if connection is not None:
            connection.close()

    def get(self) -> Answer:
        """The response to GET. Raises `SourceFault`."""
        place, tries = self._home, 0
        for _ in range(_REDIRECTS + _AUTH_TRIES + 1):
            own = (place.scheme, place.host, place.port) == (self._home.scheme, self._home.host, self._home.port)
            login = self._login if own else None
            response = self._request(place, login)
            if response.status == 401 and login is not None and tries < _AUTH_TRIES:
                tries += 1
                if not login.challenged(response.headers.get_all("WWW-Authenticate") or []):
                    break
                self._drain(response)
            elif response.status in {301, 302, 303, 307, 308}:
                place = self._moved(place, response)
                self._drain(response)
            elif response.status != 200:
                raise self._refused(response.status)
            else:
                kind = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
                return Answer(kind, response, self.place)
        raise self._refused(response.status)

    def _refused(self, status: int) -> Exception:
        self.release()
        if status < 400:
            return fault("other", self.place, "the camera redirects without end; give the address that it leads to")
        return http_fault(status, self.place)

    def _moved(self, place: Parts, response: http.client.HTTPResponse) -> Parts:
        try:
            target = parts(urljoin(place.bare, response.headers.get("Location") or ""))
        except ValueError:
            target = Parts("", "", None, "")
        if target.scheme not in {"http", "https"}:
            self.release()
            raise fault("other", self.place, "the camera redirects to what is no HTTP address; give the right one")
        return target

    def _drain(self, response: http.client.HTTPResponse) -> None:
        """Read the rest, so that the connection can be used again; a long rest is not worth it."""
        length = response.length
        if response.will_close or length is None or length > _DRAIN_BYTES:
            self.release()
            return
        try:
            response.read()
        except (OSError, http.client.HTTPException):
            self.release()

    def _request(self, place: Parts, login: Login | None) -> http.client.HTTPResponse:
        """One request; over the connection of before if it still stands, else over a new one."""
        target = quote(place.path.partition("#")[0] or "/", safe="/?=&%:@!$'()*+,;~-._[]")
        target = target if target.startswith("/") else f"/{target}"
        here = (place.scheme, place.host, place.port)
        kept = self._connection is not None and self._connected_to == here
        while True:
            if not kept:
                self.release()
                self._connect(place)
            connection = self._connection
            try:
                if connection is None:
                    raise fault("ended", self.place, "closed")
                headers = {"User-Agent": "sightline", "Accept": "*/*"}
                authorization = login.header("GET", target) if login else None
                if authorization:
                    headers["Authorization"] = authorization
                connection.request("GET", target, headers=headers)
                self._response = response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                if kept and not self._closed.is_set() and not isinstance(error, TimeoutError):
                    kept = False  # the camera had closed it meanwhile
                    continue
                self.release()
                if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
                    raise fault("no_video", self.place, "what answers there does not speak HTTP") from None
                raise fault_of(error, self.place) from None
            return response

    def _connect(self, place: Parts) -> None:
        def work() -> http.client.HTTPConnection:
            if place.scheme == "https":
                context = ssl.create_default_context()
                secure = http.client.HTTPSConnection(place.host, place.port, timeout=self._connect_s, context=context)
                secure.connect()
                return secure
            plain = http.client.HTTPConnection(place.host, place.port, timeout=self._connect_s)
            plain.connect()
            return plain

        try:
            connection = Attempt(work, lambda late: late.close()).wait(self._connect_s, self._closed)
        except Abandoned:
            closed = self._closed.is_set()
            raise (fault("ended", self.place, "closed") if closed else fault("timeout", self.place)) from None
        except (OSError, ValueError) as error:
            raise fault_of(error, self.place) from None
        connection.sock.settimeout(self._read_s)
        with self._lock:
            self._connection, self._connected_to = connection, (place.scheme, place.host, place.port)
            self._socket = connection.sock
            if self._closed.is_set():
                _shut(self._socket)


def _shut(sock: socket.socket) -> None:
    """Wake whoever reads from it."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
