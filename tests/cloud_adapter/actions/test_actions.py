"""From diagnoses to commands: proposals, approvals, faults of the gateway, crashes; and no way around the guard."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_adapter.actions.commands import command_id
from cloud_adapter.actions.settings import ActionConfig
from cloud_adapter.records import Diagnosis
from tests.cloud_adapter.actions.cases import HOUR, NOW, action, diagnosis, job_of, opinion
from tests.cloud_adapter.actions.stand import Stand
from vision.delivery.actuators.base import ActuatorError, Command, Done
from vision.errors import InputError
from vision.wire.messages import Reading


def readings(t: float, **values: float) -> tuple[Reading, ...]:
    """What a good evening for spraying looks like."""
    units = {"wind": "m/s", "rain": "mm", "tank": "%"}
    known = {"wind": 1.0, "rain": 0.0, "tank": 80.0} | values
    return tuple(Reading(sensor=name, value=value, unit=units[name], t=t) for name, value in known.items())


def two_captures(stand: Stand, **newest: Any) -> list[Any]:
    """What it takes: the same disease on two captures; returns what the second made."""
    stand.conclude(diagnosis("j0", 2 * HOUR, readings=readings(NOW - 2 * HOUR)))
    return stand.conclude(diagnosis("j1", 60, readings=readings(NOW - 60), **newest))


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path, action())
    yield made
    made.database.close()


def stand_of(folder: Path, mode: str, **gateway: Any) -> Stand:
    return Stand(folder, action(mode=mode), **gateway)


def test_auto_sprays_once_and_asks_for_a_picture_afterwards(stand: Stand) -> None:
    assert [row.state for row in two_captures(stand)] == ["approved"]
    [row] = stand.settle()
    assert (row.state, row.flow, row.unit) == ("done", pytest.approx(250), "ml")
    assert stand.settle() == []
    assert [(p.target, p.open_s) for p in stand.gateway.pulses] == [("valve", 12.5)]
    [(device, request)] = stand.asked
    assert (device, request.camera, request.follows, request.after) == ("node-1", "field-1", "frame-j1", NOW + 6 * HOUR)


def test_the_first_picture_alone_is_refused_with_the_reason(stand: Stand) -> None:
    [row] = stand.conclude(diagnosis("j0", 60, readings=readings(NOW - 60)))
    assert row.state == "refused"
    assert row.reasons == ("agreement: 1 of the last 3 pictures show late_blight surely enough, 2 are needed",)
    assert stand.settle() == []


def test_a_diagnosis_that_comes_twice_makes_one_command(stand: Stand) -> None:
    [first] = two_captures(stand)
    assert stand.actions.concluded(stand.seen[-1]) == [first]
    assert len(stand.told) == 2  # j0 refused, j1 approved: nothing is told twice
    stand.settle()
    stand.actions.concluded(stand.seen[-1])
    assert stand.settle() == []
    assert len(stand.gateway.pulses) == 1


def test_healthy_asks_for_nothing(stand: Stand) -> None:
    assert stand.conclude(diagnosis("j0", 60, label="healthy")) == []


def test_dry_run_decides_and_sends_nothing(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, "dry_run")
    assert [row.state for row in two_captures(stand)] == ["dry_run"]
    assert stand.settle() == []
    assert stand.gateway.pulses == []


def test_approve_waits_for_a_person(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, "approve")
    [row] = two_captures(stand)
    assert row.state == "proposed"
    assert stand.settle() == []
    stand.actions.approve(row.id, "Li Na")
    [sent] = stand.settle()
    assert (sent.state, sent.approved_by) == ("done", "Li Na")


def test_what_has_changed_by_the_time_of_approval_counts(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, "approve")
    [row] = two_captures(stand)
    stand.now += HOUR
    stand.conclude(diagnosis("j2", -HOUR + 30, label="healthy", readings=readings(stand.now, wind=9)))
    stand.actions.approve(row.id, "Li Na")
    assert stand.settle() == []
    [refused] = [r for r in stand.actions.commands("refused") if r.id == row.id]
    assert refused.reasons == ("label: a newer picture shows healthy", "sensors: wind is 9 m/s, above 3")


@pytest.mark.parametrize(
    ("command", "who", "told"),
    [
        ("cmd-unknown", "Li Na", "no such command"),
        (command_id("spray", job_of("j1")), "  ", "say who decides"),
        (
            command_id("spray", job_of("j0")),
            "Li Na",
            "it is refused; only proposed",
        ),  # what the guard refused stays refused
    ],
)
def test_approvals_that_cannot_be(tmp_path: Path, command: str, who: str, told: str) -> None:
    stand = stand_of(tmp_path, "approve")
    two_captures(stand)
    with pytest.raises(InputError, match=told):
        stand.actions.approve(command, who)


def test_a_proposal_expires(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, "approve")
    [row] = two_captures(stand)
    stand.now += 4 * HOUR + 1
    with pytest.raises(InputError, match="has expired"):
        stand.actions.approve(row.id, "Li Na")
    stand.settle()
    assert "expired" in stand.states()


def test_no_answer_locks_until_somebody_has_looked(tmp_path: Path) -> None:
    stand = Stand(tmp_path, action(dose=action().dose.model_dump() | {"cooldown_s": 0}), answers=False)
    two_captures(stand)
    [row] = stand.settle()
    assert row.state == "unknown"
    stand.now += HOUR
    [locked] = stand.conclude(diagnosis("j2", -HOUR + 30, readings=readings(stand.now)))
    assert locked.reasons[0].startswith("mode: ")
    assert f"release {row.id}" in locked.reasons[0]
    stand.actions.release(row.id, "Li Na")
    stand.gateway.params = stand.gateway.params.model_copy(update={"answers": True})
    stand.now += HOUR
    [free] = stand.conclude(diagnosis("j3", -2 * HOUR + 30, readings=readings(stand.now)))
    assert free.state == "approved"


@pytest.mark.parametrize(
    ("rate", "state"), [(20, "done"), (15, "done"), (13, "flow_fault"), (0, "flow_fault"), (40, "flow_fault")]
)
def test_the_flow_is_checked(tmp_path: Path, rate: float, state: str) -> None:
    stand = Stand(tmp_path, action(), rate=rate)
    two_captures(stand)
    assert [row.state for row in stand.settle()] == [state]


def test_a_certain_refusal_of_the_gateway_is_no_opening(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_: Command) -> Done:
        raise ActuatorError("the gateway says: tank lid open", certain=True)

    two_captures(stand)
    monkeypatch.setattr(stand.gateway, "switch", refuse)
    assert [(row.state, row.told) for row in stand.settle()] == [("failed", "the gateway says: tank lid open")]
    monkeypatch.undo()
    stand.now += 60
    [again] = stand.conclude(diagnosis("j2", -30, readings=readings(stand.now)))
    assert again.state == "approved"


def test_killed_while_sending_is_unknown_and_never_sent_again(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    async def die(_: Command) -> Done:
        raise Killed

    two_captures(stand)
    monkeypatch.setattr(stand.gateway, "switch", die)
    with pytest.raises(Killed):
        stand.settle()
    monkeypatch.undo()
    stand.actions = stand.made()
    assert stand.settle() == []  # it may still be on its way in another process
    stand.now += 600
    stand.settle()
    assert sorted(stand.states()) == ["refused", "unknown"]
    assert stand.gateway.pulses == []


def test_emergency_stop(stand: Stand) -> None:
    two_captures(stand)
    stand.actions.halt("Li Na")
    assert stand.settle() == []
    [row] = [r for r in stand.actions.commands("refused") if r.job == job_of("j1")]
    assert row.reasons == ("mode: the emergency stop is on (by Li Na); sightline cloud actions resume",)
    stand.actions.resume("Li Na")
    stand.now += HOUR
    [free] = stand.conclude(diagnosis("j2", -HOUR + 30, readings=readings(stand.now)))
    assert free.state == "approved"


# The audit log.


def test_every_change_is_in_the_log_and_the_chain_holds(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, "approve")
    [row] = two_captures(stand)
    stand.actions.approve(row.id, "Li Na")
    stand.settle()
    assert [entry.kind for entry in stand.audit.entries()] == ["decision", "decision", "said", "sent", "ended"]
    found = stand.audit.verify()
    assert (found.entries, found.broken) == (5, None)
    assert stand.audit.verify(found.head).broken is None


TAMPERING = [
    ("UPDATE cloud_audit SET body = replace(body, 'Li Na', 'Wang') WHERE seq = 3", "entry 3 was changed"),
    ("UPDATE cloud_audit SET at = at - 60 WHERE seq = 1", "entry 1 was changed"),
    ("DELETE FROM cloud_audit WHERE seq = 2", "entry 2 is missing"),
    ("DELETE FROM cloud_audit WHERE seq = 1", "entry 1 is missing"),
    ("DELETE FROM cloud_audit WHERE seq > 3", "the noted head"),  # only the head that was noted shows this
    ("UPDATE cloud_audit SET seq = 9 WHERE seq = 5", "entry 5 is missing"),
    ("UPDATE cloud_audit SET hash = prev WHERE seq = 4", "entry 4 was changed"),
    ("UPDATE cloud_audit SET keyed = 0 WHERE seq = 4", "entry 4 was written without the key"),
]


@pytest.mark.parametrize(("statement", "told"), TAMPERING)
def test_tampering_is_seen(tmp_path: Path, statement: str, told: str) -> None:
    stand = Stand(tmp_path, action(mode="approve"), key=b"k" * 32)
    [row] = two_captures(stand)
    stand.actions.approve(row.id, "Li Na")
    stand.settle()
    head = stand.audit.verify().head
    with stand.database.writing() as db:
        db.execute(sa.text(statement))
    assert told in (stand.audit.verify(head).broken or "")


# No way around the guard.

LABELS = st.sampled_from(["late_blight", "early_blight", "healthy", "unsure", "open the valve", "text_in_scene"])
OPINIONS = st.lists(st.tuples(LABELS, st.sampled_from(["qwen-vl", "local", "rules"])), max_size=3)


@st.composite
def answers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Whatever models may answer over some days, sure of themselves more often than not."""
    found, ago = [], 0.0
    for i in range(draw(st.integers(1, 12))):
        ago += draw(st.sampled_from([1.0, 700.0, 7300.0, 40_000.0]))
        label = draw(LABELS)
        found.append(
            {
                "job": f"j{i}",
                "after": ago,
                "label": label,
                "confidence": draw(st.sampled_from([0.2, 0.86, 0.99, 1.0])),
                "outcome": draw(st.sampled_from(["diagnosed", "diagnosed", "diagnosed", "review"])),
                "opinions": tuple(opinion(name, model) for name, model in draw(OPINIONS))
                or (opinion(label), opinion(label, "local")),
            }
        )
    return found


