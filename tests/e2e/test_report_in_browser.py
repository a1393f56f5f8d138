"""The report in a real browser (Chromium): nothing in the console, filters, timeline, clips, phone width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.report import write_report
from tests.edge_agent.report.sample import report
from tests.peers.browser import quiet_page, until


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    return write_report(out, report(out, 12))


@pytest.fixture
def page(browser: Any, page_path: Path) -> Iterator[Any]:
    with quiet_page(browser, page_path.as_uri()) as opened:
        yield opened


def shown(page: Any) -> int:
    return int(page.locator(".card:not([hidden])").count())


def test_filters(page: Any) -> None:
    assert shown(page) == 12
    page.select_option("[name=type]", "fall" if page.locator("option[value=fall]").count() else "intrusion")
    assert shown(page) == 3
    assert page.locator("output").inner_text() == "3 of 12 events"
    assert page.locator(".bar.dim").count() == 9
    page.select_option("[name=severity]", "info")
    assert shown(page) == 1
    page.fill("[name=q]", "no such words")
    assert page.locator(".empty.none").is_visible()
    page.click("[type=reset]")
    until(page, "document.querySelectorAll('.card:not([hidden])').length === 12")
    page.fill("[name=q]", "DRIVE inTRU")  # every word, any case
    assert shown(page) == 0
    page.fill("[name=q]", "lawn intru")
    assert shown(page) == 3


def test_timeline_by_mouse_and_keyboard(page: Any) -> None:
    first = page.locator(".bar[data-e='0']")
    first.hover()
    assert "Intrusion" in page.locator("#tip").inner_text()
    first.click()
    assert page.evaluate("document.activeElement.id") == "e-0"
    assert page.locator("#tip").is_hidden()
    first.focus()
    for key, number in (("ArrowRight", "1"), ("End", "11"), ("Home", "0"), ("ArrowLeft", "0"), ("ArrowDown", "1")):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.dataset.e") == number
    assert page.locator("#tip").is_visible()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "e-1"
    assert page.locator(".bar[tabindex='0']").count() == 1, "one stop of the tab key for the whole timeline"


def test_a_bar_of_a_filtered_event_brings_it_back(page: Any) -> None:
    page.fill("[name=q]", "no such words")
    page.locator(".bar[data-e='2']").click()
    until(page, "document.activeElement.id === 'e-2'")
    assert shown(page) == 12


def test_clip_plays_in_place_and_only_one_at_a_time(page: Any) -> None:
    page.locator("#e-0 .play").click()
    until(page, "document.querySelector('#e-0 video')?.currentTime > 0.2")
    page.locator("#e-1 .play").click()
    until(page, "document.querySelector('#e-1 video')?.readyState > 2")
    assert page.locator("video").count() == 1
    page.locator("#e-1 .play").click()
    assert page.locator("video").count() == 0
    assert page.locator("#e-1 img").is_visible()


def test_large_picture_steps_and_closes(page: Any) -> None:
    page.locator("#e-3 .enlarge").click()
    assert page.locator("#large").is_visible()
    before = page.locator("#large p").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#large p").inner_text() != before
    page.keyboard.press("Escape")
    assert page.locator("#large").is_hidden()


@pytest.mark.parametrize("count", [0, 12])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_has_no_sideways_scroll(browser: Any, tmp_path: Path, count: int, scheme: str) -> None:
    path = write_report(tmp_path, report(tmp_path, count, title="A" * 90, config_text="x" * 500))
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme, has_touch=True)
    page = context.new_page()
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    if count:
        page.locator(".bar[data-e='0']").tap()
        assert page.locator("#tip").is_visible(), "the first tap shows"
        page.locator(".bar[data-e='0']").tap()
        assert page.evaluate("document.activeElement.id") == "e-0", "the second goes there"
    context.close()


def test_linked_clip_plays_from_beside_the_page(browser: Any, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(write_report(tmp_path, report(tmp_path, 1, clip_budget_bytes=10)).as_uri())
    page.locator("#e-0 .play").click()
    until(page, "document.querySelector('#e-0 video')?.readyState > 2")
    page.locator("#e-0 .play").click()
    (tmp_path / "clips/a.mp4").write_bytes(b"not a clip")
    page.locator("#e-0 .play").click()
    page.wait_for_selector(".trouble")
    page.close()
