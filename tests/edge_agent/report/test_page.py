"""The page as text: whole, self-contained, escaped, in both languages, with none and with many events."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edge_agent.report import ReportData, TrackPath, write_report
from edge_agent.report.words import en, zh
from tests.edge_agent.report.sample import WEIRD, event, report, write_clip
from vision.events import Evidence

VOID = {"meta", "link", "img", "input", "br"}
SVG_SHUT = {"path", "circle", "polygon", "polyline"}


class Reader(HTMLParser):
    """Checks that every element is closed in order, and collects what the page refers to."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SVG_SHUT, f"<{tag}/> is no empty element"
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    assert reader.open == []
    return reader


def references(page: Reader) -> list[str]:
    return [v for _, attrs in page.tags for k, v in attrs.items() if k in {"src", "href", "data-href", "poster"} and v]


@pytest.mark.parametrize("count", [0, 1, 8])
@pytest.mark.parametrize("locale", ["en", "zh"])
def test_whole_and_self_contained(tmp_path: Path, count: int, locale: str) -> None:
    path = write_report(tmp_path, report(tmp_path, count, locale=locale))
    page, html = read(path), path.read_text(encoding="utf-8")
    assert all(r.startswith(("data:", "#")) for r in references(page))
    assert not re.search(r"@import|url\(", html)
    assert len(page.all("article")) == count
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert not re.search(r"[\U0001F300-\U0001FAFF]", html)
    assert page.all("html")[0]["lang"] == ("zh-CN" if locale == "zh" else "en")
    words = en.WORDS if locale == "en" else zh.WORDS
    assert (words["empty_title"] in page.text) == (count == 0)


def test_same_data_same_bytes(tmp_path: Path) -> None:
    data = report(tmp_path, 5)
    first = write_report(tmp_path, data).read_bytes()
    assert write_report(tmp_path, data).read_bytes() == first


def test_names_from_outside_stay_text(tmp_path: Path) -> None:
    data = report(tmp_path, 2)
    odd = event(0, camera=WEIRD, zone=WEIRD, label=WEIRD, facts={WEIRD: WEIRD}, type=WEIRD, rule=WEIRD)
    clip = replace(
        data.clips[0],
        name=WEIRD,
        events=(odd, event(1)),
        notes=(WEIRD,),
        zones={WEIRD: ((0, 0), (1, 0), (1, 1))},
        stages={WEIRD: 1.0},
        tracks=(TrackPath(1, WEIRD, ((0.0, 0.1, 0.1), (1.0, 0.9, 0.9))),),
    )
    page = read(write_report(tmp_path, replace(data, title=WEIRD, clips=(clip,), config_text=WEIRD, notes=(WEIRD,))))
    assert len(page.all("script")) == 1, "the page's own script and no other"
    assert any(WEIRD in text for text in page.text)


def test_many_events(tmp_path: Path) -> None:
    data = report(tmp_path, 300)
    page = read(write_report(tmp_path, data))
    assert len(page.all("article")) == 300
    assert len([a for a in page.all("a") if "bar" in (a.get("class") or "")]) == 300
    assert all(image.get("loading") == "lazy" for image in page.all("img") if image.get("width"))
    blobs = [s for s in page.all("script") if s.get("type") == "text/plain"]
    assert len(blobs) == 1, "a clip that many events share is in the page once"


def test_clips_beyond_the_budget_are_linked(tmp_path: Path) -> None:
    data = report(tmp_path, 0)
    for n, name in enumerate(("a b.mp4", "c#d.mp4")):
        write_clip(tmp_path / "clips" / name, seed=n)
    big = max((tmp_path / "clips" / name).stat().st_size for name in ("a b.mp4", "c#d.mp4"))
    events = (
        event(0, severity="info", evidence=Evidence(clip="clips/a b.mp4")),
        event(1, severity="alert", evidence=Evidence(clip="clips/c#d.mp4")),
        event(2, evidence=Evidence(clip="clips/gone.mp4", snapshot="snapshots/gone.jpg")),  # lost on the way
        event(3, evidence=Evidence(clip="../outside.mp4")),  # not below the folder
    )
    (tmp_path.parent / "outside.mp4").write_bytes(b"secret")
    data = replace(data, clips=(replace(data.clips[0], events=events),), clip_budget_bytes=big + 1)
    page = read(write_report(tmp_path, data))
    links = [r for r in references(page) if not r.startswith(("data:", "#"))]
    assert set(links) == {"clips/a%20b.mp4"}, "the alert's clip went first into the page"
    assert len([s for s in page.all("script") if s.get("type") == "text/plain"]) == 1
    assert any(en.WORDS["clips_linked_one"] in text for text in page.text)
    assert en.WORDS["no_picture"] in page.text


def test_empty_report(tmp_path: Path) -> None:
    page = read(write_report(tmp_path, ReportData("Nothing")))
    assert en.WORDS["empty_text_none"] in page.text


def test_damaged_snapshot_is_no_picture(tmp_path: Path) -> None:
    data = report(tmp_path, 1)
    (tmp_path / "snapshots/0.jpg").write_bytes(b"no picture")
    assert en.WORDS["no_picture"] in read(write_report(tmp_path, data)).text


def test_languages_have_the_same_words_and_no_more_than_are_used() -> None:
    assert en.WORDS.keys() == zh.WORDS.keys()
    room = Path(write_report.__code__.co_filename).parent
    used = "".join(p.read_text(encoding="utf-8") for p in [*room.glob("assets/*.j2"), *room.glob("*.py")])
    unused = {k for k in en.WORDS if not re.search(rf"w\.{k}\b|[\"']{k}[\"']", used)} - {"alert", "warning", "info"}
    assert unused == set()


def _tokens(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", css))


def _contrast(a: str, b: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, bl = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * bl

    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast(scheme: int) -> None:
    room = Path(write_report.__code__.co_filename).parent
    css = (room / "assets/report.css").read_text(encoding="utf-8")
    light, dark = css.split("@media (prefers-color-scheme: dark)")[:2]
    tokens = _tokens(light) if scheme == 0 else _tokens(dark.split("}\n}")[0])
    for ground in ("ground", "panel"):
        for text in ("ink", "soft", "accent", "alert", "warning", "info"):
            assert _contrast(tokens[text], tokens[ground]) >= 4.5, (text, ground)  # WCAG AA, text
    for fill in ("alert-fill", "warning-fill", "info-fill", "chart"):
        assert _contrast(tokens[fill], tokens["panel"]) >= 3, fill  # WCAG AA, graphics
