"""Sentences about events: every type in both languages, with facts and without."""

import re
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.events import Event
from vision.language.base import LOCALES
from vision.language.phrases import phrasebook
from vision.language.phrases.en import SENTENCES as ENGLISH
from vision.language.phrases.en import TITLES as ENGLISH_TITLES
from vision.language.phrases.en import plural
from vision.language.phrases.zh import NOUNS
from vision.language.phrases.zh import SENTENCES as CHINESE
from vision.language.phrases.zh import TITLES as CHINESE_TITLES
from vision.language.template import clock, summarize


def event(kind: str, **values: Any) -> Event:
    given_values: dict[str, Any] = {
        "id": "01",
        "camera": "gate",
        "severity": "warning",
        "start": 12.4,
        "opened": 13.0,
        "end": 19.8,
        "at": 13.0,
        "state": "closed",
    }
    return Event(type=kind, **(given_values | values))


SENTENCES = [
    # a person in a zone, over
    (
        event("intrusion", zone="yard", label="person", score=0.87, facts={"dwell_s": 7.4}),
        "A person was in “yard” from 0:12 for 7.4 seconds (camera gate, 87% sure).",
        "0:12 起，一名人员出现在“yard”区域，停留 7.4 秒（摄像机 gate，置信度 87%）。",
    ),
    # still going on: no end to speak of
    (
        event("intrusion", zone="yard", label="person", end=None, state="open"),
        "A person has been in “yard” since 0:12 (camera gate).",
        "0:12 起，一名人员出现在“yard”区域，目前仍未离开（摄像机 gate）。",
    ),
    # direction of a crossing
    (
        event("line_crossing", zone="door", label="car", facts={"direction": "out"}),
        "A car crossed “door” going out at 0:12 (camera gate).",
        "0:12，一辆汽车向外越过“door”（摄像机 gate）。",
    ),
    # no direction, no name, no label
    (
        event("line_crossing"),
        "Something crossed the line at 0:12 (camera gate).",
        "0:12，一个目标越过警戒线（摄像机 gate）。",
    ),
    # a wall
    (
        event("climbing", zone="fence", label="person"),
        "A person climbed over “fence” at 0:12 (camera gate).",
        "0:12，一名人员翻越“fence”（摄像机 gate）。",
    ),
    # over it and in
    (
        event("climbing", zone="fence", label="person", facts={"direction": "over", "crossing": "in"}),
        "A person climbed in over “fence” at 0:12 (camera gate).",
        "0:12，一名人员向内翻越“fence”（摄像机 gate）。",
    ),
    # only up
    (
        event("climbing", zone="fence", label="person", facts={"direction": "up"}),
        "A person climbed up “fence” at 0:12 (camera gate).",
        "0:12，一名人员爬上“fence”（摄像机 gate）。",
    ),
    # more than a minute, two people: the verb follows
    (
        event("loitering", zone="yard", count=2, label="person", end=None, state="open", facts={"dwell_s": 125.2}),
        "2 people have been lingering in “yard” since 0:12, 2 minutes 5 seconds so far (camera gate).",
        "0:12 起，两名人员在“yard”区域徘徊，已持续 2 分 5 秒（摄像机 gate）。",
    ),
    # nobody knows what was left there
    (
        event("left_object", zone="hall", end=None, state="open", facts={"unattended_s": 15.2}),
        "An object was left in “hall” at 0:12 and has been unattended for 15 seconds (camera gate).",
        "0:12，一件物品被遗留在“hall”区域，已无人看管 15 秒（摄像机 gate）。",
    ),
    # the detector knows it; the whole picture is the zone
    (
        event("left_object", label="backpack"),
        "A backpack was left in the picture at 0:12 (camera gate).",
        "0:12，一只背包被遗留在画面中（摄像机 gate）。",
    ),
    # taken away
    (
        event("removed_object", zone="desk", label="laptop"),
        "A laptop was taken away from “desk” at 0:12 (camera gate).",
        "0:12，“desk”区域有一台笔记本电脑被取走（摄像机 gate）。",
    ),
    # a fall in the whole picture
    (
        event("fall", label="person", facts={"lying_s": 3.0}),
        "A person fell at 0:12 and lay still for 3 seconds (camera gate).",
        "0:12，一名人员摔倒，倒地不动 3 秒（摄像机 gate）。",
    ),
    # the peak says more than the count at the picture
    (
        event("crowd", zone="lobby", label="person", count=9, facts={"peak": 11}),
        "Up to 11 people gathered in “lobby” from 0:12 for 7.4 seconds (camera gate).",
        "0:12 起，“lobby”区域人员聚集，最多 11 名人员，持续 7.4 秒（摄像机 gate）。",
    ),
    # counted both ways
    (
        event("counting", zone="gate", label="car", count=5, facts={"in": 3, "out": 2}),
        "5 cars counted at “gate” from 0:12 for 7.4 seconds: 3 in, 2 out (camera gate).",
        "0:12 起，“gate”计数：5 辆汽车，其中进入 3、离开 2，历时 7.4 秒（摄像机 gate）。",
    ),
    # a kind of tampering with its own words
    (
        event("tamper", facts={"kind": "covered"}),
        "The lens was covered from 0:12 for 7.4 seconds (camera gate).",
        "0:12 起，镜头被遮挡，持续 7.4 秒（摄像机 gate）。",
    ),
    # a kind without
    (
        event("tamper", facts={"kind": "sprayed"}, end=None, state="open"),
        "The camera’s picture has been disturbed since 0:12 (camera gate).",
        "0:12 起，摄像机画面异常，目前尚未恢复（摄像机 gate）。",
    ),
    # a defect by its name
    (
        event("defect", label="mouse_bite", score=0.5, camera=""),
        "A defect was found at 0:12: a mouse bite (50% sure).",
        "0:12，检出缺陷：缺口（置信度 50%）。",
    ),
    # a type that no table knows
    (
        event("smoke_plume", zone="roof"),
        "Smoke plume in “roof” from 0:12 for 7.4 seconds (camera gate).",
        "0:12 起，在“roof”区域发生“smoke plume”事件，持续 7.4 秒（摄像机 gate）。",
    ),
]


