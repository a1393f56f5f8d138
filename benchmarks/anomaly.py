"""Anomaly from good parts: how well it tells bad ones, and whether its threshold keeps its word.

    python -m benchmarks.anomaly tiles [--backbone FILE]      photographs: train on 12 good ones, 10 splits
    python -m benchmarks.anomaly parts [--fresh 2000]         rendered parts: AUROC by fault, false rejects of fresh ones

Without a word both run, the second with 200 fresh parts. Image AUROC is from the scores, pixel AUROC from the heat maps of
all test pictures together; recall at 5 % is the share of bad parts above the 95th percentile of the good ones' scores.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from tools.scenes.parts import DEFECTS, MATERIALS, Design, shoot
from vision.frame import Pixels
from vision.inspect.anomaly.backbone import Backbone, open_backbone
from vision.inspect.anomaly.fit import Fitted, Part, Settings, fit

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", ROOT.parent / "shared"))
TAUGHT = 12  # good tiles that are learned from


class Seen(Protocol):
    """What a method says of a picture; the heat has the picture's size."""

    @property
    def score(self) -> float: ...
    @property
    def heat(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Taught:
    """A method after it has learned from good pictures."""

    look: Callable[[Pixels], Seen]
    size: int  # bytes of what it has to keep


def auroc(good: np.ndarray, bad: np.ndarray) -> float:
    """The share of pairs in which the bad one scores higher; ties count half."""
    order = np.argsort(np.concatenate([good, bad]), kind="stable")
    values = np.concatenate([good, bad])[order]
    ranks = np.empty(len(values))
    _, start, count = np.unique(values, return_index=True, return_counts=True)
    ranks[order] = np.repeat(start + (count + 1) / 2, count)
    return float((ranks[len(good) :].sum() - len(bad) * (len(bad) + 1) / 2) / (len(good) * len(bad)))


def learned(pictures: list[Pixels], backbone: Backbone) -> tuple[Fitted, float]:
    began = time.perf_counter()
    done = fit([Part(str(n), picture) for n, picture in enumerate(pictures)], backbone, Settings())
    return done, time.perf_counter() - began


def spent() -> np.ndarray:
    """Seconds by the clock, and of CPU: the second of a busy machine tells more."""
    return np.array([time.perf_counter(), time.process_time()])


def ours(backbone: Backbone) -> Callable[[list[Pixels]], Taught]:
    def teach(pictures: list[Pixels]) -> Taught:
        model = learned(pictures, backbone)[0].model
        return Taught(model.look, len(model.to_bytes()))

    return teach


def tiles(title: str, teach: Callable[[list[Pixels]], Taught], splits: int = 10) -> None:
    """Any method on the same splits: ``teach`` makes it of the good ones (BGR)."""
    folder = DATA / "images/magnetic_tile"
    good = [cv2.imread(str(path)) for path in sorted(folder.glob("MT_Free/*.jpg"))]
    paths = [path for path in sorted(folder.glob("*/*.jpg")) if path.parent.name != "MT_Free"]
    bad = [cv2.imread(str(path)) for path in paths]
    masks = [cv2.imread(str(path.with_suffix(".png")), cv2.IMREAD_GRAYSCALE) > 127 for path in paths]
    rng = np.random.default_rng(0)
    rows, kinds = [], {}
    for _ in range(splits):
        order = rng.permutation(len(good))
        start = spent()
        done = teach([good[n] for n in order[:TAUGHT]])
        middle = spent()
        fine = [done.look(good[n]) for n in order[TAUGHT:]]
        faulty = [done.look(picture) for picture in bad]
        each = 1000 * (spent() - middle) / (len(fine) + len(faulty))
        a, b = np.array([look.score for look in fine]), np.array([look.score for look in faulty])
        heat = np.concatenate([look.heat[::4, ::4].ravel() for look in (*fine, *faulty)])
        truth = np.concatenate(
            [np.zeros(look.heat[::4, ::4].size, bool) for look in fine] + [m[::4, ::4].ravel() for m in masks]
        )
        for kind in {path.parent.name for path in paths}:
            those = np.array([path.parent.name == kind for path in paths])
            kinds.setdefault(kind[3:], []).append(auroc(a, b[those]))
        recall = float((b > np.quantile(a, 0.95)).mean())
        rows.append((auroc(a, b), auroc(heat[~truth], heat[truth]), recall, *(middle - start), *each))
    mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0)
    print(f"magnetic tiles, {TAUGHT} good ones taught, {splits} splits, {title}, {done.size / 1e6:.2f} MB")
    names = ("image AUROC", "pixel AUROC", "recall at 5 %", "train s", "of CPU", "ms a part", "of CPU")
    for name, value, around in zip(names, mean, spread, strict=True):
        print(f"  {name:14} {value:.3f} ± {around:.3f}")
    print("  " + ", ".join(f"{kind} {np.mean(values):.3f}" for kind, values in sorted(kinds.items())), flush=True)


def parts(backbone: Backbone, taught: int, fresh: int, materials: list[str]) -> None:
    print(f"rendered parts, {taught} good ones taught; AUROC against 40 fresh good ones, 20 of each fault")
    for material in materials:
        design, rng = Design.make(material, 3), np.random.default_rng([7, MATERIALS.index(material)])
        done, seconds = learned([shoot(design, rng).picture for _ in range(taught)], backbone)
        look = done.model.look
        good = np.array([look(shoot(design, rng).picture).score for _ in range(max(40, fresh))])
        told = []
        for fault in DEFECTS:
            shots = [shoot(design, rng, fault) for _ in range(20)]
            told.append(f"{fault} {auroc(good[:40], np.array([look(s.picture).score for s in shots])):.3f}")
        print(f"  {material}: {', '.join(told)}; trained in {seconds:.0f} s")
        limit, above = done.threshold, int((good > done.threshold.value).sum())
        held = "holds" if limit.low <= above / len(good) <= limit.high else "does NOT hold"
        print(f"    {limit}")
        print(
            f"    {above} of {len(good)} fresh good parts rejected, {above / len(good):.2%}: the interval {held}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["tiles", "parts"])
    parser.add_argument("--backbone", type=Path)
    parser.add_argument("--taught", type=int, default=40)
    parser.add_argument("--fresh", type=int, default=200)
    parser.add_argument("--materials", nargs="+", default=list(MATERIALS), choices=MATERIALS)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    backbone = open_backbone(arguments.backbone)
    if arguments.what != "parts":
        tiles(f"backbone {backbone.name}", ours(backbone))
    if arguments.what != "tiles":
        parts(backbone, arguments.taught, arguments.fresh, arguments.materials)


if __name__ == "__main__":
    main()
