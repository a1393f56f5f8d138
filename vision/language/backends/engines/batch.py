"""How many tokens are read at once."""

from __future__ import annotations

from vision.errors import ModelError
from vision.language.backends.base import ModelSettings
from vision.language.gguf import BATCH, read_gguf

# Between two batches there is a chance to stop; on a processor larger ones are hardly faster (measured: 64 reads as many
# tokens a second as 512)
_STOPPABLE = 64


def batch_for(settings: ModelSettings) -> int:
    """Small, so that a deadline is met; families whose pictures are read both ways need a whole picture in one batch."""
    try:
        both_ways = (
            settings.mmproj is not None
            and settings.path is not None
            and _both_ways(read_gguf(settings.path).architecture)
        )
    except ModelError:
        both_ways = False
    return min(settings.n_ctx, BATCH if both_ways else _STOPPABLE)


def _both_ways(architecture: str) -> bool:
    return architecture.startswith("gemma")
