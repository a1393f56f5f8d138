"""Training of the demo's multimodal model goes on where it stopped. Needs what trains; that is no part of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools.vlm.parts_fields import PartLook


def _needed(name: str) -> Any:
    return pytest.importorskip(name, reason="for training only", exc_type=ImportError)


torch = _needed("torch")
_needed("skimage")
codes, learn, pictures, restore, scenes = (
    _needed(f"tools.vlm.{name}") for name in ("codes", "learn", "pictures", "restore", "scenes")
)


def _parts() -> Any:
    """A weight for each of the two optimizers."""
    torch.manual_seed(1)
    parts = torch.nn.Module()
    parts.blocks, parts.lean = torch.nn.Linear(3, 3), torch.nn.Parameter(torch.ones(3))
    return parts


def _stage(path: Path, parts: Any, steps: int = 6, seconds: float = 1e9) -> Any:
    return learn.Stage("toy", steps, 0.05, path, parts, 3, seconds)


def _losses(stage: Any, parts: Any, stop_after: int = 99) -> Any:
    drawn = []

    def losses() -> tuple[Any, dict[str, float]]:
        drawn.append(torch.from_numpy(stage.rng.standard_normal((4, 3)).astype("float32")))
        if len(drawn) > stop_after:
            raise KeyboardInterrupt
        return (parts.blocks(drawn[-1]) * parts.lean - 1).square().mean(), {}

    return losses


def test_a_stage_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, halves = _parts(), _parts()
    stage = _stage(tmp_path / "whole.pt", whole)
    stage.run(_losses(stage, whole))
    monkeypatch.setattr(learn, "_SAVE_EVERY_S", -1.0)  # after every step
    stage = _stage(tmp_path / "halves.pt", halves)
    with pytest.raises(KeyboardInterrupt):
        stage.run(_losses(stage, halves, stop_after=3))
    assert learn.steps_done(stage.path) == 3
    again = _parts()
    stage = _stage(tmp_path / "halves.pt", again)
    stage.run(_losses(stage, again))
    assert learn.steps_done(stage.path) == 6
    for name, weight in whole.state_dict().items():
        assert torch.allclose(weight, again.state_dict()[name], atol=1e-6), name


def test_a_stage_whose_time_is_up_keeps_its_weights(tmp_path: Path) -> None:
    parts = _parts()
    before = {name: weight.clone() for name, weight in parts.state_dict().items()}
    stage = _stage(tmp_path / "none.pt", parts, seconds=0.0)
    stage.run(_losses(stage, parts))
    assert learn.steps_done(stage.path) == 0
    learn.restore(stage)
    assert all(torch.equal(weight, before[name]) for name, weight in parts.state_dict().items())


def test_a_fault_is_a_kind_of_its_own_and_none_where_it_cannot_be_told() -> None:
    looks = [
        PartLook("metal", "hole", "centre", extent="small"),
        PartLook("metal", "unsure", "unsure", "blurred", "unsure"),
    ]
    kinds = torch.zeros(2, 64, dtype=torch.uint8)
    kinds[:, 5] = 6
    batch = codes.Batch(kinds, looks)
    assert batch.kinds[0].unique().tolist() == [0, 7]  # behind the scratch
    assert batch.kinds[1].unique().tolist() == [0]
    assert batch.speaks.sum(1).tolist() == [1, 64]  # the place is said where the fault is


def test_a_mirrored_part_has_its_fault_on_the_other_side() -> None:
    """Half of the pictures that training sees are mirrored; the hole is dark, so it can be found in them."""
    cells, picture = np.zeros((42, 42), np.uint8), np.full((168, 168, 3), 200, np.uint8)
    picture[40:60, 40:60] = 0
    crop = scenes.Crop(
        picture, cells, PartLook("metal", "hole", "upper_left", extent="small"), (40.0, 40.0, 128.0, 128.0)
    )
    rng, sides = np.random.default_rng(3), set()
    for _ in range(20):
        seen = pictures.varied(crop, rng)
        if isinstance(seen.look, PartLook) and seen.look.visibility == "clear":
            x = np.argwhere(seen.picture.sum(2) == seen.picture.sum(2).min())[:, 1].mean()
            assert seen.look.place == ("upper_left" if x < 64 else "upper_right")
            sides.add(seen.look.place)
    assert len(sides) == 2


def test_the_tokenizer_is_read_back_from_the_file(root: Path) -> None:
    tokenizer = restore.tokenizer_from_gguf(root / "demo" / "model" / "vlm" / "sightline-demo-vlm.gguf")
    text = '<|im_start|>user\nAlarm: defect, 报警<|im_end|>\n{"defect": "missing_screw", "threat": 2}'
    said = tokenizer.encode(text)
    assert said.ids[0] == 1
    assert said.ids.count(2) == 1
    assert tokenizer.decode(said.ids, skip_special_tokens=False) == text
    assert len(tokenizer.encode('"missing_screw"').ids) < 6  # its pairs are those of the answers


def test_what_text_learns_from_says_what_is_to_be_seen() -> None:
    """Image tokens made up from labels, read off again by the fixed directions."""
    look = PartLook("board", "hole", "upper_left", extent="small")
    kinds = torch.zeros(1, 64, dtype=torch.long)
    kinds[0, 10:12] = 6  # two tokens show the fault
    batch = codes.Batch(kinds, [look])
    code = codes.directions(128)
    assert torch.allclose(code @ code.T, torch.eye(codes.COUNT), atol=1e-5)
    said = codes.spoken(batch, code, torch.Generator().manual_seed(1))
    _, right = codes.loss(said, code, batch)
    assert right == dict.fromkeys(("place", "visibility", "material", "defect", "extent"), 1.0)
