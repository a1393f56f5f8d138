"""Fitting a picture of any size into a network's input without changing its proportions, and boxes back again."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Pixels
from vision.geometry import Boxes


@dataclass(frozen=True, slots=True)
class InputStyle:
    """How a family wants its pixels: `mean` and `std` are per channel, in the order the network takes."""

    rgb: bool
    centred: bool
    pad: int = 114
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Fit:
    """Where the picture came to lie in the network's input: `x_net = x * scale + left`."""

    scale: float
    left: int
    top: int
    width: int
    height: int

    def back(self, boxes: Boxes) -> Boxes:
        """Boxes [N, 4] of the network's input in pixels of the picture, clipped to it."""
        out = (boxes - np.array([self.left, self.top, self.left, self.top], np.float32)) / np.float32(self.scale)
        limit = np.array([self.width, self.height, self.width, self.height], np.float32)
        clipped: Boxes = np.clip(out, 0, limit)
        return clipped


def fit_into(width: int, height: int, net_width: int, net_height: int, *, centred: bool) -> Fit:
    """The largest placement of a picture of `width` x `height` in an input of `net_width` x `net_height`."""
    scale = min(net_width / width, net_height / height)
    w, h = round(width * scale), round(height * scale)
    left, top = ((net_width - w) // 2, (net_height - h) // 2) if centred else (0, 0)
    return Fit(scale, left, top, width, height)


def letterbox(image: Pixels, net_width: int, net_height: int, style: InputStyle) -> tuple[npt.NDArray[np.float32], Fit]:
    """The network's input, float32 [1, 3, net_height, net_width], and where the picture lies in it."""
    height, width = image.shape[:2]
    fit = fit_into(width, height, net_width, net_height, centred=style.centred)
    w, h = round(width * fit.scale), round(height * fit.scale)
    if (w, h) != (width, height):
        image = np.asarray(cv2.resize(image, (w, h), interpolation=cv2.INTER_LINEAR), np.uint8)
    blob = np.empty((1, 3, net_height, net_width), np.float32)
    for channel in range(3):
        mean, std = style.mean[channel], style.std[channel]
        plane = blob[0, channel]
        if (h, w) != (net_height, net_width):
            plane[...] = (style.pad - mean) / std
        part = plane[fit.top : fit.top + h, fit.left : fit.left + w]
        part[...] = cv2.extractChannel(image, 2 - channel if style.rgb else channel)
        if mean:
            part -= np.float32(mean)
        if std != 1:
            part *= np.float32(1 / std)
    return blob, fit
