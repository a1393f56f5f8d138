from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision.detect.runtime import open_session
from vision.errors import ModelError
from vision.inspect.anomaly.backbone import backbone_of, features_of, open_backbone
from vision.inspect.anomaly.coreset import coreset
from vision.inspect.anomaly.graph import cut, nodes


def test_a_cut_network_computes_what_the_whole_one_does(root: Path) -> None:
    """Cut twice, at an early and at a late map: the early one comes out the same from both, and the cut is smaller."""
    model = (root / "demo/model/sightline-demo.onnx").read_bytes()
    early, late = (f"/backbone/backbone/{at}/conv3/act/Mul_output_0" for at in ("dark2/dark2.1", "dark4/dark4.1"))
    both, one = cut(model, [early, late]), cut(model, [early])
    assert len(one) < len(both) < len(model)
    assert len(nodes(one)) < len(nodes(both)) < len(nodes(model))
    blob = np.random.default_rng(1).uniform(0, 255, (1, 3, 256, 416)).astype(np.float32)
    first, second = open_session(both, "both"), open_session(one, "one")
    np.testing.assert_allclose(first.run(None, {"images": blob})[0], second.run(None, {"images": blob})[0], atol=1e-4)


def test_the_maps_of_a_detector_are_found(root: Path) -> None:
    """The last maps at 1/4, 1/8 and 1/16 before the next coarser one: 32, 64 and 128 channels in a YOLOX-nano."""
    backbone = open_backbone(root / "demo/model/sightline-demo.onnx")
    maps = backbone.session(160, 128).maps(np.full((128, 160, 3), 110, np.float32))
    assert [m.shape for m in maps] == [(32, 40, 32), (16, 20, 64), (8, 10, 128)]
    assert features_of(maps, 16, 20).shape == (16, 20, 224)


def test_the_built_in_backbone_runs_at_any_size() -> None:
    maps = open_backbone().session(96, 160).maps(np.full((160, 96, 3), 110, np.float32))
    assert maps
    assert all(m.shape[0] * 96 == m.shape[1] * 160 for m in maps)


@pytest.mark.parametrize(
    ("data", "said"),
    [  # no model; a model cut short
        (b"no model at all", "onnxruntime cannot load it"),
        (b"", "onnxruntime cannot load it"),
    ],
)
def test_what_is_no_network_is_told(data: bytes, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        backbone_of(data, "file.onnx")


def test_a_missing_backbone_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="check --backbone"):
        open_backbone(tmp_path / "none.onnx")


def test_the_coreset_leaves_no_one_alone() -> None:
    """Six far clusters of very different sizes: each has one that stands for it, the smallest too."""
    rng = np.random.default_rng(0)
    centres = 50 * np.eye(6, 40, dtype=np.float32)
    sizes = (2000, 500, 100, 20, 3, 1)
    points = np.concatenate(
        [c + rng.standard_normal((n, 40)).astype(np.float32) for c, n in zip(centres, sizes, strict=True)]
    )
    labels = np.repeat(np.arange(6), sizes)
    assert set(labels[coreset(points, 8, rng)]) == set(range(6))


def test_a_small_set_is_taken_whole() -> None:
    assert coreset(np.zeros((5, 3), np.float32), 10, np.random.default_rng(0)).tolist() == [0, 1, 2, 3, 4]
