"""Trains the demo's detector on rendered scenes only, and exports it to ONNX.

Render first, then train (in a Python environment of its own with ``pixeltable-yolox``, ``torch``, ``onnx`` and
``opencv-python-headless``)::

    python -m tools.scenes train --out DATA --seed 102 --count 900 --places yard --supersample 1 --per-place 8
    python tools/train_demo_detector.py DATA --steps 1600 --out sightline-demo.onnx

The seeds and steps of the committed weights are in ``demo/model/CARD.md``.

Trainer: YOLOX (Apache-2.0), the nano network, from random weights. The seed fixes data order and initial weights; sums on
several threads may still differ in the last digits.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from yolox.config import YoloxConfig

CLASSES = ("person", "car", "backpack")
SIZE = (256, 416)  # height, width of the network's input
SMALL = (192, 320)
STORED = (480, 270)  # pictures are kept in memory at this width and height
PAD = 114

Labels = NDArray[np.float32]
Picture = NDArray[np.uint8]


def load(folder: Path) -> list[tuple[Picture, Labels]]:
    """Every labelled picture: BGR at `STORED` size, rows of class and xyxy in its pixels."""
    out = []
    for listing in sorted(folder.glob("labels_*.json")):
        for name, rows in sorted(json.loads(listing.read_text()).items()):
            picture = cv2.imread(str(folder / name))
            scale = STORED[0] / picture.shape[1]
            labels = np.array(rows, np.float32).reshape(-1, 5)
            labels[:, 1:] *= scale
            out.append((np.asarray(cv2.resize(picture, STORED, interpolation=cv2.INTER_AREA), np.uint8), labels))
    return out


def augment(
    picture: Picture, labels: Labels, size: tuple[int, int], rng: np.random.Generator
) -> tuple[Picture, Labels]:
    """Zoom, shift, flip, light and noise; the network's input with its labels as class, cx, cy, w, h."""
    h, w = size
    fit = w / picture.shape[1]
    zoom = fit * float(np.exp(rng.normal(0, 0.16))) if rng.random() < 0.75 else fit
    shift = np.zeros(2)
    if zoom != fit:
        spare = np.array([w - picture.shape[1] * zoom, picture.shape[0] * fit - picture.shape[0] * zoom])
        shift = spare * rng.random(2)
    flip = rng.random() < 0.5
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]], np.float32)
    boxes = labels[:, 1:].reshape(-1, 2, 2) * zoom + shift.astype(np.float32)
    if flip:
        matrix[0] = [-zoom, 0, w - shift[0]]
        boxes[..., 0] = w - boxes[:, ::-1, 0]
    out = cv2.warpAffine(picture, matrix, (w, h), flags=cv2.INTER_LINEAR, borderValue=(PAD, PAD, PAD))
    x = out.astype(np.float32)
    if rng.random() < 0.8:
        x = (x - 110) * rng.uniform(0.75, 1.3) + 110 + rng.normal(0, 14)
        x *= rng.normal(1, 0.04, 3)
    if rng.random() < 0.12:
        x = np.repeat(x.mean(2, keepdims=True), 3, 2)
    if rng.random() < 0.4:
        x += rng.standard_normal(x.shape, np.float32) * rng.uniform(1, 7)
    if rng.random() < 0.15:
        x = cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.3, 0.8)))
    x[round(picture.shape[0] * fit) :] = PAD
    out = np.clip(x, 0, 255).astype(np.uint8)
    low, high = boxes[:, 0].copy(), boxes[:, 1].copy()
    area = np.prod(high - low, 1)
    limit = np.array([w, min(h, picture.shape[0] * fit)], np.float32)
    low, high = np.clip(low, 0, limit), np.clip(high, 0, limit)
    left = np.prod(high - low, 1)
    keep = (left > 0.3 * area) & ((high - low).min(1) > 2.5) & (left > 18)
    rows = np.concatenate([labels[:, :1], (low + high) / 2, high - low], 1)[keep]
    return out, rows.astype(np.float32)


