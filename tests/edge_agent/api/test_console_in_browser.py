"""The console page in a real browser (Chromium): signing in, live pictures, events as they come, clips, phone width."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.edge_agent.api.fake_agent import FakeAgent, FakeStore, camera, event, jpeg
from tests.edge_agent.api.serving import TOKEN, serving_in_thread
from tests.edge_agent.report.sample import write_clip
from tests.peers.browser import until
from vision.events import Event, Evidence

pytestmark = pytest.mark.slow
WEIRD = "<img src=x onerror=alert(1)>"


def made(number: int) -> Event:
    evidence = Evidence(snapshot=f"snapshots/{number}.jpg" if number % 5 != 4 else None, clip="clips/a.mp4")
    return event(
        number, camera=("yard", "gate")[number % 2], evidence=evidence, label=WEIRD if number == 3 else "person"
    )


@dataclass
class Site:
    """An agent that is served, and the page's address."""

    agent: FakeAgent
    url: str
    loop: asyncio.AbstractEventLoop


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "snapshots").mkdir()
    events = [made(n) for n in range(30)]
    for n in range(31):
        (tmp_path / f"snapshots/{n}.jpg").write_bytes(jpeg(320, overlay=True, seed=n))
    write_clip(tmp_path / "clips/a.mp4", 3)
    now = time.time()
    reason = "the camera refuses user or password; check source in the config"
    cameras = [
        camera("yard", since=now - 4000),
        camera("gate", state="offline", fault="auth", reason=reason, since=now - 300),
        camera("back-door-of-the-house", tracks=0),
        camera("blind", state="connecting", last_t=None),  # is not asked for pictures that it has not
    ]
    agent = FakeAgent(cameras, FakeStore(events))
    agent.missing = ["camera gate: offline", "alert target mqtt: connection refused"]
    with serving_in_thread(agent, tmp_path) as (url, loop):
        yield Site(agent, url, loop)


@pytest.fixture
def page(browser: Any, site: Site) -> Iterator[Any]:
    """The page, signed in; fails when anything is said in the console or asked of another place."""
    said: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: said.append(request.url) if not request.url.startswith(own) else None)
    own = (site.url, "data:", f"blob:{site.url}")
    opened.goto(site.url)
    opened.fill("#token", TOKEN)
    opened.click("#enter [type=submit]")
    opened.wait_for_selector(".camera")
    yield opened
    context.close()
    assert said == []


def test_cameras_events_and_targets_are_shown(page: Any) -> None:
    assert page.locator("#headline").inner_text().startswith("2 of 4 cameras online")
    until(page, "document.querySelector('[data-camera=yard] img').naturalWidth === 480")
    gate = page.locator("[data-camera=gate]")
    assert "offline for 5 min" in gate.inner_text()
    assert "refuses user or password" in gate.inner_text()
    assert page.locator("#notices li").all_inner_texts() == ["alert target mqtt: connection refused"], "once is enough"
    assert page.locator(".event").count() == 24
    assert page.locator("#targets tr").count() == 2
    page.click("#older")
    until(page, "document.querySelectorAll('.event').length === 30")
    assert page.locator("#older").is_hidden()
    assert page.locator(f"#e-{made(3).id} p").inner_text().startswith("gate · lawn · <img"), "text stays text"


def test_live_picture_with_and_without_boxes(page: Any, site: Site) -> None:
    page.click("[data-camera=yard] .shot")
    until(page, "document.querySelector('#large img')?.naturalWidth === 1280")
    assert ("yard", True, 1280) in site.agent.asked
    page.uncheck("#large-overlay input")
    until(page, "document.querySelector('#large img')?.naturalWidth === 1280")
    assert ("yard", False, 1280) in site.agent.asked
    page.click("#large-close")
    page.wait_for_timeout(300)
    asked = len([one for one in site.agent.asked if one[2] == 1280])
    page.wait_for_timeout(500)
    assert len([one for one in site.agent.asked if one[2] == 1280]) <= asked + 1, "closed: the stream has ended"


def test_clip_plays_and_seeks(page: Any) -> None:
    page.locator(".play").first.click()
    until(page, "document.querySelector('#large video')?.currentTime > 0.1")
    page.evaluate("document.querySelector('#large video').currentTime = 2")
    until(page, "document.querySelector('#large video').currentTime >= 2")
    page.keyboard.press("Escape")
    assert page.locator("#large video").count() == 0


def test_events_come_by_themselves(page: Any, site: Site) -> None:
    until(page, "document.querySelectorAll('.event').length === 24")
    for _ in range(100):
        if site.agent.listeners:
            break
        page.wait_for_timeout(50)
    new = made(30).model_copy(update={"id": "NEW", "state": "open", "end": None})
    site.loop.call_soon_threadsafe(site.agent.tell, "opened", new)
    page.wait_for_selector("#e-NEW")
    assert page.locator(".event").first.get_attribute("id") == "e-NEW"
    assert "going on" in page.locator("#e-NEW").inner_text()
    closed = new.model_copy(update={"state": "closed", "end": new.start + 12})
    site.loop.call_soon_threadsafe(site.agent.tell, "closed", closed)
    until(page, "document.querySelector('#e-NEW').innerText.includes('12 s')")
    page.select_option("#by-camera", "gate")
    until(page, "[...document.querySelectorAll('.event p')].every((p) => p.innerText.startsWith('gate'))")
    page.select_option("#by-severity", "alert")
    until(page, "document.querySelectorAll('.severity.alert').length === document.querySelectorAll('.event').length")


def test_reload_of_the_page_keeps_the_token_and_signing_out_forgets_it(page: Any, site: Site) -> None:
    page.reload()
    page.wait_for_selector(".camera")
    page.click("#leave")
    page.reload()
    page.wait_for_selector("#enter")
    assert page.locator("#inside").is_hidden()
    page.goto(f"{site.url}#token={TOKEN}")
    page.reload()
    page.wait_for_selector(".camera")
    assert TOKEN not in page.url


def test_wrong_token_is_told(browser: Any, site: Site) -> None:
    page = browser.new_page()
    page.goto(site.url)
    page.fill("#token", "a-wrong-token-0123456789")
    page.click("#enter [type=submit]")
    page.wait_for_selector("#enter-why:not([hidden])")
    assert "not the agent's" in page.locator("#enter-why").inner_text()
    assert page.evaluate("sessionStorage.length") == 0
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768])
def test_no_sideways_scroll(browser: Any, site: Site, scheme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 740}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{site.url}#token={TOKEN}")
    until(page, "document.querySelectorAll('.event').length === 24")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.click("[data-camera=yard] .shot")
    until(page, "document.querySelector('#large img')?.naturalWidth === 1280")
    assert page.evaluate("document.querySelector('#large').getBoundingClientRect().width") <= width
    context.close()
