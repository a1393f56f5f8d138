"""Keeps the process's memory from growing over weeks.

Python: objects that hold each other (a camera and its feed) and native memory with them (a decoder) are freed only when the
collector looks at the oldest generation, which a quiet agent hardly ever makes it do. What is there after the start is
frozen, so that looking costs half a millisecond, and it is done every half minute.

glibc: freed memory stays with the arena of its thread. Two arenas for all threads, trimmed regularly, keep little back.

Both together were about 1 MB a minute under constant faults; `benchmarks/soak.py` measures it.
"""

from __future__ import annotations

import ctypes
import gc
import sys

_M_ARENA_MAX = -8  # malloc.h
_ARENAS = 2


def few_arenas() -> None:
    """Have all threads share two arenas; call it before there are threads. Does nothing without glibc."""
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


def freeze() -> None:
    """What is there now stays for good: the collector need not look at it again."""
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Free what only holds each other, and give freed memory back to the system; takes milliseconds."""
    gc.collect()
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None  # musl has none
