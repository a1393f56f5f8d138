"""`make demo` without make: the repository's own clips, config and weights give the expected events and no other."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from edge_agent.config import load_config
from edge_agent.replay import ClipResult, replay
from edge_agent.scoring import load_expectation, score


@pytest.fixture(scope="module")
def results(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[ClipResult]:
    clips = sorted((root / "demo/clips").glob("*.mp4"))
    return replay(load_config(root / "configs/security.yaml"), clips, tmp_path_factory.mktemp("demo"), camera="yard")


def test_every_expected_event_and_no_other(results: list[ClipResult], root: Path) -> None:
    expectation = load_expectation(root / "demo/expected.yaml")
    assert set(expectation.clips) == {result.name for result in results}
    scored = score(expectation, {result.name: result.events for result in results}, 1.0)
    assert scored.missing == ()
    assert [(clip, event.type, event.start) for clip, event in scored.extra] == []
    assert scored.matched >= 12


def test_the_quiet_clip_costs_next_to_nothing(results: list[ClipResult]) -> None:
    quiet = next(result for result in results if result.name == "quiet.mp4")
    assert quiet.counters["inferences"] <= 0.1 * quiet.counters["frames"]


def test_the_clips_show_what_their_ground_truth_says(root: Path) -> None:
    """The truth names every clip's events, so that the expectation cannot drift away from what was rendered."""
    expected = yaml.safe_load((root / "demo/expected.yaml").read_text())["clips"]
    for path in sorted((root / "demo/ground_truth").glob("*.json")):
        truth = json.loads(path.read_text())
        assert truth["frames"] >= 150, path.name
        kinds = {event["type"] for event in truth["events"]}
        assert {event["type"] for event in expected[f"{path.stem}.mp4"]} <= kinds, path.name


def test_the_weights_are_those_of_their_card(root: Path) -> None:
    weights = (root / "demo/model/sightline-demo.onnx").read_bytes()
    assert hashlib.sha256(weights).hexdigest() in (root / "demo/model/CARD.md").read_text(encoding="utf-8")
    assert len(weights) < 3_000_000


def test_nothing_in_the_repository_is_too_large(root: Path) -> None:
    assert all(path.stat().st_size < 4_000_000 for path in (root / "demo").rglob("*") if path.is_file())
