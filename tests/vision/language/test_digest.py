"""A period in a few lines."""

import re
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.events import Event
from vision.language.base import LOCALES
from vision.language.digest import Digest, digest, incidents

T0 = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC
NIGHT = (T0, T0 + 8 * 3600)
CHINA = timezone(timedelta(hours=8), "CST")


def event(number: int, kind: str, at: float, lasting: float | None = 8.0, **values: Any) -> Event:
    """An event `at` seconds into the night; with `lasting` None it goes on."""
    given_values: dict[str, Any] = {"camera": "yard", "severity": "warning", "label": "person"}
    start, over = T0 + at, lasting is not None
    return Event(
        id=f"{number:02}",
        type=kind,
        start=start,
        opened=start,
        at=start,
        end=start + lasting if lasting is not None else None,
        state="closed" if over else "open",
        **(given_values | values),
    )


EVENTS = [
    event(2, "climbing", 590, zone="fence", severity="alert", track_id=3, score=0.8),
    event(1, "intrusion", 600, zone="yard", score=0.87, track_id=3),  # the same person, a moment later
    event(3, "loitering", 7200, 300, camera="gate", zone="gate"),
    event(4, "line_crossing", 9000, 0, zone="way", label="car", severity="info", facts={"direction": "in"}),
    event(5, "line_crossing", 9030, 0, zone="way", label="car", severity="info", facts={"direction": "out"}),
    event(6, "camera_offline", 10000, 900, camera="gate", label=None),
    event(7, "camera_online", 10900, 0, camera="gate", severity="info", label=None),
    event(8, "fall", 20000, 30, camera="hall", severity="alert", facts={"lying_s": 25.0}),
    event(9, "left_object", 25000, None, camera="hall", label=None),
    event(10, "storage_low", 15000, camera="agent", label=None),
]

WHOLE = [
    (
        "en",
        """2026-09-21 14:13 to 2026-09-21 22:13: 7 events in 5 incidents on 3 cameras: 2 alerts, 3 warnings, 2 notices.
Alert: A person climbed over “fence” at 2026-09-21 14:23:10 UTC (camera yard, 80% sure). 1 more event with it. The picture supports it.
Warning: A person lingered in “gate” from 2026-09-21 16:13:20 UTC for 5 minutes (camera gate).
Alert: A person fell at 2026-09-21 19:46:40 UTC and lay still for 25 seconds (camera hall). The picture does not support it.
By kind: Line crossing 2, Climbing 1, Fall 1, Intrusion 1, Left object 1, Loitering 1.
By camera: yard 4, hall 2, gate 1.
By zone: “way” 2, “fence” 1, “gate” 1, “yard” 1.
Pictures checked: 1 for the alarm, 1 against it, 1 undecided; 1 alert was held back.
Still going on: Left object 1.
Nothing could be seen: gate was offline from 17:00 to 17:15 (15 minutes).""",  # noqa: E501  # lines as they are read
    ),
    (
        "zh",
        """2026-09-21 14:13 至 2026-09-21 22:13：3 台摄像机共记录 7 个事件，归为 5 起情况；其中报警 2 个，警告 3 个，提示 2 个。
报警：2026-09-21 14:23:10 UTC，一名人员翻越“fence”（摄像机 yard，置信度 80%）。另有 1 个相关事件。画面与报警相符。
警告：2026-09-21 16:13:20 UTC 起，一名人员在“gate”区域徘徊，持续 5 分钟（摄像机 gate）。
报警：2026-09-21 19:46:40 UTC，一名人员摔倒，倒地不动 25 秒（摄像机 hall）。画面与报警不符。
按类型：越线 2，翻越 1，摔倒 1，区域入侵 1，物品遗留 1，徘徊 1。
按摄像机：yard 4，hall 2，gate 1。
按区域：“way” 2，“fence” 1，“gate” 1，“yard” 1。
画面核验：相符 1 个，不符 1 个，未定 1 个；暂扣报警 1 条。
仍在持续：物品遗留 1。
无法监视的时段：摄像机 gate 于 17:00 至 17:15 离线（15 分钟）。""",  # noqa: E501  # lines as they are read
    ),
]


