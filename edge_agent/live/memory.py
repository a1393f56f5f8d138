"""Keeps the process's memory from growing by fragments: glibc keeps what was freed, for each of its arenas.

With dozens of threads that come and go (connections, clips), freed memory otherwise stays with arenas that nobody uses any
more: about 1 MB a minute under constant faults, measured by `benchmarks/soak.py`.
"""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8  # malloc.h
_ARENAS = 2


def few_arenas() -> None:
    """Have all threads share two arenas; call it before there are threads. Does nothing without glibc."""
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Give freed memory back to the system; takes milliseconds."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None  # musl has none
