"""The report of a run as one HTML page: `write_report(out)` reads what the run has left in `out`.

The page needs no network and nothing beside it. The same run gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from edge_agent.inspect import verdicts
from edge_agent.inspect.assets import digest
from edge_agent.inspect.pictures import pixels_of
from edge_agent.inspect.runner import HEAT_UNIT, counts
from edge_agent.inspect.verdicts import HEAT, PICTURES, Line, Run
from edge_agent.report.media import Picture, picture
from edge_agent.snapshot import encode_jpeg
from vision.frame import Pixels
from vision.inspect.spc.pareto import Cause, pareto

_SHOWN = 300  # cards with pictures; more would make a page that no browser likes
_WIDE, _MANY_WIDE, _MANY = 900, 520, 60
_JPEG = 84
_LOW, _HIGH = 0.05, 200.0  # scores in units of the threshold that the chart reaches


@dataclass(frozen=True, slots=True)
class Mark:
    """A box on a picture, in its pixels as displayed, and what it is."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class Card:
    """One part that did not pass."""

    number: int
    name: str
    entry: Line
    kinds: tuple[str, ...]
    picture: Picture | None
    heat: str | None
    marks: tuple[Mark, ...]
    native: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Dot:
    """One part in the chart, in percent of its width and height."""

    number: int
    x: float
    y: float
    kind: str
    title: str
    card: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the chart."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the template lays out."""

    run: Run
    counts: dict[str, int]
    total: int
    rate: str
    median_ms: float
    p95_ms: float
    pareto: tuple[Cause, ...]
    dots: tuple[Dot, ...]
    ticks: tuple[Tick, ...]
    cards: tuple[Card, ...]
    undecided: tuple[Card, ...]
    more: int
    rows: tuple[tuple[int, str, Line], ...]


def write_report(out: Path) -> Path:
    """Write `report.html` into the folder of a run and return its path. Raises InputError where there is no run."""
    run, told = Run.read(out), list(verdicts.lines(out))
    path = out / "report.html"
    path.write_text(rendered("report.html.j2", build(run, told, out), ("inspect.css",), "report.js"), encoding="utf-8")
    return path


def rendered(template: str, page: object, styles: Sequence[str], script: str | None = None) -> str:
    """A page of this package's templates, self-contained; names are those of files in `templates`."""
    environment = Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        optimized=False,
    )
    shared = resources.files("edge_agent.report").joinpath("assets/report.css").read_text(encoding="utf-8")
    code = _asset(script) if script is not None else ""
    return environment.get_template(template).render(
        page=page,
        # all are files of this program, not input
        style=Markup(shared + "".join(_asset(name) for name in styles)),  # noqa: S704
        script=Markup(code),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii"),
    )


def _asset(name: str) -> str:
    return resources.files("edge_agent.inspect").joinpath(f"templates/{name}").read_text(encoding="utf-8")


