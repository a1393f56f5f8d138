"""A recipe at work: from a picture of a part to its views, to its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from vision.errors import InputError, SightlineError
from vision.frame import Pixels
from vision.inspect.calibration import Calibration
from vision.inspect.check import Assets, Check, check_types
from vision.inspect.locate import Locator, part_mask, solid_part
from vision.inspect.part import IDENTITY, Affine, Mask, View
from vision.inspect.recipe import Recipe, Region
from vision.inspect.register import whole
from vision.inspect.result import CheckResult, Verdict, combine

_PAD = 0.04  # of a part's longer side: so much table is kept around it
_UNSEEN = 0.15  # of a reference that fills its picture, so much may move out of it
_UNSEEN_PART = 0.01  # of a part on a table
_SMALLEST = 16  # pixels of a picture's side


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """The views of a part, one for each region of the recipe; or the reason why there is none."""

    views: tuple[View, ...] = ()
    reason: str | None = None
    likeness: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """A verdict with what it was made from."""

    verdict: Verdict
    prepared: Prepared


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """The reference's part of its picture: a rectangle, its pixels, and what of them is part."""

    image: Pixels
    mask: Mask | None
    others: tuple[Pixels, ...] = field(default=())


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A part brought to its reference: pixels, what is part, what the picture shows at all, the way back."""

    image: Pixels
    mask: Mask
    seen: Mask
    place: Affine
    picture: tuple[int, ...]


def decoded(data: bytes, name: str) -> Pixels:
    """A picture file's pixels, BGR. Raises InputError where it cannot be decoded."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise InputError(f"{name}: is no picture that can be decoded; copy it again")
    return np.asarray(image, np.uint8)


class Preparer:
    """Finds the part in a picture and cuts the recipe's regions out of it, brought to where the reference has them."""

    def __init__(self, recipe: Recipe, assets: Assets) -> None:
        """Read what the recipe names. Raises InputError where a file is missing or of no use."""
        self.recipe = recipe
        self._calibration = Calibration.parse(assets.read(recipe.calibration)) if recipe.calibration else None
        self._frame, self._locator = self._reference(assets)

    def _reference(self, assets: Assets) -> tuple[_Frame | None, Locator | None]:
        names = self.recipe.references
        if not names:
            return None, None
        pictures = [decoded(assets.read(name), name) for name in names]
        mask = self._part(pictures[0])
        if mask is None and self.recipe.locate.find == "part":
            raise InputError(
                f"{names[0]}: shows no part lying free on an even table; take another, or locate: find: whole"
            )
        rectangle = _rectangle(mask, pictures[0])
        image, cut = _cut(pictures[0], rectangle), None if mask is None else _cut(mask, rectangle)
        settings = self.recipe.locate
        locator = Locator(image, cut, turn=settings.turn, motion=settings.motion, min_likeness=settings.min_likeness)
        if locator.blind:
            raise InputError(f"{names[0]}: has no edges to bring other pictures to; take a picture that shows the part")
        others = tuple(self._other(name, p, locator, image) for name, p in zip(names[1:], pictures[1:], strict=True))
        return _Frame(image, cut, others), locator

    def _other(self, name: str, picture: Pixels, locator: Locator, image: Pixels) -> Pixels:
        place = locator.find(picture)
        if place.likeness < locator.min_likeness:
            raise InputError(
                f"{name}: is not like {self.recipe.references[0]} (likeness {place.likeness:.2f}); leave it out of reference"
            )
        return _brought(picture, place.matrix, image.shape)[0]

    def prepare(self, picture: Pixels, order: Mapping[str, str] | None = None) -> Prepared:
        """The views of the part in a picture (BGR uint8 [height, width, 3])."""
        order = order or {}
        if picture.ndim != 3 or min(picture.shape[:2]) < _SMALLEST:
            return Prepared(reason=f"the picture is too small: {picture.shape[1]} x {picture.shape[0]} pixels")
        if self._frame is None or self._locator is None:
            return self._alone(picture, order)
        place = self._locator.find(picture)
        if place.likeness < self._locator.min_likeness:
            return Prepared(
                reason="the part was not found in the picture, or it is another one: likeness to the reference "
                f"{place.likeness:.2f}, at least {self._locator.min_likeness:.2f} is needed",
                likeness=place.likeness,
            )
        shape = self._frame.image.shape
        image, there = _brought(picture, place.matrix, shape)
        mask = there if self._frame.mask is None else cv2.bitwise_and(there, self._frame.mask)
        gone = _missing(there, self._frame.mask)
        if gone > (_UNSEEN if self._frame.mask is None else _UNSEEN_PART):
            reason = f"the part reaches out of the picture: {gone:.0%} of it cannot be seen"
            return Prepared(reason=reason, likeness=place.likeness)
        part = _Part(image, np.asarray(mask, np.uint8), there, place.matrix, picture.shape)
        return Prepared(self._views(part, order), likeness=place.likeness)

    def _part(self, picture: Pixels) -> Mask | None:
        """What of a picture is the part, as far as the recipe wants to know; None: all of it."""
        return {"whole": lambda _: None, "part": part_mask, "auto": solid_part}[self.recipe.locate.find](picture)

    def _alone(self, picture: Pixels, order: Mapping[str, str]) -> Prepared:
        """Without a reference: the part cut out where it lies, or the picture as it is."""
        mask = self._part(picture)
        if mask is None and self.recipe.locate.find == "part":
            return Prepared(reason="no part lies free on an even table in the picture")
        x, y, w, h = _rectangle(mask, picture)
        place = IDENTITY.copy()
        place[:, 2] = x, y
        cut = np.full((h, w), 255, np.uint8) if mask is None else _cut(mask, (x, y, w, h))
        part = _Part(_cut(picture, (x, y, w, h)), cut, np.full((h, w), 255, np.uint8), place, picture.shape)
        return Prepared(self._views(part, order))

    def _views(self, part: _Part, order: Mapping[str, str]) -> tuple[View, ...]:
        return tuple(self._view(region, part, order) for region in self.recipe.regions)

    def _view(self, region: Region, part: _Part, order: Mapping[str, str]) -> View:
        height, width = part.image.shape[:2]
        x1, y1, x2, y2 = region.bounds
        left, top = int(np.floor(x1 * width)), int(np.floor(y1 * height))
        rectangle = (left, top, max(1, round(x2 * width) - left), max(1, round(y2 * height) - top))
        judged = _cut(_judged(region, part.mask), rectangle)
        shift = IDENTITY.copy()
        shift[:, 2] = left, top
        to_native: Affine = np.asarray((whole(part.place) @ whole(shift))[:2])
        scale = float(np.sqrt(abs(np.linalg.det(to_native[:, :2]))))
        frame, seen = self._frame, _cut(part.seen, rectangle)
        centre = to_native[:, :2] @ np.array([rectangle[2] / 2, rectangle[3] / 2]) + to_native[:, 2]
        calibration = self._calibration if self._calibration and self._calibration.fits(part.picture) else None
        return View(
            image=_cut(part.image, rectangle),
            mask=_or_none(judged),
            mm_per_px=None if calibration is None else calibration.mm_per_px(centre) * scale,
            order=order,
            region=region.name,
            reference=None if frame is None else _cut(frame.image, rectangle),
            to_native=to_native,
            others=() if frame is None else tuple(_cut(other, rectangle) for other in frame.others),
            span=float(max(width, height)),
            seen=_or_none(seen),
            calibration=calibration,
        )


