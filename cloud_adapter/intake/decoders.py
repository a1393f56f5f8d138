"""The decoding processes of the intake: one picture at a time each, replaced when they fall over or take too long."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from typing import Any

from cloud_adapter.intake.decoder import LENGTH
from cloud_adapter.intake.refusals import Refusal
from cloud_adapter.intake.settings import PictureLimits
from cloud_adapter.intake.shapes import Shape, shape
from cloud_adapter.records import Picture
from vision.errors import OutsideError

_log = logging.getLogger("sightline.intake")
_START_S = 60.0
_PATIENCE = 12.0  # times the processor seconds, on the wall: only for a decoder that hangs without working
_LARGEST = 128 << 20  # bytes of an encoded picture
_KEPT_ENV = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "TMPDIR")


class Decoders:
    """A fixed number of processes; pictures wait for a free one. Raises `Refusal` 422 for what is no picture."""

    def __init__(self, limits: PictureLimits) -> None:
        self._limits = limits
        self._free: asyncio.Queue[Process | None] = asyncio.Queue()
        self._all: set[Process] = set()
        self._closed = False
        for _ in range(limits.decoders):
            self._free.put_nowait(None)

    async def reencode(self, data: bytes) -> Picture:
        """The picture as a new JPEG: upright, without metadata or anything behind its end. Raises `OutsideError`."""
        process = await self._free.get()
        ended = True
        seen: Shape | None = None
        try:
            if process is None or process.returncode is not None:
                process = await self._started()
            head, body = await asyncio.wait_for(_asked(process, data), self._limits.decode_seconds * _PATIENCE)
            if "told" not in head:
                seen = shape(body)  # what comes out of the decoder is looked at as well
            ended = False
        except (EOFError, ConnectionError, TimeoutError, ValueError) as error:
            _log.warning("a decoder was lost over a picture of %d bytes (%s)", len(data), type(error).__name__)
            raise Refusal(422, "wrong_picture", "the picture cannot be decoded within its bounds") from None
        finally:
            if ended and process is not None:
                self._end(process)
            self._free.put_nowait(None if ended else process)
        if seen is None:
            raise Refusal(422, "wrong_picture", str(head["told"])[:200])
        return Picture(body, "image/jpeg", seen.width, seen.height, hashlib.sha256(body).hexdigest())

    async def ready(self) -> bool:
        """Whether a decoder answers, or one could be started."""
        if any(process.returncode is None for process in self._all):
            return True
        process = await self._free.get()
        try:
            process = await self._started()
        except OutsideError:
            return False
        finally:
            self._free.put_nowait(process)
        return True

    async def close(self) -> None:
        """End them."""
        self._closed = True
        for process in list(self._all):
            self._end(process)
            await process.wait()

    async def _started(self) -> Process:
        if self._closed:
            raise OutsideError("intake: the decoders are closed")
        env = {name: os.environ[name] for name in _KEPT_ENV if name in os.environ}  # no keys
        env |= {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "OPENCV_IO_MAX_IMAGE_PIXELS": str(self._limits.max_pixels),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-P", "-m", "cloud_adapter.intake.decoder", self._limits.model_dump_json()]
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=env)
        except OSError as error:
            raise OutsideError(f"intake: no decoder can be started ({error.strerror})") from None
        self._all = {one for one in self._all if one.returncode is None} | {process}
        try:
            await asyncio.wait_for(_line(process), _START_S)
        except BaseException as error:
            self._end(process)
            if isinstance(error, EOFError | ConnectionError | TimeoutError | ValueError):
                raise OutsideError("intake: the decoder does not start; is there memory, and OpenCV?") from None
            raise
        return process

    def _end(self, process: Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


async def _asked(process: Process, data: bytes) -> tuple[dict[str, Any], bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(LENGTH.pack(len(data)))
    process.stdin.write(data)
    await process.stdin.drain()
    head = await _line(process)
    size = head.get("bytes", 0)
    if not isinstance(size, int) or not 0 <= size <= _LARGEST:
        raise ValueError("a decoder that answers nonsense")
    return head, await process.stdout.readexactly(size)


async def _line(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    answer = json.loads(line)
    if not isinstance(answer, dict):
        raise ValueError("a decoder that answers nonsense")  # noqa: TRY004  # not a programming error of ours
    return answer
