"""Where in a picture the part lies: roughly, for `vision.inspect.register` to refine.

The reference, small and turned step by step, is slid over the small picture; the best places are the candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vision.frame import Pixels
from vision.inspect.part import Affine, Mask
from vision.inspect.register import Aligner, Grey, Motion, grey, likeness, scaled

_SIDE = 80  # pixels of the reference's longer side while searching
_STEP = 5.0  # degrees from one turn that is tried to the next
_KEPT = 3  # candidates that are refined
_CORE = 0.8  # of a reference that fills its picture, the middle that must be seen
_BORDER = 0.04  # of a picture's side: the rim that shows the table, if anything does
_BILEVEL = 0.9  # share of black and white pixels from which a picture is no photograph
_SOLID = 0.75  # share of its convex hull that a solid part fills
_CLEAR = 0.8  # likeness of a first, rough fit that settles which candidate it is
_SURE = 0.9  # likeness at which the other candidates need not be looked at


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where the reference lies in a picture: its matrix, and how alike the two are there (-1..1)."""

    matrix: Affine
    likeness: float


class Locator:
    """Finds one reference in pictures; its own side of the work is done once."""

    def __init__(
        self, reference: Pixels, mask: Mask | None, *, turn: float, motion: Motion, min_likeness: float
    ) -> None:
        """`turn`: degrees by which a part may be turned either way. `mask`: what of the reference is the part."""
        self._grey, self._mask = grey(reference), mask
        self._aligner = Aligner(reference, mask, motion)
        self._scale = min(1.0, _SIDE / max(reference.shape[:2]))
        self._small = _resized(self._grey, self._scale)
        self._angles = _angles(turn)
        self.min_likeness = min_likeness

    @property
    def blind(self) -> bool:
        """The reference has no edges, so it can be found nowhere."""
        return self._aligner.blind

    def find(self, picture: Pixels) -> Placement:
        """The best place of the reference in the picture; whether it is good enough is for the caller to say."""
        seen = grey(picture)
        candidates = self._near(seen)
        best = self._best(seen, candidates)
        if best.likeness < _SURE:
            found = self._best(seen, self._search(seen))
            best = found if found.likeness > best.likeness else best
        return best

    def _near(self, seen: Grey) -> list[Affine]:
        """Where a camera that stands still shows the same part: the whole on the whole."""
        height, width = self._grey.shape
        fits = abs(np.log(seen.shape[1] / width * height / seen.shape[0])) < 0.03
        if not fits or self._mask is not None:
            return []
        ratio = seen.shape[1] / width
        return [scaled(np.eye(2, 3), 1.0, ratio)]

    def _best(self, seen: Grey, candidates: list[Affine]) -> Placement:
        best = Placement(np.eye(2, 3), 0.0)
        for start in candidates:
            rough = self._aligner.refine(seen, start, finest=0.55 * self._scale * 2)
            alike = likeness(self._grey, seen, rough, self._mask, side=160)
            if alike > best.likeness:
                best = Placement(rough, alike)
            if alike > _CLEAR:
                break
        if best.likeness <= 0:
            return best
        fine = self._aligner.refine(seen, best.matrix)
        return Placement(fine, likeness(self._grey, seen, fine, self._mask))

    def _search(self, seen: Grey) -> list[Affine]:
        small = _resized(seen, self._scale)
        found: list[tuple[float, float, int, int, tuple[float, float]]] = []
        for angle in self._angles:
            patch, offset = _turned(self._small, angle, framed=self._mask is None)
            wide, low = (max(0, p - s) for p, s in zip(patch.shape[::-1], small.shape[::-1], strict=True))
            room = cv2.copyMakeBorder(small, low, low, wide, wide, cv2.BORDER_REPLICATE) if wide or low else small
            score = cv2.matchTemplate(np.asarray(room, np.float32), patch, cv2.TM_CCOEFF_NORMED)
            _, value, _, (x, y) = cv2.minMaxLoc(score)
            found.append((value, angle, x - wide, y - low, offset))
        found.sort(key=lambda entry: (-entry[0], entry[1]))
        return [self._start(*entry[1:]) for entry in found[:_KEPT]]

    def _start(self, angle: float, x: int, y: int, offset: tuple[float, float]) -> Affine:
        """The matrix of a turned reference whose patch lies at (x, y) of the small picture."""
        matrix = _turn(self._small, angle)
        matrix[:, 2] += (x - offset[0], y - offset[1])
        return scaled(matrix, 1 / self._scale, 1 / self._scale)


