"""What this process uses of the machine: CPU, memory, files, threads. Outside Linux what is not known is left out."""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc/self")


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_s`: CPU seconds since the start, of all threads. `rss_bytes` and `files` are None where they are not known."""

    cpu_s: float
    rss_bytes: int | None
    files: int | None
    threads: int


def usage() -> Usage:
    """As it is now; costs about 0.1 ms."""
    threads = threading.active_count()
    try:
        rss: int | None = int((_PROC / "statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
        files: int | None = len(os.listdir(_PROC / "fd"))  # noqa: PTH208  # no Path for each of a thousand files
        threads = len(os.listdir(_PROC / "task"))  # noqa: PTH208
    except OSError:
        rss, files = _peak(), None
    return Usage(time.process_time(), rss, files, threads)


def _peak() -> int | None:
    """The largest memory so far, the nearest figure that other systems give."""
    if sys.platform == "win32":
        return None
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024
