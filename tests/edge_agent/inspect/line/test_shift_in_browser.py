"""The shift report in a real browser (Chromium): silent console, no network, phone width, both schemes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_agent.inspect.line import page, records
from edge_agent.inspect.line.shift import Settings, Shift, analysed
from tests.edge_agent.inspect.line.test_shift import RECIPE, troubled
from tests.edge_agent.inspect.line.written import entry, written

FEW = [{**entry(1, verdict="no_decision"), "reasons": ["x" * 300]}, entry(2, score=1.4, kind="a" * 80)]


def shift(folder: Path, rows: list[dict[str, Any]]) -> Shift:
    return analysed(records.read(written(folder, rows)), Settings(), recipe=RECIPE)


@pytest.mark.parametrize("rows", ["troubled", "few"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_fits_and_says_nothing(browser: Any, tmp_path: Path, rows: str, scheme: str, width: int) -> None:
    path = page.write_shift(shift(tmp_path / "run", troubled() if rows == "troubled" else FEW), tmp_path / "out")
    said: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    opened = context.new_page()
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
    opened.goto(path.as_uri())
    opened.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    assert opened.evaluate("document.documentElement.scrollWidth") == width
    assert opened.locator("h1").inner_text() == "Shift report: plate"
    context.close()
    assert said == []


def test_marks_lie_on_their_points(browser: Any, tmp_path: Path) -> None:
    """A ring's centre is where the line has its point: words and marks keep their place at any width."""
    found = shift(tmp_path / "run", troubled())
    path = page.write_shift(found, tmp_path / "out")
    opened = browser.new_page(viewport={"width": 700, "height": 800})
    opened.goto(path.as_uri())
    plot = opened.locator(".plot").first
    box, ring = plot.bounding_box(), plot.locator(".hit").last.bounding_box()
    chart = found.rejects.chart  # type: ignore[union-attr]
    index = chart.out[-1]
    across = (ring["x"] + ring["width"] / 2 - box["x"]) / box["width"]
    assert across == pytest.approx((index + 0.5) / len(chart.values), abs=0.01)
    ends = opened.evaluate(
        """() => { const path = document.querySelector('.plot .line');
        const point = path.getPointAtLength(path.getTotalLength());
        const at = new DOMPoint(point.x, point.y).matrixTransform(path.getScreenCTM()); return [at.x, at.y + scrollY]; }"""
    )
    assert index == len(chart.values) - 1
    assert ends == pytest.approx([ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2], abs=2)
    opened.close()
