"""Draws the parts of the inspection demo: `python -m tools.demo_parts [demo/parts]`.

One design of plate, good ones for the reference and one of each fault to find; the same pictures every time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from tools.scenes.parts import DEFECTS, Design, Line, shoot

_SEED, _GOOD, _JPEG = 11, 12, 92


def write(folder: Path) -> None:
    """`good/` for reference and training, `line/` as parts come along."""
    design = Design.make("plastic", 3)
    for name in ("good", "line"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(_GOOD):
        line = Line(turn=0, shift=0) if number == 0 else Line(turn=4)
        _save(
            folder / "good" / f"{number + 1:02d}.jpg",
            shoot(design, np.random.default_rng([_SEED, number]), line=line).picture,
        )
    for number, (kind, picture) in enumerate(line_pictures()):
        _save(folder / "line" / f"{number + 1:02d}_{'good' if kind == 'none' else kind}.jpg", picture)


def line_pictures() -> Iterator[tuple[str, np.ndarray]]:
    """Parts as they come along: the fault of each ("none"), its picture."""
    design = Design.make("plastic", 3)
    for number, kind in enumerate(["none", *DEFECTS, "none", "none"]):
        shot = shoot(design, np.random.default_rng([_SEED, 100 + number]), kind, Line(turn=4))
        yield kind, shot.picture


def _save(path: Path, picture: np.ndarray) -> None:
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("demo/parts"))
    write(parser.parse_args().folder)
