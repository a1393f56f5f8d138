"""The model's process: loads one model, answers one question at a time, ends when nobody listens any more.

Run by `edge_agent.language.child` as `python -m edge_agent.language.child_main PARENT DATA_BYTES CPUS`. The main thread
works with the model; a second one listens, so that a question can be cancelled, and the end of the agent be noticed, in
the middle of an answer.
"""

from __future__ import annotations

import os
import sys

from edge_agent.language.child_limits import Limits, apply

if __name__ == "__main__":
    # Before anything large is imported: threads inherit it
    _parent, _limits = Limits.read(sys.argv[1:])
    apply(_limits, _parent)

import contextlib
import queue
import threading
import time
from dataclasses import dataclass
from typing import Any, BinaryIO

from edge_agent.language.child_wire import Broken, Message, encode, read_frame
from vision.errors import SightlineError
from vision.language.backends.base import ModelSettings, find_backend
from vision.language.model import NoAnswer, Task


@dataclass(slots=True)
class _Desk:
    """What both threads see: questions to answer, and which one is being answered."""

    todo: queue.SimpleQueue[tuple[Message, list[bytes]]]
    model: Any = None
    current: int = -1
    cancelled: int = -1


def main() -> None:
    """Serve until the pipe closes."""
    source: BinaryIO = os.fdopen(os.dup(0), "rb")
    sink: BinaryIO = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # a library that prints must not speak into the protocol
    desk = _Desk(queue.SimpleQueue())
    threading.Thread(target=_listen, args=(source, desk), daemon=True).start()
    try:
        while True:
            message, parts = desk.todo.get()
            _write(sink, _load(desk, message) if message["op"] == "load" else _answer(desk, message, parts))
    except (OSError, Broken):
        os._exit(0)


def _write(sink: BinaryIO, message: Message) -> None:
    left = memoryview(encode(message))
    while left:
        left = left[sink.write(left) :]


def _listen(source: BinaryIO, desk: _Desk) -> None:
    """Runs beside the model; ends the process with the pipe, whatever the model is doing."""

    def read(size: int) -> bytes:
        data = source.read(size)
        if len(data) < size:
            raise Broken("closed")
        return data

    try:
        while True:
            message, parts = read_frame(read)
            if message["op"] == "cancel":
                desk.cancelled = message["id"]
                if desk.current == message["id"] and hasattr(desk.model, "cancel"):
                    desk.model.cancel()
            else:
                desk.todo.put((message, parts))
    finally:
        os._exit(0)


def _load(desk: _Desk, message: Message) -> Message:
    start = time.monotonic()
    try:
        settings = ModelSettings.model_validate(message["settings"])
        desk.model = find_backend(settings.backend).open(settings)
    except NoAnswer as error:
        return {"op": "failed", "failure": error.failure, "text": str(error)}
    except MemoryError:
        return {"op": "failed", "failure": "memory", "text": "out of memory while the model was loaded"}
    except SightlineError as error:
        return {"op": "failed", "failure": "unusable", "text": str(error)}
    except Exception as error:  # noqa: BLE001  # a binding may raise anything
        return {"op": "failed", "failure": "unusable", "text": f"{type(error).__name__}: {error}"}
    return {"op": "loaded", "sees": desk.model.sees, "load_s": time.monotonic() - start}


def _answer(desk: _Desk, message: Message, parts: list[bytes]) -> Message:
    number = message["id"]
    desk.current = number
    try:
        if desk.cancelled == number:
            raise NoAnswer("timeout", "cancelled")  # noqa: TRY301  # told like any other failure
        answer = desk.model.ask(
            Task(**message["task"]), parts, message["facts"], message["schema"], message["deadline_s"]
        )
    except NoAnswer as error:
        return {"op": "none", "id": number, "failure": error.failure, "text": str(error)}
    except MemoryError:
        return {"op": "none", "id": number, "failure": "memory", "text": "out of memory in the middle of an answer"}
    except Exception as error:  # noqa: BLE001  # a binding may raise anything; the agent must hear of it
        return {"op": "none", "id": number, "failure": "crashed", "text": f"{type(error).__name__}: {error}"}
    finally:
        desk.current = -1
    made = getattr(desk.model, "last", None)
    return {
        "op": "answer",
        "id": number,
        "values": dict(answer.values),
        "text": answer.text,
        "prompt": answer.prompt,
        "usage": [answer.usage.prompt_tokens, answer.usage.answer_tokens],
        "speed": [getattr(made, key, None) for key in ("read", "prompt_s", "answer_s")],
    }


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
