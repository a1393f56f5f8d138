"""No model at all: counts colours and looks for writing. Answers what it can, and `unsure` to everything beyond."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from cloud_adapter.providers.base import BackendError, Question, Reply, VisionBackend
from cloud_adapter.providers.colours import leaf_colours
from cloud_adapter.providers.registry import Endpoint, family
from cloud_adapter.providers.wire import asked, filled
from cloud_adapter.providers.writing import find_writing
from cloud_adapter.records import Picture, Usage
from vision.frame import Pixels

_UNSURE = ("unsure", "unknown", "none", "no")  # what is said beyond its competence, the first that is an option


@family("rules")
def open_rules(endpoint: Endpoint) -> VisionBackend:
    """The backend without a model; the same for every entry of the family."""
    return RulesBackend(endpoint.name)


class RulesBackend:
    """See `VisionBackend`. Costs nothing; takes a few tenths of a second of CPU in a thread."""

    def __init__(self, name: str = "rules", *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self._clock = name, clock

    async def ask(self, question: Question, pictures: Sequence[Picture], *, deadline_s: float) -> Reply:
        """See `VisionBackend.ask`; raises `BackendError` (`bad_request`) for a picture that cannot be read."""
        begun = self._clock()
        if not pictures:
            raise BackendError("bad_request", f"{self.name}: no picture to look at")
        odds = await asyncio.to_thread(_odds, asked(question.wire), pictures[-1], self.name)
        return Reply(filled(question.wire, odds), Usage(), self._clock() - begun, "rules", "rules", odds)

    def worst_case(self, question: Question, pictures: Sequence[Picture]) -> Usage:
        """See `VisionBackend.worst_case`: nothing."""
        return Usage()

    async def close(self) -> None:
        """See `VisionBackend.close`."""


def _odds(fields: dict[str, tuple[str, ...]], picture: Picture, name: str) -> dict[str, dict[str, float]]:
    image = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise BackendError("bad_request", f"{name}: the picture cannot be read")
    pixels: Pixels = np.asarray(image, np.uint8)
    leaf = leaf_colours(pixels)
    known = {
        "health": leaf.health,
        "label": {"healthy": leaf.health["healthy"], "unsure": 1 - leaf.health["healthy"]},
        "severity": {leaf.severity: 1.0},
        "text_in_scene": {"yes" if find_writing(pixels).found else "no": 1.0},
    }
    return {field: _within(options, known.get(field, {})) for field, options in fields.items()}


def _within(options: tuple[str, ...], odds: dict[str, float]) -> dict[str, float]:
    """The odds over exactly these options; what is no option goes to the word for not knowing."""
    unsure = next((word for word in _UNSURE if word in options), options[-1])
    found = dict.fromkeys(options, 0.0)
    for option, part in odds.items():
        found[option if option in found else unsure] += part
    if not odds:
        found[unsure] = 1.0
    return found