class Batches(torch.utils.data.IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Shuffled, augmented batches; made ready in a process beside the training."""

    def __init__(self, data: list[tuple[Picture, Labels]], args: argparse.Namespace) -> None:
        self._data, self._args = data, args

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        cv2.setNumThreads(1)
        size, steps = self._args.batch, self._args.steps
        rng = np.random.default_rng(self._args.seed)
        order: list[int] = []
        for step in range(steps):
            shape = SMALL if step % 2 and step < (1 - self._args.full) * steps else SIZE
            if len(order) < size:
                order += rng.permutation(len(self._data)).tolist()
            picks, order = order[:size], order[size:]
            pairs = [augment(*self._data[i], shape, rng) for i in picks]
            targets = np.zeros((size, max(1, *(len(rows) for _, rows in pairs)), 5), np.float32)
            for k, (_, rows) in enumerate(pairs):
                targets[k, : len(rows)] = rows
            pictures = np.stack([p for p, _ in pairs]).transpose(0, 3, 1, 2)
            yield torch.from_numpy(np.ascontiguousarray(pictures)), torch.from_numpy(targets)


def network(width: float) -> Any:
    """YOLOX-nano for our classes, from random weights."""
    config = YoloxConfig.get_named_config("yolox-nano")
    if config is None:
        raise SystemExit("this yolox package knows no yolox-nano")
    config.num_classes = len(CLASSES)
    config.width = width
    model = config.get_model()
    model.head.initialize_biases(1e-2)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps, module.momentum = 1e-3, 0.03
    return model


def train(data: list[tuple[Picture, Labels]], args: argparse.Namespace) -> Any:
    """The averaged network after `args.steps` steps."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    model = network(args.width).train().to(memory_format=torch.channels_last)
    if args.start:
        model.load_state_dict(torch.load(args.start, weights_only=True))
    average = copy.deepcopy(model).eval()
    decay = [p for n, p in model.named_parameters() if p.ndim > 1]
    rest = [p for n, p in model.named_parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.02}, {"params": rest, "weight_decay": 0.0}], lr=args.lr
    )
    source = torch.utils.data.DataLoader(Batches(data, args), batch_size=None, num_workers=1, prefetch_factor=6)
    begin, seen = time.perf_counter(), []
    for step, (pictures, targets) in enumerate(source):
        rate = min(1.0, (step + 1) / 150) * (0.5 * (1 + math.cos(math.pi * step / args.steps)) * 0.98 + 0.02)
        for group in optimizer.param_groups:
            group["lr"] = args.lr * rate
        model.head.use_l1 = step > 0.8 * args.steps
        loss = model(pictures.float().contiguous(memory_format=torch.channels_last), targets)["total_loss"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 20.0)
        optimizer.step()
        keep = min(0.998, (1 + step) / (20 + step))
        with torch.no_grad():
            for a, b in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
                if a.dtype.is_floating_point:
                    a.mul_(keep).add_(b, alpha=1 - keep)
                else:
                    a.copy_(b)
        seen.append(float(loss.detach()))
        if step % 25 == 24:
            print(
                f"step {step + 1}/{args.steps} loss {np.mean(seen[-25:]):.3f} {time.perf_counter() - begin:.0f} s",
                flush=True,
            )
        if step % 250 == 249:
            export(copy.deepcopy(average), args.out.with_suffix(".part.onnx"), args)
    print(f"trained in {time.perf_counter() - begin:.0f} s")
    return average


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights stored as float16 with a cast back; runtimes fold the casts when they load the file."""
    casts, kept = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 64:
            kept.append(tensor)
            continue
        kept.append(numpy_helper.from_array(values.astype(np.float16), tensor.name + "_half"))
        casts.append(helper.make_node("Cast", [tensor.name + "_half"], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    return model


def export(model: Any, path: Path, args: argparse.Namespace) -> None:
    """ONNX with the layout of YOLOX's own export: undecoded boxes, objectness and classes through the sigmoid."""
    model.eval()
    torch.save(model.state_dict(), path.with_suffix(".pt"))
    model.head.decode_in_inference = False
    raw = path.with_suffix(".raw")
    torch.onnx.export(
        model,
        (torch.zeros(1, 3, *SIZE),),
        str(raw),
        input_names=["images"],
        output_names=["output"],
        opset_version=17,
        dynamo=False,
    )
    graph = halved(onnx.load(str(raw)))
    raw.unlink()
    facts = {
        "names": json.dumps(dict(enumerate(CLASSES))),
        "family": "yolox",
        "license": "Apache-2.0",
        "trained_by": "Sightline, tools/train_demo_detector.py, rendered scenes only",
        "seed": str(args.seed),
        "steps": str(args.steps),
    }
    for key, value in facts.items():
        entry = graph.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(graph)
    onnx.save(graph, str(path))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--start", type=Path, help="go on from the .pt file that an earlier run left")
    parser.add_argument(
        "--full", type=float, default=0.3, help="share of the steps, at the end, at full input size only"
    )
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    data = [pair for folder in args.data for pair in load(folder)]
    print(f"{len(data)} pictures, {sum(len(rows) for _, rows in data)} boxes")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    export(train(data, args), args.out, args)
    print(f"{args.out}: {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
