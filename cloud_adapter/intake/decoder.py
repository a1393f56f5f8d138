"""The process that decodes strangers' pictures: it holds no key, writes no file, and may use only so much memory and time.

`python -m cloud_adapter.intake.decoder LIMITS` reads length-prefixed pictures from stdin and answers each on stdout:
one line of JSON, then the bytes of the new picture. OpenCV decodes, since it is here already and its decoders
(libjpeg-turbo, libwebp) are the ones that are fuzzed most; what they could still do is bounded by the process around
them. A decoder that fell over is replaced (`decoders`).
"""

from __future__ import annotations

import contextlib
import json
import struct
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from cloud_adapter.intake.settings import PictureLimits
from cloud_adapter.intake.shapes import ShapeError, shape

LENGTH = struct.Struct(">I")
_BYTES_A_PIXEL = 16  # decoded, turned, made smaller, encoded: at most four copies with three bytes, and coefficients
_SPARE_BYTES = 128 << 20


def reencode(data: bytes, limits: PictureLimits) -> tuple[bytes, int, int]:
    """The same picture as a new JPEG, upright, not larger than the longest side: bytes, width, height in pixels.

    Raises `ShapeError` for what is no picture that is taken.
    """
    import cv2
    import numpy as np

    check_shape(data, limits)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)  # turns it as its EXIF says
    except (cv2.error, MemoryError):
        image = None
    if image is None:
        raise ShapeError("the picture cannot be decoded")
    height, width = image.shape[:2]
    scale = limits.longest_side / max(width, height)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        height, width = image.shape[:2]
    done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, limits.quality])
    if not done:
        raise ShapeError("the picture cannot be encoded anew")
    return encoded.tobytes(), width, height


def check_shape(data: bytes, limits: PictureLimits) -> None:
    """What can be told without decoding. Raises `ShapeError`."""
    seen = shape(data)
    if seen.width * seen.height > limits.max_pixels:
        raise ShapeError(
            f"the picture has {seen.width}x{seen.height} pixels; at most {limits.max_pixels} in all are taken"
        )
    if min(seen.width, seen.height) < limits.min_side:
        raise ShapeError(f"the picture has {seen.width}x{seen.height} pixels; each side needs {limits.min_side}")


def main(arguments: list[str]) -> int:
    """Serve until stdin ends."""
    limits = PictureLimits.model_validate_json(arguments[0])
    import cv2

    cv2.setNumThreads(1)
    reencode(
        _tiny(limits.min_side), limits
    )  # whatever the libraries load at first use, they load before the walls go up
    _wall_in(limits)
    _answer(sys.stdout.buffer, {"ready": True})
    while (head := sys.stdin.buffer.read(LENGTH.size)) and len(head) == LENGTH.size:
        data = sys.stdin.buffer.read(LENGTH.unpack(head)[0])
        _limit_time(limits.decode_seconds)
        try:
            picture, width, height = reencode(data, limits)
        except ShapeError as error:
            _answer(sys.stdout.buffer, {"told": str(error)})
        else:
            _answer(sys.stdout.buffer, {"width": width, "height": height, "bytes": len(picture)}, picture)
    return 0


def _answer(out: BinaryIO, head: dict[str, Any], body: bytes = b"") -> None:
    out.write(json.dumps(head).encode() + b"\n" + body)
    out.flush()


def _tiny(side: int) -> bytes:
    import cv2
    import numpy as np

    return cv2.imencode(".jpg", np.zeros((side, side, 3), np.uint8))[1].tobytes()


def _wall_in(limits: PictureLimits) -> None:
    """Bounds of memory, and no files. Where the system knows no such bounds (macOS, Windows) there is the process alone."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        memory = pages * resource.getpagesize() + limits.max_pixels * _BYTES_A_PIXEL + _SPARE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))  # stdin, stdout, stderr: nothing can be opened any more


def _limit_time(seconds: int) -> None:
    """So many seconds of the processor from now on: unlike those on the wall, a busy machine does not shorten them."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft = int(time.process_time()) + 1 + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
