"""``python -m tools.scenes demo|still|train``."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.scenes", description=__doc__)
    sub = parser.add_subparsers(dest="command", required=True)
    demo = sub.add_parser("demo", help="render the demo clips, their ground truth, scene.yaml and expected.yaml")
    demo.add_argument("--out", type=Path, default=Path("demo"))
    demo.add_argument("--only", nargs="*", default=None, help="clip names")
    still = sub.add_parser("still", help="single frames of a clip as PNG, with the zones and boxes drawn if asked")
    still.add_argument("clip")
    still.add_argument("times", nargs="+", type=float)
    still.add_argument("--out", type=Path, default=Path())
    still.add_argument("--draw", action="store_true")
    train = sub.add_parser("train", help="labelled random pictures for a detector")
    train.add_argument("--out", type=Path, required=True)
    train.add_argument("--count", type=int, default=100)
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--first", type=int, default=0)
    train.add_argument("--places", choices=("both", "yard", "any"), default="both")
    train.add_argument("--supersample", type=int, default=2)
    train.add_argument("--per-place", type=int, default=4, help="pictures with other people before the place changes")
    args = parser.parse_args()
    os.environ.setdefault("LP_NUM_THREADS", "2")
    if args.command == "demo":
        run_demo(args.out, args.only)
    elif args.command == "still":
        from .preview import run_still

        run_still(args.clip, args.times, args.out, args.draw)
    else:
        from .dataset import run_train

        run_train(args.out, args.count, args.seed, args.first, args.places, args.supersample, args.per_place)


def run_demo(out: Path, only: list[str] | None) -> None:
    """Renders the demo into `out`."""
    from .clips import SCRIPTS
    from .demo import render_clip, write_plans
    from .render import Renderer

    for folder in ("clips", "ground_truth"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    write_plans(out)
    renderer = Renderer()
    for name in only or list(SCRIPTS):
        begin = time.perf_counter()
        print(render_clip(name, out, renderer), f"in {time.perf_counter() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
