"""One process at a time: a lock on a file that goes with the process, however that ends."""

from __future__ import annotations

from typing import IO


def lock_file(lock: IO[str]) -> bool:
    """Take the lock if nobody has it."""
    try:
        import fcntl
    except ImportError:  # not on Windows; there two agents on one folder are not noticed
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
