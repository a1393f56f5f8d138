"""Questions and pictures for the tests of providers."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from cloud_adapter.providers.base import Example, Question
from cloud_adapter.providers.wire import CertaintyOf, RankOf
from cloud_adapter.records import Picture

Label = Literal["early_blight", "late_blight", "healthy", "unsure"]
Rank = Literal["early_blight", "late_blight", "healthy", "unsure", "none"]


class Leaf(BaseModel):
    """As the diagnosis asks."""

    model_config = ConfigDict(extra="forbid")
    label: Label
    second: Annotated[Rank, RankOf("label", 2)]
    certainty: Annotated[Literal["sure", "likely", "possible", "guess"], CertaintyOf("label")]
    text_in_scene: Literal["yes", "no"]


def picture(seed: int = 1, width: int = 320, height: int = 240, gray: int | None = None) -> Picture:
    """A JPEG of soft noise, or evenly gray."""
    if gray is None:
        noise = np.random.default_rng(seed).integers(60, 200, (12, 16, 3), dtype=np.uint8)
        image = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    else:
        image = np.full((height, width, 3), gray, np.uint8)
    data = cv2.imencode(".jpg", image)[1].tobytes()
    return Picture(data, "image/jpeg", width, height, hashlib.sha256(data).hexdigest())


QUESTION = Question("leaf@1", "You are a careful inspector.", "What does the leaf show?", Leaf)
WITH_EXAMPLES = Question(
    "leaf@2",
    QUESTION.system,
    QUESTION.text,
    Leaf,
    examples=(Example(picture(7), "late_blight"), Example(picture(8), "healthy")),
)