def told(events: list[Event], **more: Any) -> Digest:
    return digest(events, *NIGHT, **more)


@pytest.mark.parametrize(("locale", "text"), WHOLE)
def test_a_night_in_ten_lines(locale: str, text: str) -> None:
    found = told(EVENTS, locale=locale, verdicts={"02": "yes", "08": "no", "03": "unsure"}, withheld={"08"})
    assert found.text == text
    assert (found.events, found.incidents) == (7, 5)
    assert dict(found.offline_s) == {"gate": 900.0}
    assert found.by_camera == {"yard": 4, "hall": 2, "gate": 1}


@pytest.mark.parametrize(
    ("events", "lines"),
    [
        ([], ["2026-09-21 14:13 to 2026-09-21 22:13: no events."]),  # a quiet night
        (
            [EVENTS[0]],  # a single event needs no counts
            [
                "2026-09-21 14:13 to 2026-09-21 22:13: 1 event on 1 camera: 1 alert.",
                "Alert: A person climbed over “fence” at 2026-09-21 14:23:10 UTC (camera yard, 80% sure).",
            ],
        ),
        (
            [event(1, "camera_offline", 3600, None, camera="gate")],  # nothing happened, but nobody looked
            [
                "2026-09-21 14:13 to 2026-09-21 22:13: no events.",
                "Nothing could be seen: gate has been offline since 15:13 (7 hours so far).",
            ],
        ),
        (
            [event(1, "camera_offline", -3600, 7200, camera="gate")],  # it was away before the night began
            [
                "2026-09-21 14:13 to 2026-09-21 22:13: no events.",
                "Nothing could be seen: gate was offline from 14:13 to 15:13 (1 hour).",
            ],
        ),
        (
            [EVENTS[9]],  # the agent's own troubles are no events of the night
            [
                "2026-09-21 14:13 to 2026-09-21 22:13: no events.",
                "Space for evidence was short from 18:23.",
            ],
        ),
    ],
)
def test_small_nights(events: list[Event], lines: list[str]) -> None:
    assert list(told(events).lines) == lines


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (1, ["7 events in"]),  # the headline stays last of all
        (3, ["7 events in", "climbed", "fell"]),  # then both alerts
        (
            5,
            ["7 events in", "climbed", "fell", "By kind", "Nothing could be seen"],
        ),  # then when nobody looked, then counts
    ],
)
def test_fewer_lines_keep_what_matters(lines: int, kept: list[str]) -> None:
    found = told(EVENTS, lines=lines).lines
    assert [next(word for word in kept if word in line) for line in found] == kept


MERGED = [
    # one kind in one place, again and again, each within a minute of the last
    ([event(n, "intrusion", 50.0 * n, zone="yard") for n in range(6)], 1),
    # the same with two minutes between
    ([event(n, "intrusion", 130.0 * n, zone="yard") for n in range(6)], 6),
    # two kinds, one track
    ([event(1, "intrusion", 0, track_id=7), event(2, "climbing", 5, track_id=7)], 1),
    # two kinds, two tracks
    ([event(1, "intrusion", 0, track_id=7), event(2, "climbing", 5, track_id=8)], 2),
    # two kinds, no track known
    ([event(1, "intrusion", 0), event(2, "climbing", 5)], 2),
    # one track number on two cameras is chance
    ([event(1, "intrusion", 0, track_id=7), event(2, "climbing", 5, track_id=7, camera="gate")], 2),
    # the same kind on two cameras
    ([event(1, "intrusion", 0), event(2, "intrusion", 5, camera="gate")], 2),
    # two zones
    ([event(1, "intrusion", 0, zone="a"), event(2, "intrusion", 5, zone="b")], 2),
    # a long one: what begins while it lasts belongs to it
    ([event(1, "loitering", 0, 900), event(2, "loitering", 800)], 1),
]


