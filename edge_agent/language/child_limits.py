"""What the model's process may use, and how it makes itself small: it goes last in line for everything.

Called in the child itself, before anything large is imported. What a system does not know is left out.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

NICE = 10
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}  # number of the system call
_IOPRIO_IDLE = 3 << 13


@dataclass(frozen=True, slots=True)
class Limits:
    """`data_bytes`: private memory that the kernel grants at most (None: any). `cpus`: cores to stay on (empty: any).

    `behind`: where the kernel shares the CPU out by session, this one is nice too, so that cameras go first; else the
    process is nice within its own session only, and somebody who waits for its answer gets it sooner.
    """

    data_bytes: int | None = None
    cpus: tuple[int, ...] = ()
    behind: bool = False

    def arguments(self, parent: int) -> list[str]:
        """For the command line of the child."""
        cpus = ",".join(str(cpu) for cpu in self.cpus)
        return [str(parent), str(self.data_bytes or 0), cpus, "behind" if self.behind else ""]

    @classmethod
    def read(cls, arguments: list[str]) -> tuple[int, Limits]:
        """Back from the command line: the parent's process id, and the limits."""
        parent, data, cpus, behind = arguments
        return int(parent), cls(int(data) or None, tuple(int(cpu) for cpu in cpus.split(",") if cpu), bool(behind))


def apply(limits: Limits, parent: int) -> None:
    """Tie this process to its parent, bound its memory, and step back behind everybody else."""
    _die_with(parent)
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.nice(NICE)
    if limits.behind:  # a session of its own is a group of its own, to the kernel as heavy as any other
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    with contextlib.suppress(OSError, AttributeError, ValueError):
        if limits.cpus:
            os.sched_setaffinity(0, limits.cpus)
    with contextlib.suppress(OSError):  # when memory runs out, the kernel takes this process first
        Path("/proc/self/oom_score_adj").write_text("900", encoding="ascii")
    _kernel_limits(limits)


def _die_with(parent: int) -> None:
    """Ask the kernel for a signal when the parent ends (on other systems the closed pipe tells it)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the agent, which ends this process itself
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if platform.machine() in _IOPRIO_SET:
        libc.syscall(_IOPRIO_SET[platform.machine()], 1, 0, _IOPRIO_IDLE)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(0)


def _kernel_limits(limits: Limits) -> None:
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limits.data_bytes is not None and sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (limits.data_bytes, limits.data_bytes))
