"""The report of an inspection in a real browser: nothing in the console, filter by reason, heat map, phone width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_agent.inspect.report import write_report
from edge_agent.inspect.runner import Job, run
from tests.peers.browser import quiet_page, until
from tests.vision.inspect.drawn import board, encoded
from vision.inspect.recipe import Recipe

GOOD = board(3)


def write(folder: Path) -> Path:
    faults = {"1": [], "2": [(150, 150)], "3": [(60, 250), (150, 150)], "4": None}
    for name, places in faults.items():
        picture = board(9) if places is None else GOOD.copy()
        for at in places or []:
            cv2.circle(picture, at, 7, (0, 0, 0), -1)
        (folder / f"{name}.png").write_bytes(encoded(np.asarray(picture, np.uint8)))
    (folder / "good.png").write_bytes(encoded(GOOD))
    recipe = Recipe.model_validate(
        {"name": "board " + "x" * 60, "reference": "good.png", "checks": [{"type": "golden"}]}
    )
    files = tuple(folder / f"{name}.png" for name in faults)
    run(Job(recipe, folder, files, folder / "out"))
    return write_report(folder / "out")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("inspection"))


@pytest.fixture
def page(browser: Any, path: Path) -> Iterator[Any]:
    with quiet_page(browser, path.as_uri()) as opened:
        yield opened


def test_parts_with_boxes_and_heat(page: Any) -> None:
    assert page.locator(".tile.reject .figure").inner_text() == "2"
    assert page.locator("#p-1 svg g").count() == 1
    assert page.locator("#p-2 svg g").count() == 2
    heat = page.locator("#p-1 .heat")
    assert heat.evaluate("node => getComputedStyle(node).opacity") == "0"
    page.click("#p-1 .of-heat")
    until(page, "getComputedStyle(document.querySelector('#p-1 .heat')).opacity === '1'")
    page.click("#p-1 .of-boxes")
    until(page, "getComputedStyle(document.querySelector('#p-1 svg')).opacity === '0'")
    assert "not found in the picture" in page.locator("#p-3").inner_text()
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")


def test_a_reason_chooses_its_parts(page: Any) -> None:
    rows = page.locator(".pareto tr.choice")
    rows.first.locator("button").click()
    kind = rows.first.get_attribute("data-kind")
    wanted = page.locator(f".chip:text-is('{kind}')").count()
    until(page, f"document.querySelectorAll('.card[data-kinds]:not([hidden])').length === {wanted}")
    assert kind in page.locator("#shown").inner_text()
    rows.first.locator("button").click()
    until(page, "document.querySelectorAll('.card[data-kinds]:not([hidden])').length === 2")


def test_a_dot_leads_to_its_part_and_pictures_grow(page: Any) -> None:
    page.locator(".scores a.dot").first.click()
    until(page, "document.querySelector('.card.lit') !== null")
    page.locator("#p-1 .stack").click()
    assert page.locator("#large .stack img.base").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#large").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_has_no_sideways_scroll(browser: Any, path: Path, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page = context.new_page()
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    context.close()
