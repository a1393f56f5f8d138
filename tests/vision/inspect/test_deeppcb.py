"""The golden template on photographed boards with annotated faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.deeppcb import CHANGES, Score, count, inspector, pairs, told


@pytest.mark.slow
def test_recall_and_precision_and_no_false_rejects(shared_data: Path) -> None:
    score, rng = Score(), np.random.default_rng(0)
    found = pairs(shared_data / "images" / "deeppcb")
    for number, pair in enumerate(found):
        made = inspector(pair.good)
        count(score, told(made, pair.faulty)[1], pair, 0.33)
        name = list(CHANGES)[number % len(CHANGES)]  # every pair another change; the benchmark has the whole table
        assert told(made, CHANGES[name](pair.good, rng))[0] == "pass", (pair.name, name)
    assert len(found) >= 15
    assert score.recall >= 0.97, score.lost
    assert score.precision >= 0.97
    assert score.named / score.hits >= 0.95
