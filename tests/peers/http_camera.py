"""A small HTTP camera for tests: paths with a function each, Basic or Digest if wanted, ends its connections at once.

with HttpCamera({"/snap": lambda request: request.send(jpeg, "image/jpeg")}) as camera:
    open_live(camera.url("/snap"))
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

NONCE = "f00dcafe"


class Request(BaseHTTPRequestHandler):
    """One request; `wait` waits for the end of the test at most so long."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        camera = self.server.camera
        camera.seen.append((self.path, self.headers.get("Authorization")))
        answer = camera.paths.get(self.path.partition("?")[0])
        with contextlib.suppress(OSError):
            if camera.auth and not self._allowed(camera):
                self._challenge(camera)
            elif answer is None:
                self.send(b"not here", "text/plain", status=404)
            else:
                answer(self)

    def send(self, body: bytes, kind: str, *, status: int = 200, length: int | None = None, **headers: str) -> None:
        """A whole answer; `length` may lie."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        if length is not None and length != len(body):
            self.close_connection = True

    def begin(self, kind: str, *, chunked: bool = False) -> None:
        """The head of an answer without end."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        """One chunk of a chunked answer."""
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def wait(self, seconds: float) -> bool:
        """Let time pass; whether the server still runs."""
        return not self.server.camera.ending.wait(seconds)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name of the base class
        return

    def _challenge(self, camera: HttpCamera) -> None:
        offers = {
            "basic": ['Basic realm="cam"'],
            "digest": [f'Digest realm="cam, west", nonce="{NONCE}", qop="auth,auth-int", algorithm=MD5, opaque="o"'],
            "sha256": [
                f'Digest realm="cam, west", nonce="{NONCE}", qop="auth", algorithm=MD5',
                f'Digest realm="cam, west", nonce="{NONCE}", qop="auth", algorithm=SHA-256',
            ],
            "old": [f'Digest realm="cam, west", nonce="{NONCE}"'],
        }[camera.auth or "basic"]
        self.send_response(401)
        for offer in offers:
            self.send_header("WWW-Authenticate", offer)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"shut!")

    def _allowed(self, camera: HttpCamera) -> bool:
        given = self.headers.get("Authorization") or ""
        if camera.auth == "basic":
            pair = f"{camera.user}:{camera.password}".encode()
            return given == "Basic " + base64.b64encode(pair).decode()
        found = dict(re.findall(r'(\w+)="?((?:[^",\\]|\\.|(?<=west)|, west)*)"?', given.removeprefix("Digest ")))
        make = hashlib.sha256 if camera.auth == "sha256" else hashlib.md5

        def of(text: str) -> str:
            return make(text.encode()).hexdigest()

        first = of(f"{camera.user}:cam, west:{camera.password}")
        second = of(f"GET:{self.path}")
        middle = "" if camera.auth == "old" else f"{found.get('nc')}:{found.get('cnonce')}:auth:"
        return found.get("response") == of(f"{first}:{NONCE}:{middle}{second}")


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    camera: HttpCamera

    def __init__(self, camera: HttpCamera, port: int) -> None:
        self.camera = camera
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Request)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # a client that went away


class HttpCamera:
    """Listens on loopback while it is entered; `seen` lists paths and `Authorization` headers of all requests."""

    def __init__(
        self,
        paths: Mapping[str, Callable[[Request], object]],
        *,
        auth: Literal["basic", "digest", "sha256", "old"] | None = None,
        user: str = "viewer",
        password: str = "s3cret-word",
        port: int = 0,
    ) -> None:
        self.paths, self.auth, self.user, self.password = paths, auth, user, password
        self.seen: list[tuple[str, str | None]] = []
        self.ending = threading.Event()
        self._server = _Server(self, port)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def url(self, path: str, *, password: str | None = None) -> str:
        """An address of this camera; with user and password where it wants them, or another password is given."""
        login = ""
        if self.auth or password is not None:
            login = f"{self.user}:{quote(self.password if password is None else password, safe='')}@"
        return f"http://{login}127.0.0.1:{self.port}{path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ending.set()
        self._server.shutdown()
        for sock in list(self._server.open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join(5)