@pytest.mark.parametrize(("events", "number"), MERGED)
def test_what_belongs_together(events: list[Event], number: int) -> None:
    assert len(incidents(events)) == number


def test_an_event_that_is_there_twice_counts_once() -> None:
    assert told([*EVENTS, *EVENTS]) == told(EVENTS)


def test_the_order_of_the_events_does_not_matter() -> None:
    assert told(EVENTS[::-1]) == told(EVENTS)


def test_the_longest_is_told_once() -> None:
    """It has a line of its own only where it is not told already."""
    quiet = [event(n, "intrusion", 1000.0 * n, zone="yard", severity="alert") for n in range(6)]
    lines = told([*quiet, event(9, "loitering", 9000, 400, camera="gate")], lines=12).lines
    assert sum("lingered" in line for line in lines) == 1
    assert any(line.startswith("Longest: A person lingered") for line in lines)


def test_rhythm() -> None:
    """The busiest hour and the longest quiet, where there is room for them."""
    burst = [event(n, "intrusion", 7000 + 200 * n, zone="yard") for n in range(5)]
    lines = told([*burst, event(9, "fall", 25000)], lines=20).lines
    assert "Busiest hour: from 16:10, 5 events; quiet longest from 16:23 to 21:10." in lines


def test_times_are_local_and_dated_over_several_days() -> None:
    away = event(1, "camera_offline", 0, 3600, camera="gate")
    assert "offline from 22:13 to 23:13" in digest([away], *NIGHT, timezone=CHINA).text
    assert "offline from 2026-09-21 22:13 to" in digest([away], T0, T0 + 3 * 86400, timezone=CHINA).text


def test_a_clip_is_told_in_its_own_time() -> None:
    one = Event(
        id="1", type="fall", camera="yard", severity="alert", start=12.4, opened=15, at=15, end=20, state="closed"
    )
    assert digest([one], 0, 60).lines[0] == "0:00 to 1:00: 1 event on 1 camera: 1 alert."


def test_a_flood_is_counted_and_few_lines_long() -> None:
    flood = [event(n, "intrusion", n % 28000, camera=f"c{n % 40}", zone=f"z{n % 90}") for n in range(5000)]
    found = told([one.model_copy(update={"id": f"{n:05}"}) for n, one in enumerate(flood)])
    assert found.events == 5000
    assert len(found.lines) <= 10
    assert all(len(line) < 400 for line in found.lines)


NAMES = st.text(max_size=20)


@given(
    names=st.lists(st.tuples(NAMES, NAMES, st.sampled_from(["intrusion", "camera_offline", "smoke"])), max_size=12),
    lines=st.integers(1, 12),
    locale=st.sampled_from(LOCALES),
)
def test_any_names_give_whole_lines(names: list[tuple[str, str, str]], lines: int, locale: str) -> None:
    events = [event(n, kind, 100.0 * n, camera=camera, zone=zone) for n, (camera, zone, kind) in enumerate(names)]
    found = told(events, lines=lines, locale=locale)
    assert 1 <= len(found.lines) <= lines
    assert all("\n" not in line and line == line.strip() and line for line in found.lines)


@pytest.mark.parametrize("locale", LOCALES)
def test_words_of_both_languages_have_the_same_places(locale: str) -> None:
    from vision.language.phrases.digest_en import WORDS as ENGLISH
    from vision.language.phrases.digest_zh import WORDS as CHINESE

    for name in ENGLISH.__dataclass_fields__:
        one, other = getattr(ENGLISH, name), getattr(CHINESE, name)
        if isinstance(one, str):
            assert set(re.findall(r"\{(\w+)\}", one)) >= set(re.findall(r"\{(\w+)\}", other)), name
        else:
            assert set(one) == set(other), name