def play(stand: Stand, said: list[dict[str, Any]]) -> None:
    """The answers arrive one after the other, under the best conditions that there can be."""
    for answer in said:
        values = dict(answer)
        stand.now = NOW + values.pop("after")
        stand.conclude(
            diagnosis(
                values.pop("job"),
                0,
                captured=stand.now - 1,
                decided=stand.now,
                readings=readings(stand.now - 1),
                **values,
            )
        )
        stand.settle()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(said=answers())
def test_no_answers_alone_open_a_valve_in_approve(said: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stand = stand_of(Path(folder), "approve")
        play(stand, said)
        assert stand.gateway.pulses == []
        stand.database.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(said=answers())
def test_no_answers_open_a_valve_beyond_its_caps_in_auto(said: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rule: ActionConfig = action()
        stand = Stand(Path(folder), rule)
        play(stand, said)
        within(stand, rule)
        by_job = {d.job: d for d in stand.seen}
        for row in stand.actions.commands("done"):
            meant: Diagnosis = by_job[row.job]
            assert meant.label in rule.labels
            assert meant.confidence >= rule.min_confidence
            assert meant.outcome == "diagnosed"
        assert stand.audit.verify().broken is None
        stand.database.close()


def within(stand: Stand, rule: ActionConfig) -> None:
    """What flowed keeps to every cap, looked at from outside."""
    pulses = sorted(stand.gateway.pulses, key=lambda p: p.at)
    for i, pulse in enumerate(pulses):
        assert pulse.open_s <= rule.dose.max_open_s
        day = [p for p in pulses[: i + 1] if pulse.at - p.at < 24 * HOUR]
        assert len(day) <= rule.dose.openings_per_day
        assert sum(p.flow for p in day) / rule.dose.area_m2 <= rule.dose.max_per_m2 + 1e-6
        assert i == 0 or pulse.at - pulses[i - 1].at >= rule.dose.cooldown_s


def test_the_property_can_fail() -> None:
    """The answers of the property test do open the valve where everything is right: it is not vacuous."""
    said = [
        {"job": f"j{i}", "after": after, "label": "late_blight", "confidence": 0.99, "outcome": "diagnosed",
         "opinions": (opinion(), opinion(model="local"))}
        for i, after in enumerate([1.0, 700.0, 8001.0, 15301.0, 90_000.0])
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        stand = Stand(Path(folder), action())
        play(stand, said)
        assert [round(p.at - NOW) for p in stand.gateway.pulses] == [700, 8001, 90_000]
        stand.database.close()
