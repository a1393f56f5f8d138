"""The seam of a live source: one connection to a camera, from opening to the fault that ends it.

A source knows nothing of reconnecting, mailboxes or events (that is `edge_agent.live.feed`). It is opened, gives shots
until something goes wrong, and then raises `SourceFault`, which says what in a word that programs can count and in a line
that people can act on. Neither ever holds a password.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Literal, Self

from vision.errors import MediaError
from vision.frame import Picture

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

Fault = Literal[
    "refused",  # nobody listens there
    "unreachable",  # no route, no such host
    "timeout",  # no answer, or no picture, in time
    "auth",  # wrong user or password
    "not_found",  # wrong path
    "no_video",  # it answers, but with no picture that can be decoded
    "stall",  # the stream went silent
    "ended",  # the other side closed the stream
    "damaged",  # data that cannot be read any more
    "no_device",  # no such USB device, or somebody else has it
    "no_file",
    "other",
]


class SourceFault(MediaError):
    """A live source that cannot be opened or went away; `fault` is one of `Fault`, the text is for people."""

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(text)
        self.fault: Fault = fault


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a stream turned out to be. `fps` as stated, None where unknown; `packets` whether clips can be copied."""

    codec: str
    width: int
    height: int
    fps: float | None = None
    transport: str = ""
    packets: bool = False


@dataclass(frozen=True, slots=True)
class Shot:
    """One decoded picture of a live source.

    `t`: epoch seconds UTC, rising strictly within a source, of the moment the picture was taken where the camera's clock
    is known and sound, else of its arrival. `arrived`: monotonic seconds. `index` counts decoded pictures. The picture
    may be converted from any thread.
    """

    picture: Picture
    t: float
    arrived: float
    index: int


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to read; seconds. `decode` False reads packets alone (for `record_source`)."""

    transport: Literal["tcp", "udp"] = "tcp"
    connect_s: float = 10.0
    stall_s: float = 5.0
    poll_s: float = 1.0
    loop: bool = False
    decode: bool = True


# Called for every encoded packet of the stream, in decoding order, with its time (epoch seconds UTC, of its dts).
PacketTap = Callable[["av.Packet[VideoStream]", "VideoStream", float], None]


class LiveSource(ABC):
    """One connection. `info` is known once `shots` gave its first one, or the tap its first packet.

    `counts`: what went wrong without ending the stream (corrupt, undecodable, clock_jump, …). `on_note` is told of what
    is worth a line in the log, as a word and a text; it is called in the thread that reads.
    """

    info: StreamInfo | None = None
    counts: Mapping[str, int] = MappingProxyType({})
    on_note: Callable[[str, str], None] | None = None
    over: bool = False  # it ended for good (a file that was played): no use to open it again

    @abstractmethod
    def shots(self, fps: float | None = None, tap: PacketTap | None = None) -> Iterator[Shot]:
        """Connect, then every picture, or so many a second of them, as they arrive; ends only by raising `SourceFault`.

        `close` from another thread makes it end within a second.
        """

    @abstractmethod
    def close(self) -> None:
        """Let the camera go; may be called from any thread, more than once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
