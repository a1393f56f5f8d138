"""The demo's recipe on the demo's parts."""

from __future__ import annotations

from pathlib import Path

from edge_agent.inspect.assets import FolderAssets
from edge_agent.inspect.pictures import files_of, pixels_of
from edge_agent.inspect.recipes import load_recipe
from vision.inspect.inspector import Inspector


def test_good_plates_pass_and_faulty_ones_do_not(root: Path) -> None:
    path = root / "configs/inspection/plate.yaml"
    inspector = Inspector(load_recipe(path), FolderAssets(path.parent))
    told = {}
    for file in files_of([root / "demo/parts/line", root / "demo/parts/good"]):
        pixels = pixels_of(file.read_bytes())
        assert not isinstance(pixels, str)
        told[f"{file.parent.name}/{file.stem}"] = inspector.inspect(pixels).verdict
    for name, verdict in told.items():
        good = "good" in name
        assert verdict.outcome == ("pass" if good else "reject"), (name, verdict.reasons)
    assert "nothing is in screw" in told["line/04_missing_screw"].reasons[0]
