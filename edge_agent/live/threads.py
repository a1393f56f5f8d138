"""How many cores there are to share."""

from __future__ import annotations

import os


def cores() -> int:
    """Cores that this process may use: its affinity, and the share a container gives it."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(count, _quota() or count))


def _quota() -> int | None:
    """Whole cores of the control group's CPU quota (cgroup v2), None where there is none."""
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:  # noqa: PTH123  # one line, no path to build
            quota, period = file.read().split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):
        return None
