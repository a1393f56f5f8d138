"""The recorder: everything committed in order, a database that is away is waited for, nothing is lost at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edge_agent.language.service import Asking, Describer, Shot
from edge_agent.live.hub import Hub
from edge_agent.live.recorder import Recorder, Wording
from edge_agent.live.worker import Happening
from vision.errors import StoreError
from vision.events import Event, Evidence
from vision.frame import ArrayPicture
from vision.language.model import NoAnswer, ScriptedModel


class FakeStore:
    """Remembers what was committed; can be away."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, bool]] = []
        self.events: dict[str, Event] = {}
        self.evidence: dict[str, Evidence] = {}
        self.away = threading.Event()
        self.tries = 0
        self.verdicts: list[tuple[str, str]] = []

    def let_go(self, event_id: str) -> None:
        self.verdicts.append((event_id, "let go"))

    def withhold(self, event_id: str, reason: str) -> None:
        self.verdicts.append((event_id, "withheld"))

    def record(self, event: Event, stage: str, *, first: bool, clip: bool, verdict_s: float = 0.0) -> None:
        self.tries += 1
        if verdict_s:
            self.verdicts.append((event.id, f"waits {verdict_s:g} s"))
        if self.away.is_set():
            raise StoreError("the database is away")
        self.said.append((event.id, stage, first))
        self.events[event.id] = event

    def attach(self, event_id: str, evidence: Evidence) -> Event | None:
        if self.away.is_set():
            raise StoreError("the database is away")
        self.evidence[event_id] = evidence
        return self.events[event_id].model_copy(update={"evidence": evidence})

    def known(self, event_id: str) -> bool:
        return event_id in self.events


def event(name: str, state: str = "open", **more: object) -> Event:
    return Event.model_validate(
        {
            "id": name,
            "type": "camera_offline",
            "camera": "yard",
            "severity": "info",
            "start": 1.0,
            "opened": 1.0,
            "at": 1.0,
        }
        | {"state": state}
        | more
    )


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


def recorder(store: FakeStore, journal: Path | None = None) -> Recorder:
    made = Recorder(store, None, Hub(), Wording(), journal)
    made.start()
    return made


def test_stages_in_order(store: FakeStore) -> None:
    made = recorder(store)
    for happening in (event("A"), event("A", count=2), event("B", "closed"), event("A", "closed")):
        made.put(Happening(happening, None, None))
    assert made.flush(5)
    assert store.said == [
        ("A", "opened", True),
        ("A", "updated", False),
        ("B", "opened", True),  # over when first told: one message
        ("A", "closed", False),
    ]
    assert store.events["A"].summary is not None
    made.stop(2)


@pytest.mark.parametrize(
    ("zone", "told"), [(UTC, "2026-09-21 14:13:21 UTC"), (ZoneInfo("Asia/Shanghai"), "2026-09-21 22:13:21 CST")]
)
def test_times_are_told_in_the_time_zone_of_the_config(store: FakeStore, zone: tzinfo, told: str) -> None:
    made = recorder(store)
    made.wording = Wording("en", zone)
    made.put(Happening(event("A", start=1_790_000_001.0), None, None))
    assert made.flush(5)
    summary = store.events["A"].summary
    assert summary is not None
    assert told in summary.text
    made.stop(2)


def test_a_store_that_is_away_is_waited_for(store: FakeStore) -> None:
    made = recorder(store)
    store.away.set()
    made.put(Happening(event("A"), None, None))
    made.put(Happening(event("B"), None, None))
    assert _until(lambda: store.tries >= 2)
    assert store.said == []
    store.away.clear()
    assert made.flush(10)
    assert [said[0] for said in store.said] == ["A", "B"]
    made.stop(2)


def test_what_cannot_be_committed_before_the_end_is_committed_at_the_next_start(
    store: FakeStore, tmp_path: Path
) -> None:
    journal = tmp_path / "unsaved.jsonl"
    made = recorder(store, journal)
    made.put(Happening(event("A"), None, None))
    assert made.flush(5)
    store.away.set()
    made.put(Happening(event("A", "closed", end=9.0), None, None))
    made.put(Happening(event("B"), None, None))
    made.stop(1.0)
    assert journal.is_file()
    with journal.open("a") as file:
        file.write('{"id": "C", "ty')  # a power cut in the middle of a line
    store.away.clear()
    again = recorder(store, journal)
    assert store.said == [("A", "opened", True), ("A", "closed", False), ("B", "opened", True)]
    assert not journal.exists()
    again.stop(1)


