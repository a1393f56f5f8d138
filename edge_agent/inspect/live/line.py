"""The agent's line, if its config has one: started, given pictures, changed with the config, ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from edge_agent.inspect.live.service import LiveInspection, Surroundings
from edge_agent.inspect.settings import InspectionConfig
from edge_agent.live.worker import Happening
from vision.frame import Frame


class Line:
    """`frame` may be called from any thread, all else in the event loop."""

    def __init__(
        self, folder: Path, data_dir: Path, put: Callable[[Happening], None], clock: Callable[[], float] = time.time
    ) -> None:
        """`folder`: the config's. `put` takes events."""
        self._shared = Surroundings(folder, data_dir, put, clock)
        self.inspection: LiveInspection | None = None

    async def apply(self, config: InspectionConfig | None) -> None:
        """Inspect as the config says now. Raises `SightlineError` where that cannot be; nothing has changed then."""
        after = None
        if config is not None and config.live is not None:
            after = await asyncio.to_thread(LiveInspection, config, self._shared)
        await self.close()
        if after is not None:
            await after.start()
        self.inspection = after

    async def close(self) -> None:
        """Inspect no more; what is under way is decided."""
        before, self.inspection = self.inspection, None
        if before is not None:
            await before.close()

    def frame(self, frame: Frame) -> None:
        """A picture of any camera; those of others than the line's are left out."""
        inspection = self.inspection
        if inspection is not None and frame.camera == inspection.live.camera:
            inspection.frame(frame)


def check_line(config: InspectionConfig | None, folder: Path) -> None:
    """Whether all that the line needs is there: files, models, variables, extras. Raises `SightlineError`."""
    if config is not None and config.live is not None:
        LiveInspection(config, Surroundings(folder, folder, lambda _: None))
