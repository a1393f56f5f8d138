"""A model's process for tests: speaks the protocol, and misbehaves as its first argument says."""

from __future__ import annotations

import os
import sys
import time

from edge_agent.language.child_limits import Limits, apply
from edge_agent.language.child_wire import encode, read_frame

behaviour = sys.argv[1]
parent, limits = Limits.read(sys.argv[2:])
apply(limits, parent)


def read(size: int) -> bytes:
    data = sys.stdin.buffer.read(size)
    if len(data) < size:
        sys.exit(0)
    return data


def say(**message: object) -> None:
    os.write(1, encode(message))


def answer(number: int, **values: object) -> None:
    good = {"verdict": "pass", "threat": 1, "person": False, "summary": "A part."}
    say(op="answer", id=number, values=good | values, text="{}", prompt="p", usage=[10, 5], speed=[10, 0.1, 0.1])


def work(number: int) -> None:
    match behaviour:
        case "hang":
            while True:
                time.sleep(10)
        case "busy":  # cannot be stopped, and burns
            while True:
                pass
        case "eat":
            eaten = []
            while True:
                eaten.append(b"x" * (1 << 20))
                time.sleep(0.001)
        case "gulp":  # all at once
            _ = bytearray(8 << 30)
            answer(number)
        case "exit":
            sys.stderr.write("GGML_ASSERT failed\n")
            sys.exit(3)
        case "garbage":
            os.write(1, b"load_tensors: done\n" * 100)
        case "huge":
            os.write(1, b"\x7f\xff\xff\xff")
        case "half":
            os.write(1, encode({"op": "answer", "id": number})[:9])
            time.sleep(60)
        case "another":
            answer(number + 1)
        case "lies":
            answer(number, verdict="excellent")
        case "more":
            answer(number, command="rm")
        case "empty":
            say(op="answer", id=number)
        case "bare":
            say(op="answer", id=number, values={}, usage=7, speed={"a": 1}, text=None)
        case "odd":
            say(op="none", id=number, failure="on fire", text="a\nb\x1b[2J" + "x" * 5000)
        case "noisy":
            for line in range(20_000):
                sys.stderr.write(f"line {line} \x1b[31m\n")
            answer(number)
        case _:
            answer(number)


if behaviour == "deaf":
    time.sleep(60)
while True:
    got, parts = read_frame(read)
    if got["op"] == "load":
        if behaviour == "slow":
            time.sleep(1.5)
        if behaviour == "dies loading":
            os.abort()
        if behaviour == "unusable":
            say(op="failed", failure="unusable", text="this is no model")
            continue
        say(op="loaded", sees=True, load_s=0.1)
    elif got["op"] == "ask":
        work(got["id"])
