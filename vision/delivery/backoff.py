"""How long to wait before trying again: exponential, with full jitter.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: a wait drawn evenly from zero to the
exponential bound spreads many clients best.
"""

from __future__ import annotations

from collections.abc import Callable


def full_jitter(
    failures: int, random: Callable[[], float], *, base_s: float = 1.0, cap_s: float = 600.0, floor_s: float = 0.0
) -> float:
    """Seconds to wait after so many failures in a row (1: the first): evenly from `floor_s` to base_s * 2^(failures-1).

    Never more than `cap_s`. `random` gives numbers from 0 to 1, such as `random.random`.
    """
    bound = min(cap_s, base_s * 2.0 ** min(max(failures, 1) - 1, 60))
    return min(cap_s, floor_s + random() * max(0.0, bound - floor_s))
