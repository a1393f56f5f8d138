"""Draws the clip of the inspection demo: `python -m tools.demo_line [demo/parts/line.mp4]`.

The parts of `tools.demo_parts` on a belt that brings one part after another under the camera and stops for each; the end
joins the beginning, so that the clip can be played over and over.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tools.demo_parts import line_pictures
from tools.scenes.encode import write_clip

FPS = 25
_MOVING, _STANDING = 11, 14  # frames
_LIMIT = 1_200_000


def frames() -> list[np.ndarray]:
    """The belt's pictures from stop to stop, uint8 [height, width, 3] in BGR order."""
    parts = [picture for _, picture in line_pictures()]
    side = parts[0].shape[1]
    belt = np.concatenate([*parts, parts[0]], axis=1)
    rng = np.random.default_rng(5)
    found = []
    for number in range(len(parts)):
        steps = [0.0] * _STANDING + [(1 - np.cos(np.pi * i / _MOVING)) / 2 for i in range(1, _MOVING)]
        for step in steps:
            left = round((number + step) * side)
            grain = rng.normal(0, 0.8, (side, side, 1))  # each picture has its own noise
            found.append(np.clip(belt[:, left : left + side] + grain, 0, 255).astype(np.uint8))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="?", type=Path, default=Path("demo/parts/line.mp4"))
    print(write_clip(parser.parse_args().path, frames(), FPS, _LIMIT, crf=18))
