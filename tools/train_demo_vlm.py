"""Trains the demo's tiny multimodal model on rendered crops only, and exports it as two GGUF files.

One command, in a Python environment of its own (``pip install -r tools/vlm/requirements.txt``), CPU only::

    python -m tools.train_demo_vlm --work WORK --out demo/model/vlm

Everything that takes long is kept in WORK: rendered crops, the tokenizer, checkpoints of each stage about once a minute.
The same command goes on where it was stopped. Stages, each from its own seed:

1. ``render``: crops of yard scenes, and parts on a table
2. ``vision``: the vision tower learns to say what it sees in the fixed directions of ``tools/vlm/codes.py``
3. ``short``, ``text``: the text part learns to answer from image tokens in these directions (needs no vision tower: may
   run at the same time, as ``--only short text``)
4. ``joint``: both together on rendered crops
5. ``export``, ``measure``: GGUF files; accuracy through llama.cpp on scenes and figures that training never saw
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.vlm.network import Model
    from tools.vlm.scenes import Crop

STAGES = ("render", "vision", "short", "text", "joint", "export", "measure")
NAME = "sightline-demo-vlm"
HELD_OUT = 3999  # the seed of the scenes that are kept from training
HELD_OUT_PARTS = 4999
_JOINT = 0.45  # share of the joint stage in the final weights, the rest from before it: better than either alone


@dataclass(frozen=True)
class Plan:
    """How much of everything: numbers of the committed weights are in their card."""

    shards: int = 12
    pictures: int = 160  # of each shard, with about five crops each
    parts: int = 0  # pictures of parts
    vision: int = 1000  # steps
    short: int = 450
    text: int = 300
    joint: int = 300
    seed: int = 1

    @property
    def seeds(self) -> list[int]:
        """Of the shards for training; each has figures and places of its own."""
        return [3000 + i for i in range(self.shards)]


def rendered(work: Path, seed: int, count: int) -> Path:
    """The file with the crops of one seed; rendered if it is not there."""
    path = work / f"yard_{seed}_{count}.npz"
    if not path.is_file():
        from tools.vlm import scenes

        crops = scenes.render_crops(seed, 0, count)
        part = path.with_name(f"part_{path.name}")
        scenes.save(part, crops)
        part.replace(path)
        print(f"{path.name}: {len(crops)} crops", flush=True)
    return path


def rendered_parts(work: Path, seed: int, count: int) -> Path:
    """The file with pictures of parts of one seed."""
    path = work / f"parts_{seed}_{count}.npz"
    if not path.is_file():
        from tools.vlm import scenes

        part = path.with_name(f"part_{path.name}")
        scenes.save(part, scenes.render_parts(seed, count))
        part.replace(path)
        print(f"{path.name}: {count} parts", flush=True)
    return path


def training_crops(work: Path, plan: Plan) -> list[Crop]:
    """All crops for training, rendered where they are missing."""
    from tools.vlm import scenes

    paths = [rendered(work, seed, plan.pictures) for seed in plan.seeds]
    if plan.parts:
        paths.append(rendered_parts(work, 4000, plan.parts))
    return scenes.load(paths)


def train(work: Path, plan: Plan, only: set[str]) -> Model:
    """The stages of training that are asked for; the model as the last one leaves it."""
    import torch

    from tools.vlm import learn, tokens
    from tools.vlm.network import Model

    torch.set_num_threads(1)
    torch.manual_seed(plan.seed)
    model = Model()
    words = work / "tokenizer.json"
    tokenizer = tokens.load(words) if words.is_file() else tokens.train(words, model.shape.vocab, plan.seed)
    crops = training_crops(work, plan) if only & {"render", "vision", "short", "text", "joint"} else []
    seeing, writing = learn.VisionParts(model), learn.TextParts(model)

    def stage(name: str, steps: int, rate: float, parts: Any, seed: int) -> learn.Stage:
        return learn.Stage(name, steps, rate, work / f"{name}.pt", parts, 10 * plan.seed + seed)

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
        torch.save(blend, work / "final.pt")
    if (work / "final.pt").is_file():
        model.load_state_dict(torch.load(work / "final.pt", weights_only=True))
    return model


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


def measure(model: Model, work: Path, out: Path, plan: Plan, most: int, demo: Path) -> None:
    """Accuracy through llama.cpp on what was held out; equality of the vision tower; written to ``measured.json``."""
    from tools.vlm import card, scenes
    from tools.vlm.equal import compare
    from tools.vlm.measure import memory_mb, on_crops, on_moments
    from tools.vlm.moments import moments
    from tools.vlm.reader import Reader

    pair = (out / f"{NAME}.gguf", out / f"mmproj-{NAME}.gguf")
    held = scenes.load([rendered(work, HELD_OUT, plan.pictures)])[:most]
    report: dict[str, Any] = {
        "plan": asdict(plan),
        "python": platform.python_version(),
        "equal": compare(model, pair, held[:12]),
        "memory_mb": memory_mb(pair),
    }
    reader = Reader(*pair)
    scores = {"held_out": on_crops(reader, held), "demo_clips": on_moments(reader, list(moments()), demo)}
    if plan.parts:
        scores["parts"] = on_crops(reader, scenes.load([rendered_parts(work, HELD_OUT_PARTS, min(most, 300))]))
    for name, score in scores.items():
        report[name] = score.summary()
        print(name, json.dumps(report[name]))
        for (key, wanted, said), count in score.wrong.most_common(14):
            print(f"  {key}: {wanted} taken for {said} {count} times")
    (work / "measured.json").write_text(json.dumps(report, indent=1) + "\n")
    made = work / "made.txt"  # what whoever trained wants told
    card.write(
        out, tuple(p.name for p in pair), report, _command(plan), made.read_text().strip() if made.is_file() else ""
    )


def _command(plan: Plan) -> str:
    """The command that trains with this plan."""
    odd = {name: value for name, value in asdict(plan).items() if value != getattr(Plan(), name)}
    options = "".join(f" --{name} {value}" for name, value in odd.items())
    return f"python -m tools.train_demo_vlm --work WORK --out demo/model/vlm{options}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="caches and checkpoints")
    parser.add_argument("--out", type=Path, required=True, help="where the GGUF files go")
    parser.add_argument("--demo", type=Path, default=Path("demo"))
    parser.add_argument("--only", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--kinds", nargs="+", choices=("q8_0", "f16", "f32"), default=["q8_0"])
    parser.add_argument("--most", type=int, default=400, help="held-out crops to measure on")
    for name, value in asdict(Plan()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    for threads in ("LP_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(threads, "1")
    args.work.mkdir(parents=True, exist_ok=True)
    plan = Plan(**{name: getattr(args, name) for name in asdict(Plan())})
    model = train(args.work, plan, set(args.only))
    if "export" in args.only:
        export(model, args.work, args.out, args.kinds)
    if "measure" in args.only:
        measure(model, args.work, args.out, plan, args.most, args.demo)


if __name__ == "__main__":
    main()
