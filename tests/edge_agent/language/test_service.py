"""The queue of questions: who goes first, what floods and time do to it, and what it tells of itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from edge_agent.language.service import Asking, Describer, Outcome, Shot
from tests.language_peers import wait_for
from vision.events import Event, Fact
from vision.frame import ArrayPicture
from vision.language.model import Answer, JsonSchema, NoAnswer, ScriptedModel, Task

PICTURE = ArrayPicture(np.full((90, 160, 3), 120, np.uint8))
WALKS = {"activity": "walking", "clothing_colour": "red", "carried": "bag", "posture": "upright", "subject": "person"}
ANSWER = WALKS | {"visibility": "clear", "supports": "yes", "threat": 2}
LIES = ANSWER | {"posture": "lying"}  # walks and lies at once: contradicts itself


def event(name: str, camera: str = "yard", rule: str = "intrusion") -> Event:
    return Event(
        id=name, type="intrusion", camera=camera, rule=rule, severity="alert", start=1.0, opened=1.0, at=1.0,
        label="person", box=(0.4, 0.3, 0.5, 0.7),
    )  # fmt: skip


@dataclass
class Slow:
    """Answers only when it may; `begun` counts questions."""

    name: str = "slow"
    sees: bool = True
    pressed: bool = False
    begun: list[str] = field(default_factory=list)
    may: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def ask(
        self, task: Task, images: Sequence[bytes], facts: Mapping[str, Fact], schema: JsonSchema, deadline_s: float
    ) -> Answer:
        self.begun.append(task.prompt)
        if not self.may.acquire(timeout=60):
            raise NoAnswer("timeout", "nobody let it")
        return Answer({name: ANSWER[name] for name in schema["properties"]}, "", self.name, 0.1)

    def unload_if_pressed(self, *, idle_s: float) -> bool:
        return self.pressed and idle_s > 0

    def close(self) -> None:
        self.may.release()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def describing(model: Slow | ScriptedModel, clock: Clock | None = None) -> Iterator[tuple[Describer, list[Outcome]]]:
    """A describer at work, and what came of its questions so far."""
    came: list[Outcome] = []
    describer = Describer(model, Asking(side=64), came.append, deadline_s=20.0, clock=clock or Clock())
    describer.start()
    try:
        yield describer, came
    finally:
        describer.stop(60.0)
    assert len({outcome.event.id for outcome in came}) == len(came)  # each has one outcome


def put(describer: Describer, of: Event, **more: float | bool) -> None:
    describer.put(of, [Shot(PICTURE, of.box, of.at)], **more)  # type: ignore[arg-type]  # within_s and urgent


def test_urgent_ones_go_first_then_the_newest() -> None:
    model = Slow()
    with describing(model) as (describer, came):
        put(describer, event("A", "first"))
        assert wait_for(lambda: len(model.begun) == 1, 60.0)  # the others wait now
        put(describer, event("B", "old"))
        put(describer, event("C", "waits for a verdict"), within_s=10.0, urgent=True)
        put(describer, event("D", "new"))
        assert describer.status().waiting == 3
        assert describer.status().asking
        for _ in range(4):
            model.may.release()
        assert wait_for(lambda: len(came) == 4, 60.0)
    assert [outcome.event.id for outcome in came] == ["A", "C", "D", "B"]


def test_a_flood_of_one_incident_is_one_question_about_its_newest_event() -> None:
    model = Slow()
    with describing(model) as (describer, came):
        put(describer, event("A"))
        assert wait_for(lambda: len(model.begun) == 1, 60.0)
        for number in range(50):
            put(describer, event(f"F{number}"))
        put(describer, event("other rule", rule="loitering"))
        assert describer.status().waiting == 2
        for _ in range(3):
            model.may.release()
        assert wait_for(lambda: len(came) == 52, 60.0)
        assert wait_for(lambda: describer.status().answered == 3, 60.0)
        assert describer.status().outcomes == {"replaced": 49, "answered": 3}
        assert describer.status().troubles == {}
    answered = {outcome.event.id for outcome in came if outcome.told}
    assert answered == {"A", "F49", "other rule"}


def test_what_waited_too_long_is_not_asked() -> None:
    model, clock = Slow(), Clock()
    with describing(model, clock) as (describer, came):
        put(describer, event("A"))
        assert wait_for(lambda: len(model.begun) == 1, 60.0)
        put(describer, event("B", "gate"))
        clock.now += 19.9
        model.may.release()
        assert wait_for(lambda: len(came) == 2, 60.0)
    assert [outcome.why_not for outcome in came] == [None, "its time had passed before it was asked"]


def test_at_the_end_nobody_is_left_without_an_outcome() -> None:
    model = Slow()
    with describing(model) as (describer, came):
        put(describer, event("A"))
        assert wait_for(lambda: len(model.begun) == 1, 60.0)
        put(describer, event("B", "gate"))
    assert {outcome.event.id for outcome in came} == {"A", "B"}


def test_after_the_end_an_event_is_told_that_there_are_no_words() -> None:
    with describing(ScriptedModel([])) as (describer, came):
        describer.stop(60.0)
        put(describer, event("late"), within_s=10.0, urgent=True)  # its alert must not wait for nobody
        assert [outcome.why_not for outcome in came] == ["the agent ends"]


def test_what_it_tells_of_itself() -> None:
    clock = Clock()
    script: list[Mapping[str, Any] | Exception] = [ANSWER, LIES, NoAnswer("timeout", "too slow")]
    with describing(ScriptedModel(script), clock) as (describer, came):
        for number in range(3):
            put(describer, event(str(number)))
            assert wait_for(lambda number=number: sum(describer.words.outcomes.values()) == number + 1, 60.0)  # type: ignore[misc]  # bound at once
        now = describer.status()
    assert (now.model, now.state, now.waiting, now.asking) == ("scripted", "server", 0, False)
    assert now.outcomes == {"answered": 2, "timeout": 1}
    assert (now.answered, now.troubles) == (2, {"timeout": 1})
    assert now.contradictions > 0
    assert sum(now.dropped.values()) >= now.contradictions
    assert sum(now.verdicts.values()) == 2
    assert sum(now.latencies.values()) == 2
    assert now.last_failure == "timeout: too slow"
    assert len(came) == 3


def test_a_model_without_eyes_is_not_asked_what_it_sees() -> None:
    model = ScriptedModel([ANSWER], sees=False)
    with describing(model) as (describer, came):
        put(describer, event("A"))
        assert wait_for(lambda: len(came) == 1, 60.0)
    assert model.asked == []
    assert came[0].why_not is not None
    assert "it has no vision part (language.mmproj)" in came[0].why_not


@pytest.mark.parametrize(
    ("pressed", "waiting", "goes"),
    [
        (False, False, False),  # there is memory enough
        (True, False, True),
        (True, True, False),  # it is needed in a moment
    ],
)
def test_an_idle_model_goes_where_memory_is_wanted(pressed: bool, waiting: bool, goes: bool) -> None:
    model = Slow(pressed=pressed)
    describer = Describer(model, Asking(), lambda _: None)
    if waiting:
        put(describer, event("A"))
    assert describer.ease() == goes
    describer.stop(1.0)


def test_a_server_s_model_is_left_alone() -> None:
    describer = Describer(ScriptedModel([]), Asking(), lambda _: None)
    assert not describer.ease()
    describer.stop(1.0)
