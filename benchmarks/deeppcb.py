"""The golden template on DeepPCB: per-defect recall and precision, and false rejects of the template against itself.

    python benchmarks/deeppcb.py [FOLDER] [--iou 0.33] [--seed 0] [--copies 1]

FOLDER holds pairs NAME_temp.jpg and NAME_test.jpg with NAME.txt (x1 y1 x2 y2 type). A defect counts as found by at most one
box, the largest first, at that intersection over union. The second table inspects changed copies of every template: each
must pass. The third does the same with the faulty pictures: what a change of the picture costs. The last one asks what is
left when a parameter is not what it is: the defaults must not stand on an edge.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision.frame import Pixels
from vision.geometry import iou_matrix
from vision.inspect.check import ScriptedAssets
from vision.inspect.inspector import Inspector
from vision.inspect.recipe import Recipe

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", ROOT.parent / "shared"))
KINDS = {1: "open", 2: "short", 3: "mouse bite", 4: "spur", 5: "island", 6: "pinhole"}

Change = Callable[[Pixels, np.random.Generator], Pixels]


@dataclass(frozen=True)
class Pair:
    """A good picture, a faulty one, and its faults: xyxy and type."""

    name: str
    good: Pixels
    faulty: Pixels
    faults: np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class Score:
    """Faults found, found ones that are none, and faults not found."""

    hits: int = 0
    extra: int = 0
    missed: int = 0
    named: int = 0
    ious: list[float] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)

    @property
    def recall(self) -> float:
        return self.hits / max(1, self.hits + self.missed)

    @property
    def precision(self) -> float:
        return self.hits / max(1, self.hits + self.extra)


def pairs(folder: Path) -> list[Pair]:
    found = []
    for path in sorted(folder.rglob("*_temp.jpg")):
        name = path.name.removesuffix("_temp.jpg")
        text = (path.parent / f"{name}.txt").read_text()
        rows = [[int(v) for v in line.replace(",", " ").split()[:5]] for line in text.splitlines() if line.strip()]
        good, faulty = cv2.imread(str(path)), cv2.imread(str(path.parent / f"{name}_test.jpg"))
        assert good is not None
        assert faulty is not None
        found.append(Pair(name, good.astype(np.uint8), faulty.astype(np.uint8), np.array(rows).reshape(-1, 5)))
    return found


def inspector(good: Pixels, **params: float) -> Inspector:
    _, data = cv2.imencode(".png", good)
    recipe = Recipe.model_validate({"reference": "good.png", "checks": [{"type": "golden", **params}]})
    return Inspector(recipe, ScriptedAssets({"good.png": data.tobytes()}))


def count(into: Score, boxes: Sequence[tuple[Sequence[float], str]], pair: Pair, least: float) -> None:
    """Add one picture: boxes with their kinds, the largest defect first."""
    faults = pair.faults[:, :4].astype(np.float32)
    iou = iou_matrix(np.array([box for box, _ in boxes], np.float32).reshape(-1, 4), faults)
    free = set(range(len(faults)))
    for row, (_, kind) in enumerate(boxes):
        best = max(free, key=lambda column: iou[row, column], default=None)
        if best is None or iou[row, best] < least:
            into.extra += 1
            continue
        free.discard(best)
        into.hits += 1
        into.named += KINDS.get(int(pair.faults[best, 4])) == kind
        into.ious.append(float(iou[row, best]))
    into.missed += len(free)
    into.lost.update(KINDS.get(int(pair.faults[column, 4]), "?") for column in free)


def told(made: Inspector, picture: Pixels) -> tuple[str, list[tuple[Sequence[float], str]], float]:
    verdict = made.inspect(picture).verdict
    leading = verdict.leading
    return verdict.outcome, [(f.box, f.kind) for f in verdict.findings], leading.severity if leading else 0.0


def moved(turn: float, dx: float, dy: float, scale: float = 1.0) -> Change:
    """Turned and shifted; what comes in over the border is the picture's own rim drawn out."""

    def change(image: Pixels, rng: np.random.Generator) -> Pixels:
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn * rng.choice([-1, 1]), scale)
        matrix[:, 2] += np.array([dx, dy]) * rng.choice([-1, 1], 2)
        done = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(done, np.uint8)

    return change


def lit(gain: float, offset: float = 0.0, slope: float = 0.0) -> Change:
    """Brighter or darker; `slope`: so much of the light falls off from left to right."""

    def change(image: Pixels, _: np.random.Generator) -> Pixels:
        fall = np.linspace(1 + slope / 2, 1 - slope / 2, image.shape[1])[None, :, None]
        return np.clip(image * gain * fall + offset, 0, 255).astype(np.uint8)

    return change


def noisy(sigma: float) -> Change:
    return lambda image, rng: np.clip(image + rng.normal(0, sigma, image.shape), 0, 255).astype(np.uint8)


def jpeg(quality: int) -> Change:
    def change(image: Pixels, _: np.random.Generator) -> Pixels:
        _done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    return change


def soft(sigma: float) -> Change:
    return lambda image, _: np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def together(*changes: Change) -> Change:
    def change(image: Pixels, rng: np.random.Generator) -> Pixels:
        for each in changes:
            image = each(image, rng)
        return image

    return change


