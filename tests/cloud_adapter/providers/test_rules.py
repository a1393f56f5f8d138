"""The backend without a model: how far its colours and its eye for writing go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_adapter.demo.leaves import render_leaf
from cloud_adapter.providers.base import BackendError
from cloud_adapter.providers.catalogue import catalogue
from cloud_adapter.providers.colours import leaf_colours
from cloud_adapter.providers.registry import open_backend
from cloud_adapter.providers.writing import find_writing
from cloud_adapter.records import Usage
from tests.cloud_adapter.diagnosis.looks import encoded
from tests.cloud_adapter.providers.questions import QUESTION, Leaf, picture


def test_names_no_disease() -> None:
    async def main() -> None:
        backend = open_backend("rules", catalogue())
        for condition in ("healthy", "late_blight", "early_blight"):
            reply = await backend.ask(QUESTION, [encoded(render_leaf(condition, 2))], deadline_s=60)  # type: ignore[arg-type]
            assert isinstance(reply.value, Leaf)
            assert reply.value.label in {"healthy", "unsure"}
            assert (reply.usage, reply.model, reply.mode) == (Usage(), "rules", "rules")
        await backend.close()

    asyncio.run(main())


def test_not_a_picture() -> None:
    from dataclasses import replace

    async def main() -> None:
        backend = open_backend("rules", catalogue())
        with pytest.raises(BackendError) as caught:
            await backend.ask(QUESTION, [replace(picture(), data=b"nothing")], deadline_s=60)
        assert caught.value.fault == "bad_request"
        with pytest.raises(BackendError):
            await backend.ask(QUESTION, [], deadline_s=60)

    asyncio.run(main())


@pytest.mark.parametrize("gray", [0, 40, 128, 255])
def test_nothing_to_see(gray: int) -> None:
    """No leaf, no writing, no error."""
    blank = np.full((300, 400, 3), gray, np.uint8)
    assert leaf_colours(blank).health["unsure"] > 0.5
    assert not find_writing(blank).found


def test_real_leaves(shared_data: Path) -> None:
    """As the docstring says: healthy ones are not called diseased, diseased ones seldom healthy, and none bears writing."""
    count: dict[tuple[str, str], int] = {}
    for i, path in enumerate(sorted((shared_data / "images").glob("leaves_*/*/*.[jJ]*"))):
        image = np.asarray(cv2.imread(str(path)), np.uint8)
        health = leaf_colours(image).health
        truth = "healthy" if path.parent.name == "healthy" else "diseased"
        key = truth, max(health, key=lambda one: health[one])
        count[key] = count.get(key, 0) + 1
        if i % 4 == 0:  # all of them: benchmarks.writing
            assert not find_writing(image).found, path.name
    assert count.get(("healthy", "diseased"), 0) == 0
    assert count[("healthy", "healthy")] >= 9
    assert count[("diseased", "diseased")] >= 20
    assert count.get(("diseased", "healthy"), 0) <= 3