@pytest.mark.parametrize(("subject", "english", "chinese"), SENTENCES, ids=[row[0].type for row in SENTENCES])
def test_sentence(subject: Event, english: str, chinese: str) -> None:
    assert summarize(subject, "en").text == english
    assert summarize(subject, "zh").text == chinese
    assert summarize(subject, "en").source == "template"


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0.6, "0.6 seconds", "0.6 秒"),  # short
        (1.0, "1 second", "1 秒"),  # one
        (9.97, "10 seconds", "10 秒"),  # the tenth that rounds up loses its decimal
        (59.6, "1 minute", "1 分钟"),  # rounds to a full minute
        (61.0, "1 minute 1 second", "1 分 1 秒"),  # both one
        (3600.0, "1 hour", "1 小时"),  # a full hour
        (7325.0, "2 hours 2 minutes", "2 小时 2 分钟"),  # seconds no longer matter
    ],
)
def test_duration(seconds: float, english: str, chinese: str) -> None:
    assert phrasebook("en").duration(seconds) == english
    assert phrasebook("zh").duration(seconds) == chinese


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0:00"),  # the beginning
        (11.9999999, "0:12"),  # a float a hair short
        (754.9, "12:34"),  # minutes
        (3725.0, "1:02:05"),  # hours
        (-0.2, "0:00"),  # a clip with odd timestamps
        (1_767_225_600.0, "2026-01-01 00:00:00 UTC"),  # live
    ],
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_live_events_are_told_in_the_time_zone_asked_for() -> None:
    shanghai = timezone(timedelta(hours=8), "CST")
    text = summarize(event("climbing", start=1_767_225_600.0, end=1_767_225_601.0), "en", timezone=shanghai).text
    assert "at 2026-01-01 08:00:00 CST" in text
    assert "00:00:00 UTC" in summarize(event("climbing", start=1_767_225_600.0), "en", timezone=UTC).text


@pytest.mark.parametrize(
    ("noun", "many"),
    [
        ("person", "people"),  # irregular
        ("bus", "buses"),  # s
        ("couch", "couches"),  # ch
        ("puppy", "puppies"),  # consonant and y
        ("toy", "toys"),  # vowel and y
        ("wine glass", "wine glasses"),  # the last word bends
        ("delivery person", "delivery people"),  # and is irregular
        ("sheep", "sheep"),  # never bends
    ],
)
def test_plural(noun: str, many: str) -> None:
    assert plural(noun) == many


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("umbrella", "an umbrella"),
        ("uniform", "a uniform"),
        ("hot_dog", "a hot dog"),
        ("scissors", "a pair of scissors"),
    ],
)
def test_article(label: str, text: str) -> None:
    assert phrasebook("en").thing(label, 1, "") == text


def test_noun() -> None:
    assert [phrasebook("zh").noun(label) for label in ("person", "cell_phone", "gizmo")] == ["人员", "手机", "gizmo"]
    assert phrasebook("en").noun("cell_phone") == "cell phone"


def test_books_know_the_same_sentences_and_types() -> None:
    assert ENGLISH.keys() == CHINESE.keys()
    assert ENGLISH_TITLES.keys() == CHINESE_TITLES.keys()
    assert all(noun and not re.search("[a-z]", noun) for _, noun in NOUNS.values())


FACTS = st.dictionaries(
    st.sampled_from(
        ["dwell_s", "kind", "direction", "crossing", "peak", "in", "out", "unattended_s", "lying_s", "odd"]
    ),
    st.one_of(st.none(), st.booleans(), st.integers(0, 10**6), st.floats(), st.text(max_size=8), st.just([1.0, 2.0])),
)


@given(
    kind=st.sampled_from([*ENGLISH_TITLES, "smoke", ""]),
    zone=st.one_of(st.none(), st.text(max_size=12)),
    label=st.one_of(st.none(), st.text(max_size=12)),
    score=st.one_of(st.none(), st.floats()),
    count=st.integers(0, 200),
    end=st.one_of(st.none(), st.floats(0, 1e6)),
    facts=FACTS,
    locale=st.sampled_from(LOCALES),
)
def test_anything_makes_a_sentence(**values: Any) -> None:
    locale = values.pop("locale")
    subject = event(values.pop("kind"), **values)
    text = summarize(subject, locale).text
    assert text.endswith("." if locale == "en" else "。")
    assert "None" not in text.replace(subject.label or "", "").replace(subject.zone or "", "")
    assert text == summarize(subject, locale).text
