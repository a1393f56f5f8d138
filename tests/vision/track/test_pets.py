"""The tracker on real footage with full ground truth: HOTA on all frames, at several rates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.vision.track import pets
from tests.vision.track.hota import Seen, hota
from vision.detect.base import Detections


@pytest.fixture(scope="module")
def people(shared_data: Path) -> list[tuple[Detections, float]]:
    return pets.people(shared_data)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("every", "least"),
    [
        (1, 52.0),  # 10 pictures a second, all 795 frames; the aim
        (2, 52.0),  # 5 a second
        (5, 50.0),  # 2 a second: people move by more than half their width
        (10, 45.0),  # 1 a second
    ],
)
def test_hota_on_pets(every: int, least: float, people: list[tuple[Detections, float]], shared_data: Path) -> None:
    truth = pets.ground_truth(shared_data)
    assert len(truth) == len(people) == 795
    score = hota(truth[::every], pets.track(people[::every]))
    assert score.hota >= least, score


def seen(*rows: tuple[list[int], list[list[float]]]) -> list[Seen]:
    return [(np.array(ids, np.int64), np.array(boxes, np.float32).reshape(-1, 4)) for ids, boxes in rows]


A, B = [0.0, 0, 10, 10], [50.0, 0, 60, 10]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (seen(([7, 8], [A, B]), ([7, 8], [A, B])), (100, 100, 100)),  # perfect, with other numbers
        (seen(([7], [A]), ([7], [A])), (100 * 0.5**0.5, 50, 100)),  # one of two people is never found
        (seen(([7, 8], [A, B]), ([8, 7], [A, B])), (100 * 3**-0.5, 100, 100 / 3)),  # the two are swapped half-way
        (seen(([], []), ([7, 8], [A, B])), (50, 50, 50)),  # found only in the second half
    ],
)
def test_the_measure_itself(found: list[Seen], expected: tuple[float, float, float]) -> None:
    truth = seen(([1, 2], [A, B]), ([1, 2], [A, B]))
    assert hota(truth, found) == pytest.approx(expected, abs=1e-3)