CHANGES: dict[str, Change] = {
    "the same picture": moved(0, 0, 0),
    "shift 3.5 px": moved(0, 3.5, 2.5),
    "shift 7 px": moved(0, 7.3, 6.6),
    "shift 12 px": moved(0, 12, 12),
    "turn 1°": moved(1, 0, 0),
    "turn 2°": moved(2, 0.5, 0.5),
    "turn 3°": moved(3, 0, 0),
    "turn 3°, shift 12 px": moved(3, 12, 12),
    "scale 0.99": moved(0, 0, 0, 0.99),
    "scale 1.01": moved(0, 0, 0, 1.01),
    "gain 0.8": lit(0.8),
    "gain 1.25": lit(1.25),
    "offset -30": lit(1.0, -30),
    "offset +30": lit(1.0, 30),
    "light falls off by 30 %": lit(0.85, 0, 0.3),
    "noise 8": noisy(8),
    "noise 15": noisy(15),
    "JPEG 50": jpeg(50),
    "JPEG 25": jpeg(25),
    "blur 0.8 px": soft(0.8),
    "blur 1.5 px": soft(1.5),
    "blur 2 px": soft(2.0),
    "all: 2°, 8 px, gain 0.85, noise 6, blur 1, JPEG 70": together(
        moved(2, 8, 7, 1.005), lit(0.85, 8, 0.1), soft(1.0), noisy(6), jpeg(70)
    ),
}
VARIED: tuple[tuple[str, dict[str, float]], ...] = (
    ("as they are", {}),
    ("tolerance 0.30", {"tolerance": 0.30}),
    ("tolerance 0.42", {"tolerance": 0.42}),
    ("contrast 27", {"contrast": 27}),
    ("contrast 40", {"contrast": 40}),
    ("min_area 0.008", {"min_area": 0.008}),
    ("min_area 0.013", {"min_area": 0.013}),
    ("margin 0.9", {"margin": 0.9}),
    ("margin 1.6", {"margin": 1.6}),
)


def accuracy(all_pairs: list[Pair], made: dict[str, Inspector], least: float) -> None:
    total, times = Score(), []
    print("| pair | faults | found | extra | missed | ms |")
    print("|---|---|---|---|---|---|")
    for pair in all_pairs:
        began = time.thread_time()
        _, boxes, _ = told(made[pair.name], pair.faulty)
        times.append(1000 * (time.thread_time() - began))
        score = Score()
        count(score, boxes, pair, least)
        print(f"| {pair.name} | {len(pair.faults)} | {score.hits} | {score.extra} | {score.missed} | {times[-1]:.0f} |")
        count(total, boxes, pair, least)
    print(
        f"\nrecall {total.recall:.4f}, precision {total.precision:.4f} at IoU {least:g}; {total.hits} of "
        f"{total.hits + total.missed} faults, {total.extra} extra; IoU median {np.median(total.ious):.2f}, least "
        f"{min(total.ious, default=0):.2f}; kind right for {total.named} of {total.hits}; "
        f"CPU {np.median(times):.0f} ms a picture"
    )


def changed(all_pairs: list[Pair], made: dict[str, Inspector], least: float, seed: int, copies: int) -> Iterator[str]:
    for name, change in CHANGES.items():
        rng, outcomes, worst, score = np.random.default_rng(seed), Counter[str](), 0.0, Score()
        for pair in all_pairs:
            for _ in range(copies):
                outcome, _, severity = told(made[pair.name], change(pair.good, rng))
                outcomes[outcome] += 1
                worst = max(worst, severity)
            if name == "the same picture" or not name.startswith(("shift", "turn", "scale", "all")):
                # boxes stay where the annotation is only where nothing moves
                count(score, told(made[pair.name], change(pair.faulty, rng))[1], pair, least)
        found = f"{score.recall:.3f} | {score.precision:.3f}" if score.hits else "– | –"
        many = sum(outcomes.values())
        yield f"| {name} | {outcomes['reject']} of {many} | {outcomes['no_decision']} | {worst:.2f} | {found} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=DATA / "images" / "deeppcb")
    parser.add_argument("--iou", type=float, default=0.33)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--copies", type=int, default=1, help="changed copies of each template a row")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, OpenCV {cv2.__version__}")
    all_pairs = pairs(arguments.folder)
    made = {pair.name: inspector(pair.good) for pair in all_pairs}
    accuracy(all_pairs, made, arguments.iou)
    print(
        "\n| change | templates rejected | no decision | worst score / threshold | recall, faulty | precision, faulty |"
    )
    print("|---|---|---|---|---|---|")
    for line in changed(all_pairs, made, arguments.iou, arguments.seed, arguments.copies):
        print(line, flush=True)
    print("\n| parameters | recall | precision |")
    print("|---|---|---|")
    for name, params in VARIED:
        score = Score()
        for pair in all_pairs:
            count(score, told(inspector(pair.good, **params), pair.faulty)[1], pair, arguments.iou)
        print(f"| {name} | {score.recall:.4f} | {score.precision:.4f} |", flush=True)


if __name__ == "__main__":
    main()