def test_evidence_that_comes_late_is_kept_with_the_event(store: FakeStore) -> None:
    made = recorder(store)
    made.put(Happening(event("A"), None, None))
    made.attach("A", Evidence(clip="clips/a.mp4"))
    assert made.flush(5)
    assert store.evidence["A"].clip == "clips/a.mp4"
    stage, told = made._hub.recent[-1]
    assert (stage, told.evidence.clip) == ("updated", "clips/a.mp4")  # listeners hear of it
    made.stop(1)


def test_listeners_hear_what_is_committed(store: FakeStore) -> None:
    made = recorder(store)
    made.put(Happening(event("A"), None, None))
    assert made.flush(5)
    assert [(stage, told.id) for stage, told in made._hub.recent] == [("opened", "A")]
    made.stop(1)


SEEN = {"activity": "walking", "clothing_colour": "red", "carried": "bag", "posture": "upright", "subject": "person"}
CLEAR = {"visibility": "clear", "threat": 2}


def asking(store: FakeStore, *script: dict[str, object] | Exception, waits: bool = False) -> Event:
    """One intrusion through a recorder with a model that answers by the script; the event as stored in the end."""
    made = recorder(store)
    model = ScriptedModel(script)
    made.describer = Describer(model, Asking(side=64), made.described, deadline_s=5)
    made.describer.start()
    picture = ArrayPicture(np.full((90, 160, 3), 120, np.uint8))
    happened = event("A", type="intrusion", label="person", box=(0.4, 0.3, 0.5, 0.7), track_id=1)
    shots = (Shot(picture, happened.box, 1.0),)
    made.put(Happening(happened, None, picture, shots, 10.0 if waits else None))
    assert _until(lambda: sum(made.describer.words.outcomes.values()) == 1)
    assert made.flush(5)
    made.put(Happening(happened.model_copy(update={"state": "closed", "end": 9.0}), None, None))
    assert made.flush(5)
    made.describer.stop(1)
    made.stop(1)
    return store.events["A"]


def test_what_the_model_saw_is_told_as_an_update_and_stays_with_the_event(store: FakeStore) -> None:
    told = asking(store, SEEN | CLEAR | {"supports": "yes"})
    assert [said[1] for said in store.said] == ["opened", "described", "closed"]
    assert told.summary is not None
    assert told.summary.source == "local"
    assert told.summary.text.startswith("A person was in")  # facts first, as they are at the end
    assert "red" in told.summary.text
    assert told.described is not None
    assert told.described["model"] == "scripted"


@pytest.mark.parametrize(
    ("answer", "became"),
    [
        # the picture supports the alarm
        (SEEN | CLEAR | {"supports": "yes"}, "let go"),
        # nobody is there, and the answer is at one with itself
        (
            {
                "activity": "none",
                "clothing_colour": "unsure",
                "carried": "unsure",
                "posture": "unsure",
                "subject": "none",
            }
            | {"visibility": "clear", "threat": 0, "supports": "no"},
            "withheld",
        ),
        # it denies the alarm and says nothing that would explain it
        (SEEN | CLEAR | {"supports": "no"}, "let go"),
        # it does not know, or does not answer
        (SEEN | CLEAR | {"supports": "unsure"}, "let go"),
        (NoAnswer("timeout", "too slow"), "let go"),
        (RuntimeError("a fault in a backend"), "let go"),
    ],
)
def test_only_a_sound_no_holds_an_alert_back(store: FakeStore, answer: dict[str, object], became: str) -> None:
    told = asking(store, answer, waits=True)
    assert store.verdicts == [("A", "waits 10 s"), ("A", became)]
    assert ("withheld" in told.facts) == (became == "withheld")  # and it stays visible, with the reason


def test_without_suppress_a_no_changes_nothing(store: FakeStore) -> None:
    nobody = {"activity": "none", "clothing_colour": "unsure", "carried": "unsure", "posture": "unsure"}
    asking(store, nobody | CLEAR | {"subject": "none", "threat": 0, "supports": "no"})
    assert store.verdicts == []


def _until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return False
