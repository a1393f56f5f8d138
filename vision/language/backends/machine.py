"""What this machine has for a model: cores and free memory."""

from __future__ import annotations

import os
from pathlib import Path


def threads_for(wanted: int | None) -> int:
    """Threads for a model: what was asked for, else half of the cores.

    One on machines of two cores or fewer: where cores are shared, ggml's threads wait for each other in busy loops.
    """
    if wanted is not None:
        return wanted
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // 2)


def free_memory() -> int | None:
    """Bytes that may still be used: of the machine, or of the control group where that allows less; None where unknown."""
    known = [free for free in (_available(), _left_in_group()) if free is not None]
    return min(known) if known else None


def _available() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None


def _left_in_group(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """What the limit of this control group (version 2) leaves; pages of files that can be dropped count as free."""
    try:
        limit, used = (root / "memory.max").read_text(encoding="ascii"), (root / "memory.current").read_text("ascii")
        stat = dict(line.split() for line in (root / "memory.stat").read_text(encoding="ascii").splitlines())
        return max(0, int(limit) - int(used) + int(stat.get("inactive_file", 0)))
    except (OSError, ValueError):  # no such file, or "max"
        return None
