"""Curves over time as a small SVG: one panel above the other, marks for what happened below. Used by `benchmarks.soak`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, LEFT, RIGHT, TOP = 960, 60, 16, 34
PANEL, GAP, FOOT = 130, 34, 130
INK, FAINT, LINE, MARK = "#333", "#ddd", "#1668b8", "#c0392b"


@dataclass(frozen=True, slots=True)
class Panel:
    """One curve; its scale begins at zero, so that flat looks flat."""

    title: str
    values: Sequence[float]


def plot(
    out: Path, title: str, minutes: Sequence[float], panels: Sequence[Panel], marks: Sequence[tuple[float, str]]
) -> None:
    """Write the picture. `marks`: (minute, what happened)."""
    height = TOP + len(panels) * (PANEL + GAP) + FOOT
    end = max(1.0, minutes[-1])

    def x(minute: float) -> float:
        return LEFT + minute / end * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="16" font-size="14" fill="{INK}">{escape(title)}</text>',
    ]
    bottom = TOP + len(panels) * (PANEL + GAP) - GAP + 8
    for minute, _ in marks:
        parts.append(f'<path d="M{x(minute):.1f} {TOP}V{bottom}" stroke="{MARK}" stroke-opacity=".15"/>')
    for number, panel in enumerate(panels):
        parts += _panel(panel, TOP + number * (PANEL + GAP), [x(minute) for minute in minutes])
    parts += _axis(end, bottom, x)
    for minute, what in marks:
        left, low = f"{x(minute) + 3:.1f}", f"{bottom + 22}"
        parts.append(
            f'<text x="{left}" y="{low}" transform="rotate(90 {left},{low})" font-size="9" '
            f'fill="{MARK}">{escape(what)}</text>'
        )
    out.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def _panel(panel: Panel, top: float, xs: Sequence[float]) -> list[str]:
    step = _step(max(panel.values, default=1.0))
    ceiling = step * max(1, math.ceil(max(panel.values, default=1.0) / step))
    parts = [f'<text x="{LEFT}" y="{top - 4}" fill="{INK}">{escape(panel.title)}</text>']
    for number in range(round(ceiling / step) + 1):
        y = top + PANEL * (1 - number * step / ceiling)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{FAINT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="{INK}">{number * step:g}</text>')
    dots = " ".join(
        f"{x:.1f},{top + PANEL * (1 - value / ceiling):.1f}" for x, value in zip(xs, panel.values, strict=True)
    )
    return [*parts, f'<polyline points="{dots}" fill="none" stroke="{LINE}" stroke-width="1.2"/>']


def _axis(end: float, y: float, x: Callable[[float], float]) -> list[str]:
    step = _step(end)
    return [
        f'<text x="{x(number * step):.1f}" y="{y + 10}" text-anchor="middle" fill="{INK}">{number * step:g} min</text>'
        for number in range(int(end / step) + 1)
    ]


def _step(highest: float) -> float:
    """1, 2 or 5 times a power of ten, about four steps to the highest value."""
    raw = max(highest, 1e-9) / 4
    power = 10 ** math.floor(math.log10(raw))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw))