class Inspector:
    """Looks at pictures of parts and says which are good. The same picture gives the same verdict."""

    def __init__(self, recipe: Recipe, assets: Assets) -> None:
        """Make the recipe's checks. Raises InputError or ModelError where a file that they name cannot be used."""
        self.recipe = recipe
        self.preparer = Preparer(recipe, assets)
        kinds = check_types()
        self._checks: tuple[tuple[Check[Any], ...], ...] = tuple(
            tuple(kinds[params.type](params, assets) for params in region.checks) for region in recipe.regions
        )

    def inspect(self, picture: Pixels, order: Mapping[str, str] | None = None) -> Inspection:
        """The verdict on the part in a picture (BGR uint8); `order` says what is expected of this very part."""
        prepared = self.preparer.prepare(picture, order)
        if prepared.reason is not None:
            return Inspection(combine([CheckResult.undecided("locate", prepared.reason)]), prepared)
        results = [
            _looked(check, view) for view, checks in zip(prepared.views, self._checks, strict=True) for check in checks
        ]
        return Inspection(combine(results), prepared)


def _looked(check: Check[Any], view: View) -> CheckResult:
    """What the check says; one that fails has not decided, and does not keep the others from looking."""
    try:
        return check.look(view)
    except (SightlineError, cv2.error) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        title = check.params.title
        return CheckResult.undecided(title, f"{title} could not look at the part: {first}", view.region)


def _or_none(mask: Mask) -> Mask | None:
    """The mask, None where it says nothing."""
    return None if bool((mask == 255).all()) else mask


def _rectangle(mask: Mask | None, picture: Pixels) -> tuple[int, int, int, int]:
    """The part's box with a little of the table; the whole picture where nothing is known: x, y, width, height."""
    height, width = picture.shape[:2]
    if mask is None:
        return 0, 0, width, height
    x, y, w, h = cv2.boundingRect(mask)
    pad = round(_PAD * max(w, h))
    x1, y1 = max(0, x - pad), max(0, y - pad)
    return x1, y1, min(width, x + w + pad) - x1, min(height, y + h + pad) - y1


def _cut(image: Pixels, rectangle: tuple[int, int, int, int]) -> Pixels:
    x, y, w, h = rectangle
    return np.ascontiguousarray(image[y : y + h, x : x + w])


def _brought(picture: Pixels, matrix: Affine, shape: tuple[int, ...]) -> tuple[Pixels, Mask]:
    """The picture's pixels where the reference has its own, and which of them the picture has at all."""
    size = (shape[1], shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    image = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    full = np.full(picture.shape[:2], 255, np.uint8)
    there = cv2.warpAffine(full, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(image, np.uint8), np.where(np.asarray(there) == 255, 255, 0).astype(np.uint8)


def _missing(there: Mask, mask: Mask | None) -> float:
    """The share 0..1 of the part that lies outside of the picture."""
    part = np.ones(there.shape, bool) if mask is None else mask > 0
    return float(np.count_nonzero(part & (there == 0))) / max(1, int(np.count_nonzero(part)))


def _judged(region: Region, mask: Mask) -> Mask:
    """What of the part the region's polygons leave to judge."""
    height, width = mask.shape
    done = mask
    if region.outline is not None:
        inside = np.zeros_like(mask)
        cv2.fillPoly(inside, [_corners(region.outline, width, height)], 255)
        done = np.asarray(cv2.bitwise_and(done, inside), np.uint8)
    if region.ignore:
        done = done.copy()
        cv2.fillPoly(done, [_corners(polygon, width, height) for polygon in region.ignore], 0)
    return done


def _corners(polygon: tuple[tuple[float, float], ...], width: int, height: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.rint(np.array(polygon) * (width, height)).astype(np.int32)
