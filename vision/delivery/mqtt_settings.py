"""Where and how to reach an MQTT broker, and what can be wrong with that, in words without secrets."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from paho.mqtt.reasoncodes import ReasonCode

CONNECT_S = 5.0

Version = Literal["5", "3.1.1"]
Choice = Literal["auto", "5", "3.1.1"]
Kind = Literal["unreachable", "auth", "tls", "version", "closed", "timeout", "taken over", "lost", "refused"]

# Reason codes of MQTT 5 (specification 2.4); paho translates those of 3.1.1 into them.
_AUTH = {134: "wrong user or password", 135: "not authorised", 138: "banned", 140: "bad authentication method"}
_VERSION = 132


class MqttFault(Exception):
    """What is wrong with a connection; the text is for logs and holds no secret."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Denied(Exception):
    """The broker is there but does not take this message; `forever` when it never will."""

    def __init__(self, text: str, *, forever: bool) -> None:
        super().__init__(text)
        self.forever = forever


@dataclass(frozen=True, slots=True)
class Tls:
    """How to encrypt: authority to trust (None: the system's), own certificate and key, whether to look at all."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    insecure: bool = False

    def context(self) -> ssl.SSLContext:
        """Raises `MqttFault` for files that cannot be used."""
        try:
            context = ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
            if self.cert is not None:
                context.load_cert_chain(self.cert, self.key)
        except OSError as error:  # ssl.SSLError is one
            files = ", ".join(f"{k}: {v}" for k, v in (("ca", self.ca), ("cert", self.cert), ("key", self.key)) if v)
            raise MqttFault("tls", f"TLS: {files}: {error.strerror or error}") from None
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.sslsocket_class = _Handshake
        return context


class _Handshake(ssl.SSLSocket):
    """A socket that is closed when the handshake fails: paho leaves it open then, and may wait for very long."""

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(CONNECT_S)
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


@dataclass(frozen=True, slots=True)
class Settings:
    """Where and as whom to connect; `will` is topic and payload that the broker publishes, retained, when we vanish."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    keepalive_s: int = 30
    will: tuple[str, bytes] | None = None
    will_retain: bool = True

    @property
    def place(self) -> str:
        """The broker in log lines."""
        return f"{self.host}:{self.port}"


def refusal(reason: ReasonCode, settings: Settings) -> MqttFault:
    """A negative answer to CONNECT, in words."""
    place = settings.place
    if reason.value in _AUTH:
        return MqttFault("auth", f"{place} refused the login: {_AUTH[reason.value]}; check username and password")
    if reason.value == _VERSION:
        return MqttFault("version", f"{place} does not speak this version of MQTT")
    return MqttFault("refused", f"{place} refused the connection: {reason}")


def failure(error: OSError | UnicodeError, settings: Settings) -> MqttFault:
    """What kept us from connecting, in words."""
    place = settings.place
    match error:
        case ssl.SSLCertVerificationError():
            text = f"TLS: certificate of {place}: {error.verify_message}; `ca` names whom to trust"
            return MqttFault("tls", text)
        case ssl.SSLError():
            return MqttFault("tls", f"TLS: {place}: {error.reason or error}")
        case socket.gaierror() | UnicodeError():
            return MqttFault("unreachable", f"{settings.host}: no such host name")
        case TimeoutError():
            return MqttFault("timeout", f"{place} did not answer within {CONNECT_S:g} s")
        case ConnectionResetError() | BrokenPipeError() if settings.tls is not None:
            return MqttFault("tls", f"TLS: {place} hung up in the middle; does this port speak TLS?")
    return MqttFault("unreachable", f"{place} cannot be reached: {getattr(error, 'strerror', None) or error}")