def _resized(image: Grey, scale: float) -> Grey:
    if scale < 1:
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    return image


def _angles(turn: float) -> tuple[float, ...]:
    """The turns to try, the smaller ones first."""
    if turn >= 180:
        return tuple(sorted(np.arange(-180, 180, _STEP).tolist(), key=abs))
    steps = int(np.ceil(turn / _STEP))
    return tuple(sorted((turn * k / max(1, steps) for k in range(-steps, steps + 1)), key=abs))


def _turn(small: Grey, angle: float) -> Affine:
    height, width = small.shape
    return np.asarray(cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0), np.float64)


def _turned(small: Grey, angle: float, *, framed: bool) -> tuple[Grey, tuple[float, float]]:
    """The reference turned in its own frame, and where in it the patch to look for begins."""
    height, width = small.shape
    turned = cv2.warpAffine(small, _turn(small, angle), (width, height), borderMode=cv2.BORDER_REPLICATE)
    share = 1.0
    if framed:  # its rim leaves the picture when the part moves, and its corners are made up when it turns
        share = _CORE - 0.4 * float(np.sin(np.radians(min(abs(angle) % 90, 90 - abs(angle) % 90))))
    x, y = int(width * (1 - share) / 2), int(height * (1 - share) / 2)
    return np.asarray(turned[y : height - y, x : width - x], np.float32), (float(x), float(y))


def part_mask(picture: Pixels) -> Mask | None:
    """What of a picture is the part, where it lies free on an even table: 255 there; None where no table is to be seen.

    The rim of the picture is taken for the table, whatever is unlike it for the part. Its shadow belongs to the table
    as long as it has the table's colour.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, 320 / max(height, width))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    lab = np.asarray(cv2.cvtColor(cv2.GaussianBlur(small, (0, 0), 1.5), cv2.COLOR_BGR2LAB), np.float32)
    deep = max(2, round(_BORDER * min(lab.shape[:2])))
    rim = np.ones(lab.shape[:2], bool)
    rim[deep:-deep, deep:-deep] = False
    table = np.median(lab[rim], axis=0)
    spread = 1.4826 * np.median(np.abs(lab[rim] - table), axis=0) + 1.5
    far = np.abs(lab - table) / spread
    far = np.maximum(far[..., 1:].max(axis=2), 0.6 * far[..., 0])  # colour tells a part from its shadow
    if float(np.percentile(far[rim], 97)) > 6:  # the rim shows more than a table
        return None
    level, _ = cv2.threshold(np.clip(far * 8, 0, 255).astype(np.uint8), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    unlike = (far > max(5.0, level / 8 * 0.6)).astype(np.uint8)
    unlike = np.asarray(cv2.morphologyEx(unlike, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    return _largest(unlike, (width, height))


def solid_part(picture: Pixels) -> Mask | None:
    """As `part_mask`, where there can be no doubt that it is one solid part: no print, nothing that lies in pieces."""
    grey_levels = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    if float(np.mean((grey_levels < 8) | (grey_levels > 247))) > _BILEVEL:
        return None  # a scan of black and white: its paper belongs to it
    mask = part_mask(picture)
    if mask is None:
        return None
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = max(outlines, key=cv2.contourArea)
    hull = cv2.contourArea(cv2.convexHull(outline))
    return mask if cv2.contourArea(outline) > _SOLID * hull else None


def _largest(bits: Mask, size: tuple[int, int]) -> Mask | None:
    """The largest piece with its holes filled, at the picture's own size."""
    outlines, _ = cv2.findContours(bits, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return None
    outline = max(outlines, key=cv2.contourArea)
    share = cv2.contourArea(outline) / bits.size
    x, y, w, h = cv2.boundingRect(outline)
    if not 0.02 < share < 0.9 or x == 0 or y == 0 or x + w == bits.shape[1] or y + h == bits.shape[0]:
        return None
    mask = np.zeros_like(bits)
    cv2.drawContours(mask, [outline], -1, 255, -1)
    return np.where(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR) > 127, 255, 0).astype(np.uint8)
