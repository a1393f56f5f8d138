"""Live pictures for several clients: drawn and encoded once, however many look at the same moment."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from edge_agent.live.status import AgentView

_FRESH_S = 0.08  # two clients within this time get the same picture; below the pace of the fastest stream
_KEPT = 64  # kinds of picture (camera, overlay, width) that are remembered

Shot = tuple[float, bytes]


@dataclass(slots=True)
class _Kept:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    taken: float = float("-inf")
    shot: Shot | None = None


class Pictures:
    """The newest picture of each camera, asked of the agent in a thread."""

    def __init__(self, view: AgentView) -> None:
        self._view = view
        self._kept: dict[tuple[str, bool, int | None], _Kept] = {}

    async def get(self, camera: str, *, overlay: bool, width: int | None) -> Shot | None:
        """Its time (epoch seconds) and JPEG; None while there is none. Raises KeyError for an unknown camera."""
        key = (camera, overlay, width)
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= _KEPT:
                self._forget()
            kept = self._kept.setdefault(key, _Kept())
        async with kept.lock:
            if time.monotonic() - kept.taken > _FRESH_S:
                kept.shot = await asyncio.to_thread(self._view.picture, camera, overlay=overlay, width=width)
                kept.taken = time.monotonic()
            return kept.shot

    def _forget(self) -> None:
        """Drop those nobody looks at now."""
        for key in [key for key, kept in self._kept.items() if not kept.lock.locked()]:
            del self._kept[key]
