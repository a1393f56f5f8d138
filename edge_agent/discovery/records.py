"""What a search finds: who answered, which streams a device has, what went wrong. Plain values, none holds a password."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

TroubleKind = Literal[
    "unreachable",  # nobody answers at the addresses that it gave
    "timeout",  # it began to answer, but not in time
    "auth",  # it wants a user and a password, or others than those given
    "clock",  # its clock is wrong
    "no_media",  # it says of itself that it has no video service
    "no_stream",  # a profile without a stream address that can be used
    "malformed",  # answers that cannot be read
    "address",  # it names another host for its streams
]

# From here on a camera's clock is told of: ONVIF states whole seconds, and a login is refused a little later.
CLOCK_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Credential:
    """A login to try; `variable` is the environment variable that holds the password, where it came from one."""

    user: str
    password: str = field(repr=False)
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class Responder:
    """Who answered a probe: `id` as it calls itself, addresses of its device service, what it says of itself."""

    id: str
    xaddrs: tuple[str, ...]
    name: str = ""
    hardware: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What failed, in a word for programs and a line for people."""

    kind: TroubleKind
    text: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One stream of one video source; `fps`, `kbps` and `gop` (pictures from key frame to key frame) as configured.

    `url` and `snapshot` hold no user and no password; None where the device gave none.
    """

    token: str
    name: str = ""
    source: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float | None = None
    kbps: int | None = None
    gop: int | None = None
    url: str | None = None
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A device and all that it told. `clock_offset_s`: its clock minus ours. `login`: the credential that it took."""

    address: str
    name: str = ""
    maker: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    profiles: tuple[Profile, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    clock_offset_s: float | None = None
    login: Credential | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Search:
    """How to look: seconds to listen for answers, seconds for one device to tell all, and where.

    With `addresses` (`host`, `host:port` or a device service's URL) these are asked and nobody else; `interfaces` are
    names or addresses of the network interfaces to ask on, all of them when empty.
    """

    listen_s: float = 4.0
    answer_s: float = 10.0
    addresses: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    credentials: tuple[Credential, ...] = ()
