"""Trains the demo's tiny multimodal model on rendered crops only, and exports it as two GGUF files.

One command, in a Python environment of its own (``pip install -r tools/vlm/requirements.txt``), CPU only::

    python -m tools.train_demo_vlm --work WORK --out demo/model/vlm

Everything that takes long is kept in WORK: rendered crops, the tokenizer, checkpoints of each stage about once a minute.
The same command goes on where it was stopped. Stages, each from its own seed:

1. ``render``: crops of yard scenes, and parts on a table
2. ``vision``: the vision tower learns to say what it sees in the fixed directions of ``tools/vlm/codes.py``
3. ``short``, ``text``: the text part learns to answer from image tokens in these directions; it needs no vision tower,
   so a second process does it at the same time where there is a second core
4. ``joint``: both together on rendered crops
5. ``listen``: the text part alone, on what the vision tower then says of rendered crops
6. ``export``, ``measure``: GGUF files; accuracy through llama.cpp on scenes, figures and parts that training never saw

``--minutes vision=50 text=20`` ends a stage by the clock, if it has not taken all its steps by then. ``--start FOLDER``
goes on from the pair of GGUF files there instead of from random weights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import multiprocessing
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from tools.vlm import scenes
    from tools.vlm.network import Model
    from tools.vlm.scenes import Crop

TRAINED = ("vision", "short", "text", "joint", "listen")
_WRITING = {"short", "text"}  # need no vision tower
STAGES = ("render", *TRAINED, "export", "measure")
NAME = "sightline-demo-vlm"
HELD_OUT = 3999  # the seed of the scenes that are kept from training
HELD_OUT_PARTS = 4999
_PARTS = 600  # pictures of parts in one file
_AGAIN = 0.6  # of the learning rate, for weights that have learnt before
_JOINT = 0.45  # share of the joint stage in the final weights, the rest from before it: better than either alone


@dataclass(frozen=True)
class Plan:
    """How much of everything: numbers of the committed weights are in their card."""

    shards: int = 19
    pictures: int = 160  # of each shard, with about five crops each
    parts: int = 3000  # pictures of parts
    vision: int = 8000  # steps
    short: int = 1500
    text: int = 2500
    joint: int = 700
    listen: int = 1500
    seed: int = 1

    @property
    def seeds(self) -> list[int]:
        """Of the shards for training; each has figures and places of its own."""
        return [3000 + i for i in range(self.shards)]

    @property
    def parts_shards(self) -> list[tuple[int, int]]:
        """Seeds and numbers of pictures of the parts for training; each seed has designs of its own."""
        return [(4000 + i, min(_PARTS, self.parts - i * _PARTS)) for i in range(-(-self.parts // _PARTS))]


@dataclass(frozen=True)
class Limits:
    """Where training begins, and after how many minutes of the clock a stage ends at the latest."""

    start: Path | None = None
    minutes: Mapping[str, float] = field(default_factory=dict)


def rendered(work: Path, kind: scenes.Kind, seed: int, count: int) -> Path:
    """The file with the crops of one seed; rendered if it is not there.

    In a process of its own: the LLVM in a software OpenGL and the one in PyTorch's Triton crash each other.
    """
    path = work / f"{kind}_{seed}_{count}.npz"
    if not path.is_file():
        from tools.vlm import scenes

        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            found = pool.submit(scenes.write, path, kind, seed, count).result()
        print(f"{path.name}: {found} crops", flush=True)
    return path


def training_crops(work: Path, plan: Plan) -> list[Crop]:
    """All crops for training, rendered where they are missing."""
    from tools.vlm import scenes

    paths = [rendered(work, "yard", seed, plan.pictures) for seed in plan.seeds]
    paths += [rendered(work, "parts", seed, count) for seed, count in plan.parts_shards]
    return scenes.load(paths)


def begun(work: Path, plan: Plan, start: Path | None) -> tuple[Model, Tokenizer]:
    """The network before training, and its tokenizer, which is kept in WORK."""
    import torch

    from tools.vlm import restore, tokens
    from tools.vlm.network import Model

    torch.manual_seed(plan.seed)
    words = work / "tokenizer.json"
    pair = None if start is None else (start / f"{NAME}.gguf", start / f"mmproj-{NAME}.gguf")
    model = Model() if pair is None else restore.from_gguf(*pair)
    if words.is_file():
        return model, tokens.load(words)
    if pair is None:
        return model, tokens.train(words, model.shape.vocab, plan.seed)
    tokenizer = restore.tokenizer_from_gguf(pair[0])
    tokenizer.save(str(words))
    return model, tokenizer


def train(work: Path, plan: Plan, limits: Limits, only: set[str]) -> Model:
    """The stages of training that are asked for; the model as the last one leaves it."""
    import torch

    from tools.vlm import learn

    torch.set_num_threads(1)
    model, tokenizer = begun(work, plan, limits.start)
    crops = training_crops(work, plan) if only & {"render", *TRAINED} else []
    seeing, writing = learn.VisionParts(model), learn.TextParts(model)

    def stage(name: str, steps: int, rate: float, parts: Any, seed: int) -> learn.Stage:
        rate *= 1.0 if limits.start is None else _AGAIN
        seconds = 60 * limits.minutes.get(name, math.inf)
        return learn.Stage(name, steps, rate, work / f"{name}.pt", parts, 10 * plan.seed + seed, seconds)

    vision, short = stage("vision", plan.vision, 2e-3, seeing, 1), stage("short", plan.short, 2.5e-3, writing, 2)
    text, joint = stage("text", plan.text, 2e-3, writing, 3), stage("joint", plan.joint, 1e-3, model, 4)
    if "vision" in only:
        learn.learn_to_see(model, crops, vision)
    if "short" in only:
        learn.learn_to_answer(model, crops, tokenizer, short, short=True)
    if "text" in only:
        if not text.path.is_file():
            learn.restore(short)
        learn.learn_to_answer(model, crops, tokenizer, text)
    if "joint" in only:
        if not joint.path.is_file():
            learn.restore(vision)
            learn.restore(text)
        before = _before(model, vision, text)
        learn.learn_together(model, crops, tokenizer, joint)
        blend = {name: _JOINT * weight + (1 - _JOINT) * before[name] for name, weight in model.state_dict().items()}
        torch.save(blend, work / "joined.pt")
    _load(model, work / "joined.pt")
    if "listen" in only:
        learn.learn_to_listen(model, crops, tokenizer, stage("listen", plan.listen, 1e-3, writing, 5))
        torch.save(model.state_dict(), work / "final.pt")
    _load(model, work / "final.pt")
    return model


def _load(model: Model, path: Path) -> None:
    """The weights of a file, where there is one."""
    import torch

    if path.is_file():
        model.load_state_dict(torch.load(path, weights_only=True))


def _before(model: Model, vision: Any, text: Any) -> dict[str, Any]:
    """The weights that the joint stage began with."""
    from tools.vlm import learn

    now = {name: weight.clone() for name, weight in model.state_dict().items()}
    learn.restore(vision)
    learn.restore(text)
    begin = {name: weight.clone() for name, weight in model.state_dict().items()}
    model.load_state_dict(now)
    return begin


def export(model: Model, work: Path, out: Path, kinds: list[str]) -> list[Path]:
    """Writes the pair in each kind; the first kind without it in the name, for that is the one to ship."""
    from tools.vlm.export import export_text, export_vision

    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for kind in kinds:
        tail = "" if kind == kinds[0] else f"-{kind}"
        pair = (out / f"{NAME}{tail}.gguf", out / f"mmproj-{NAME}{tail}.gguf")
        facts = {"demo": "rendered scenes only", "trained_by": "tools/train_demo_vlm.py"}
        export_text(model, work / "tokenizer.json", pair[0], kind, facts)
        export_vision(model, pair[1], kind, facts)
        written += pair
    for path in written:
        print(f"{path.name}: {path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return written


def measure(model: Model, work: Path, out: Path, plan: Plan, limits: Limits, most: int, demo: Path) -> None:
    """Accuracy through llama.cpp on what was held out; equality of the vision tower; written to ``measured.json``."""
    from tools.vlm import card, scenes
    from tools.vlm.equal import compare
    from tools.vlm.measure import memory_mb, on_crops, on_moments
    from tools.vlm.moments import moments
    from tools.vlm.reader import Reader

    pair = (out / f"{NAME}.gguf", out / f"mmproj-{NAME}.gguf")
    held = scenes.load([rendered(work, "yard", HELD_OUT, plan.pictures)])[:most]
    report: dict[str, Any] = {
        "plan": asdict(plan),
        "python": platform.python_version(),
        "equal": compare(model, pair, held[:12]),
        "memory_mb": memory_mb(pair),
    }
    reader = Reader(*pair)
    scores = {"held_out": on_crops(reader, held), "demo_clips": on_moments(reader, list(moments()), demo)}
    if plan.parts:
        scores["parts"] = on_crops(reader, scenes.load([rendered(work, "parts", HELD_OUT_PARTS, min(most, 300))]))
    for name, score in scores.items():
        report[name] = score.summary()
        print(name, json.dumps(report[name]))
        for (key, wanted, said), count in score.wrong.most_common(14):
            print(f"  {key}: {wanted} taken for {said} {count} times")
    (work / "measured.json").write_text(json.dumps(report, indent=1) + "\n")
    card.write(out, tuple(p.name for p in pair), report, _command(plan, limits), _made(work, plan, limits.start))


def _made(work: Path, plan: Plan, start: Path | None) -> str:
    """What was trained on what, as the checkpoints have it."""
    from tools.vlm import learn
    from tools.vlm.parts_fields import PartLook

    crops = training_crops(work, plan)
    parts = sum(isinstance(crop.look, PartLook) for crop in crops)
    vision, short, text, joint, listen = (learn.steps_done(work / f"{name}.pt") for name in TRAINED)
    begin = "random weights" if start is None else "the pair that was here before"
    return (
        f"Begun with {begin}. {len(crops) - parts} crops of the seeds {plan.seeds[0]} to {plan.seeds[-1]} and {parts} "
        f"parts of {', '.join(str(seed) for seed, _ in plan.parts_shards) or 'no seed'};\nheld out: {HELD_OUT} and "
        f"{HELD_OUT_PARTS}. Vision tower: {vision} steps of 64 pictures; text part: {short} steps on short and {text} on "
        f"long\ndialogues, 32 each; together: {joint} steps of 32, taken by {_JOINT} into the weights from before; then the "
        f"text part alone\non what the vision tower says: {listen} steps of 32."
    )


def _command(plan: Plan, limits: Limits) -> str:
    """The command that trains with this plan."""
    odd = {name: value for name, value in asdict(plan).items() if value != getattr(Plan(), name)}
    options = "".join(f" --{name} {value}" for name, value in odd.items())
    if limits.start is not None:
        options += " --start demo/model/vlm"
    if limits.minutes:
        options += " --minutes " + " ".join(f"{name}={value:g}" for name, value in limits.minutes.items())
    return f"python -m tools.train_demo_vlm --work WORK --out demo/model/vlm{options}"


def _minutes(text: str) -> tuple[str, float]:
    """``vision=50`` as ("vision", 50.0)."""
    name, _, value = text.partition("=")
    if name not in TRAINED:
        raise argparse.ArgumentTypeError(f"{name!r} is no stage of training; there are {', '.join(TRAINED)}")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not STAGE=MINUTES") from None


def _both_at_once(work: Path, plan: Plan, limits: Limits, only: set[str]) -> None:
    """The vision tower in this process, the text part in another one."""
    train(work, plan, limits, {"render"})  # both need the crops and the tokenizer
    again = [sys.executable, "-m", "tools.train_demo_vlm", *sys.argv[1:], "--only", *sorted(only & _WRITING)]
    with subprocess.Popen(again) as writing:
        train(work, plan, limits, {"vision"})
    if writing.returncode:
        sys.exit(writing.returncode)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="caches and checkpoints")
    parser.add_argument("--out", type=Path, required=True, help="where the GGUF files go")
    parser.add_argument("--demo", type=Path, default=Path("demo"))
    parser.add_argument("--only", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--kinds", nargs="+", choices=("q8_0", "f16", "f32"), default=["q8_0"])
    parser.add_argument("--most", type=int, default=400, help="held-out crops to measure on")
    parser.add_argument("--minutes", type=_minutes, nargs="+", default=[], metavar="STAGE=MINUTES")
    parser.add_argument("--start", type=Path, help="a folder with the pair to go on from")
    for name, value in asdict(Plan()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    for threads in ("LP_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(threads, "1")
    args.work.mkdir(parents=True, exist_ok=True)
    plan = Plan(**{name: getattr(args, name) for name in asdict(Plan())})
    limits = Limits(args.start, dict(args.minutes))
    only = set(args.only)
    if "vision" in only and only & _WRITING and (os.cpu_count() or 1) > 1:
        _both_at_once(args.work, plan, limits, only)
        only -= {"vision", *_WRITING}
    model = train(args.work, plan, limits, only)
    if "export" in args.only:
        export(model, args.work, args.out, args.kinds)
    if "measure" in args.only:
        measure(model, args.work, args.out, plan, limits, args.most, args.demo)


if __name__ == "__main__":
    main()