def build(run: Run, told: Sequence[Line], out: Path) -> Page:
    """The page's content; pictures are read from below `out`, or from where they were."""
    numbered = list(enumerate(told))
    wrong = [pair for pair in numbered if pair[1]["verdict"] != "pass"]
    shown = sorted(wrong, key=lambda pair: pair[1]["verdict"] != "reject")[:_SHOWN]
    wide = _WIDE if len(shown) <= _MANY else _MANY_WIDE
    cards = [_card(number, entry, out, wide) for number, entry in sorted(shown, key=lambda pair: pair[0])]
    times = sorted(float(entry["ms"]) for entry in told) or [0.0]
    found = counts(told)
    ticks, dots = _chart(numbered, {card.number for card in cards})
    return Page(
        run=run,
        counts=found,
        total=len(told),
        rate=f"{found['pass'] / len(told):.1%}" if told else "–",
        median_ms=times[len(times) // 2],
        p95_ms=times[min(len(times) - 1, int(0.95 * len(times)))],
        pareto=_pareto(entry for entry in told if entry["verdict"] == "reject"),
        dots=dots,
        ticks=ticks,
        cards=tuple(card for card in cards if card.entry["verdict"] == "reject"),
        undecided=tuple(card for card in cards if card.entry["verdict"] != "reject"),
        more=len(wrong) - len(shown),
        rows=tuple((number, Path(entry["file"]).name, entry) for number, entry in numbered),
    )


def kinds_of(entry: Line) -> tuple[str, ...]:
    """What a part was rejected for: the kinds of its defects, or the checks that rejected it without any."""
    found = [str(finding["kind"]) for finding in entry["findings"]]
    if not found:
        found = [str(check["check"]) for check in entry["checks"] if check["outcome"] == "reject"]
    return tuple(dict.fromkeys(found))


def _pareto(rejected: Iterable[Line]) -> tuple[Cause, ...]:
    return pareto(kind for entry in rejected for kind in kinds_of(entry))


def _chart(numbered: Sequence[tuple[int, Line]], cards: set[int]) -> tuple[tuple[Tick, ...], tuple[Dot, ...]]:
    """Every part's score in units of its threshold, in their order; the axis is logarithmic."""
    levels = [(n, entry, _severity(entry)) for n, entry in numbered]
    known = [level for _, _, level in levels if level is not None]
    if not known:
        return (), ()
    low = max(_LOW, 10 ** math.floor(math.log10(max(_LOW, min([*known, 0.5])))))
    high = min(_HIGH, max(2.0, max(known) * 1.3))

    def height(level: float) -> float:
        share = math.log(min(high, max(low, level)) / low) / math.log(high / low)
        return round(100 - 100 * share, 2)

    ticks = tuple(Tick(height(v), f"{v:g}×") for v in (0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0) if low <= v <= high)
    dots = []
    for position, (number, entry, level) in enumerate(levels):
        if level is None:
            continue
        x = round(100 * (position + 0.5) / len(levels), 3)
        title = f"{Path(entry['file']).name}: {entry['verdict']}, {level:.2f} of the threshold"
        dots.append(Dot(number, x, height(level), str(entry["verdict"]), title, number in cards))
    return ticks, tuple(dots)


def _severity(entry: Line) -> float | None:
    score, threshold = entry["score"], entry["threshold"]
    if score is None or threshold is None:
        return None
    return float(score) / float(threshold) if threshold > 0 else (2.0 if score > threshold else _LOW)


def _card(number: int, entry: Line, out: Path, wide: int) -> Card:
    pixels = _pixels(entry, out)
    name = Path(entry["file"]).name
    kinds = kinds_of(entry) if entry["verdict"] == "reject" else ()
    if pixels is None:
        return Card(number, name, entry, kinds, None, None, (), (0, 0))
    height, width = pixels.shape[:2]
    shot = picture(encode_jpeg(pixels, _JPEG), wide)
    marks = tuple(
        Mark(box[0], box[1], box[2] - box[0], box[3] - box[1], finding["kind"])
        for box, finding in zip(entry["boxes"], entry["findings"], strict=True)
    )
    return Card(number, name, entry, kinds, shot, _heat(entry, out, wide), marks, (width, height))


def _pixels(entry: Line, out: Path) -> Pixels | None:
    for path in (out / PICTURES / entry["picture"], Path(entry["file"])):
        try:
            data = path.read_bytes()
        except OSError:
            continue
        if digest(data) == entry["picture"]:
            pixels = pixels_of(data)
            return None if isinstance(pixels, str) else pixels
    return None


def _heat(entry: Line, out: Path, wide: int) -> str | None:
    """The heat map in colours, clear where nothing is, as a data URI."""
    if entry.get("heat") is None:
        return None
    levels = cv2.imread(str(out / HEAT / f"{entry['heat']}.png"), cv2.IMREAD_GRAYSCALE)
    if levels is None:
        return None
    height, width = levels.shape
    side = min(wide, 480)
    if width > side:
        levels = cv2.resize(levels, (side, max(1, round(height * side / width))), interpolation=cv2.INTER_AREA)
    strength = np.clip(np.asarray(levels, np.float32) / (2 * HEAT_UNIT), 0, 1)
    colours = cv2.applyColorMap((strength * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    opaque = (np.clip(strength * 1.6, 0, 1) * 225).astype(np.uint8)
    done, data = cv2.imencode(".webp", np.dstack([colours, opaque]), [cv2.IMWRITE_WEBP_QUALITY, 70])
    return "data:image/webp;base64," + base64.b64encode(data.tobytes()).decode("ascii") if done else None
