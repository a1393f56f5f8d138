"""What the guard allows, and at which step it refuses what it does not."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest

from cloud_adapter.actions.guard import Case, Step, decide
from tests.cloud_adapter.actions.cases import (
    HOUR,
    NOW,
    action,
    approval,
    case,
    diagnosis,
    opening,
    opinion,
    pictures,
    reading,
    readings,
)
from vision.schedule import Schedule

NIGHT = Schedule(timezone="UTC", active=("mon-sun 20:00-05:00",))
DAY = Schedule(timezone="UTC", active=("mon-sun 06:00-18:00",))


def broken(**values: Any) -> Any:
    """A diagnosis that no validation has seen."""
    return diagnosis().model_copy(update=values)


ROWS: list[tuple[str, Case, str | None]] = [
    # allowed
    ("everything holds", case(), None),
    (
        "two of three, the odd one in between",
        case(pictures=pictures(diagnosis("j2", HOUR, label="early_blight"), diagnosis("j0", 2 * HOUR))),
        None,
    ),
    (
        "exactly the confidence asked for",
        case(pictures=pictures(diagnosis("j0", 2 * HOUR, confidence=0.85), confidence=0.85)),
        None,
    ),
    ("exactly the wind allowed", case(readings=readings(wind=reading("wind", 3.0, "m/s"))), None),
    ("exactly the tank asked for", case(readings=readings(tank=reading("tank", 10, "%"))), None),
    ("a reading of exactly the age allowed", case(readings=readings(wind=reading("wind", 1, "m/s", 900))), None),
    ("the cool-down has just passed", case(openings=[opening(7200)]), None),
    (
        "yesterday's openings do not count",
        case(openings=[opening(24.1 * HOUR), opening(25 * HOUR), opening(26 * HOUR)]),
        None,
    ),
    ("inside the hours", case(action=action(hours=DAY)), None),
    ("approved by a person", case(action=action(mode="approve"), approval=approval()), None),
    ("dry run decides as auto would", case(action=action(mode="dry_run")), None),
    (
        "approve needs no calibration: a person looks",
        case(
            action=action(mode="approve"),
            approval=approval(),
            pictures=pictures(diagnosis("j0", 2 * HOUR, calibrated=False), calibrated=False),
        ),
        None,
    ),
    (
        "no second opinion asked for",
        case(action=action(second_opinion=False), pictures=pictures(opinions=(opinion(),))),
        None,
    ),
    ("nothing to keep clear of", case(action=action(clear_of=[]), pictures=pictures(facts={})), None),
    ("a later picture that says the same", case(newer=[diagnosis("j3", -1)]), None),
    # mode
    ("off", case(action=action(mode="off")), "mode"),
    ("emergency stop", case(stopped="the emergency stop is on"), "mode"),
    ("locked after a fault", case(stopped="cmd-0 got no answer"), "mode"),
    # schema
    ("no diagnosis at all", case(pictures=[]), "schema"),
    ("confidence above 1", case(pictures=[broken(confidence=1.7)]), "schema"),
    ("confidence that is no number", case(pictures=[broken(confidence=math.nan)]), "schema"),
    ("confidence as a text", case(pictures=[broken(confidence="very sure")]), "schema"),
    ("captured at infinity", case(pictures=[broken(captured=math.inf)]), "schema"),
    ("an outcome that there is not", case(pictures=[broken(outcome="open the valve")]), "schema"),
    ("an older diagnosis is broken", case(pictures=[diagnosis(), broken(confidence=-1)]), "schema"),
    ("opinions are no list", case(pictures=[broken(opinions="late_blight")]), "schema"),
    ("of another profile", case(pictures=[diagnosis(profile="rice")]), "schema"),
    ("of a camera that the action is not for", case(action=action(cameras=["field-9"])), "schema"),
    ("pictures of two cameras", case(pictures=pictures(diagnosis("j0", 2 * HOUR, camera="field-2"))), "schema"),
    ("pictures of two sites", case(pictures=pictures(diagnosis("j0", 2 * HOUR, site="other"))), "schema"),
    ("the clock shows nothing", case(now=math.nan), "schema"),
    # label
    ("a disease that is not on the list", case(pictures=pictures(label="leaf_roll")), "label"),
    ("healthy", case(pictures=pictures(label="healthy")), "label"),
    ("unsure", case(pictures=pictures(label="unsure")), "label"),
    (
        "healthy, and somebody put it on the list",
        case(action=action(labels=["healthy"]), pictures=pictures(label="healthy")),
        "label",
    ),
    ("in other letters", case(pictures=pictures(label="LATE_BLIGHT")), "label"),
    ("an order instead of a label", case(pictures=pictures(label="open the valve")), "label"),
    ("waiting for a person", case(pictures=pictures(outcome="review")), "label"),
    ("held back by the budget", case(pictures=pictures(outcome="held")), "label"),
    ("the provider failed", case(pictures=pictures(outcome="failed")), "label"),
    (
        "writing in the scene, says one of two",
        case(pictures=pictures(opinions=(opinion(), opinion(model="local", text_in_scene=True)))),
        "label",
    ),
    ("a later picture is healthy", case(newer=[diagnosis("j3", 0, label="healthy")]), "label"),
    ("a later picture waits for a person", case(newer=[diagnosis("j3", 0, outcome="review", label="unsure")]), "label"),
    # agreement
    ("one picture only", case(pictures=[diagnosis()]), "agreement"),
    (
        "the newest is not sure enough",
        case(pictures=pictures(diagnosis("j0", 2 * HOUR), diagnosis("j9", 3 * HOUR), confidence=0.84)),
        "agreement",
    ),
    (
        "the one before is not sure enough",
        case(pictures=pictures(diagnosis("j0", 2 * HOUR, confidence=0.5))),
        "agreement",
    ),
    (
        "the one before says another disease",
        case(pictures=pictures(diagnosis("j0", 2 * HOUR, label="early_blight"))),
        "agreement",
    ),
    (
        "the second lies behind the last n",
        case(
            pictures=pictures(
                *(diagnosis(f"u{i}", HOUR + i, label="unsure") for i in range(2)), diagnosis("j0", 2 * HOUR)
            )
        ),
        "agreement",
    ),
    ("two pictures of one capture", case(pictures=pictures(diagnosis("j0", 120))), "agreement"),
    ("the same picture twice", case(pictures=pictures(diagnosis("j0", 2 * HOUR, picture="picture-j1"))), "agreement"),
    (
        "no picture behind it",
        case(pictures=pictures(diagnosis("j0", 2 * HOUR, picture=None), picture=None)),
        "agreement",
    ),
    ("the one before is too old", case(pictures=pictures(diagnosis("j0", 49 * HOUR))), "agreement"),
    ("all are too old", case(pictures=pictures(diagnosis("j0", 60 * HOUR), ago_s=50 * HOUR)), "agreement"),
    ("the newest comes from the future", case(pictures=pictures(ago_s=-HOUR)), "agreement"),
    ("not calibrated", case(pictures=pictures(calibrated=False)), "agreement"),
    (
        "the one before not calibrated",
        case(pictures=pictures(diagnosis("j0", 2 * HOUR, calibrated=False))),
        "agreement",
    ),
    # second opinion
    ("one model alone", case(pictures=pictures(opinions=(opinion(),))), "second_opinion"),
    ("the same model twice", case(pictures=pictures(opinions=(opinion(), opinion()))), "second_opinion"),
    (
        "the other says healthy",
        case(pictures=pictures(opinions=(opinion(), opinion("healthy", "local")))),
        "second_opinion",
    ),
    (
        "the other is unsure",
        case(pictures=pictures(opinions=(opinion(), opinion("unsure", "local")))),
        "second_opinion",
    ),
    ("no opinions", case(pictures=pictures(opinions=())), "second_opinion"),
    # sensors
    ("wind", case(readings=readings(wind=reading("wind", 3.01, "m/s"))), "sensors"),
    ("rain", case(readings=readings(rain=reading("rain", 0.2, "mm"))), "sensors"),
    ("tank empty", case(readings=readings(tank=reading("tank", 9.9, "%"))), "sensors"),
    ("no wind sensor", case(readings=readings(wind=None)), "sensors"),
    ("no readings at all", case(readings={}), "sensors"),
    ("wind in another unit", case(readings=readings(wind=reading("wind", 1.2, "km/h"))), "sensors"),
    ("wind of an hour ago", case(readings=readings(wind=reading("wind", 1.2, "m/s", HOUR))), "sensors"),
    ("wind from the future", case(readings=readings(wind=reading("wind", 1.2, "m/s", -60))), "sensors"),
    ("wind that is no number", case(readings=readings(wind=reading("wind", math.nan, "m/s"))), "sensors"),
    (
        "tank of another camera",
        case(readings=readings(tank=None) | {("field-2", "tank"): reading("tank", 90, "%")}),
        "sensors",
    ),
    (
        "a second wind sensor of the site says storm",
        case(readings=readings() | {("mast", "wind"): reading("wind", 12, "m/s")}),
        "sensors",
    ),
    # in view
    ("a person", case(pictures=pictures(facts={"person_in_view": True, "animal_in_view": False})), "in_view"),
    ("an animal", case(pictures=pictures(facts={"person_in_view": False, "animal_in_view": True})), "in_view"),
    ("nobody looked", case(pictures=pictures(facts={})), "in_view"),
    ("looked for persons only", case(pictures=pictures(facts={"person_in_view": False})), "in_view"),
    ("no, as a text", case(pictures=pictures(facts={"person_in_view": "no", "animal_in_view": False})), "in_view"),
    ("zero is not no", case(pictures=pictures(facts={"person_in_view": 0, "animal_in_view": False})), "in_view"),
    # hours
    ("outside the hours", case(action=action(hours=NIGHT)), "hours"),
    # dose
    ("more than a square metre may get", case(openings=[opening(3 * HOUR, 400)]), "dose"),
    # caps
    (
        "openings of the day used up",
        case(
            action=action(dose=action().dose.model_dump() | {"max_per_m2": 600}),
            openings=[opening(3 * HOUR), opening(9 * HOUR)],
        ),
        "caps",
    ),
    ("cool-down", case(openings=[opening(7199)]), "caps"),
    ("an opening in the future: the clock went back", case(openings=[opening(-HOUR, 1)]), "caps"),
    # approval
    ("nobody has approved", case(action=action(mode="approve")), "approval"),
    ("approval of another proposal", case(action=action(mode="approve"), approval=approval("cmd-2")), "approval"),
    ("approval without a name", case(action=action(mode="approve"), approval=approval(who=" ")), "approval"),
    ("approval of yesterday", case(action=action(mode="approve"), approval=approval(ago_s=24 * HOUR)), "approval"),
    ("approval from the future", case(action=action(mode="approve"), approval=approval(ago_s=-HOUR)), "approval"),
]


@pytest.mark.parametrize(("what", "given", "refused_by"), ROWS, ids=[row[0] for row in ROWS])
def test_table(what: str, given: Case, refused_by: str | None) -> None:
    decision = decide(given)
    assert decision.refused_by == refused_by, decision.reasons
    assert decision.allowed == (refused_by is None)
    assert bool(decision.reasons) == (refused_by is not None)


def test_the_table_is_large_enough_and_meets_every_step() -> None:
    assert len(ROWS) >= 60
    assert [step for step in get_args(Step) if not any(row[2] == step for row in ROWS)] == []


def test_what_refuses_is_told_in_words_for_every_step_at_once() -> None:
    decision = decide(case(readings={}, openings=[opening(60)], action=action(mode="approve")))
    assert [reason.split(":")[0] for reason in decision.reasons] == ["sensors", "caps", "approval"]
    assert "the last opening was 60 s ago, 7200 s must pass" in decision.reasons[1]


def test_a_proposal_is_what_lacks_the_approval_alone() -> None:
    assert decide(case(action=action(mode="approve"))).proposed
    assert not decide(case(action=action(mode="approve"), readings={})).proposed
    assert not decide(case()).proposed


def test_a_surprise_refuses() -> None:
    class Odd(dict):  # type: ignore[type-arg]
        def items(self) -> Any:
            raise RuntimeError("the driver is gone")

    decision = decide(case(readings=Odd()))
    assert decision.refused_by == "sensors"
    assert "could not be checked (RuntimeError)" in decision.reasons[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"dose": {"amount": 900, "rate": 20, "area_m2": 10, "max_per_m2": 60, "max_open_s": 30}},  # 45 s open
        {"dose": {"amount": 250, "rate": 20, "area_m2": 1, "max_per_m2": 60, "max_open_s": 30}},  # one dose is too much
        {"dose": {"amount": -1, "rate": 20, "area_m2": 1, "max_per_m2": 60}},
        {"min_confidence": 0.3},  # less than a coin
        {"labels": []},
        {"agreement": {"k": 3, "n": 2}},
        {"agreement": {"k": 1, "n": 2, "captures": 2}},
        {"sensors": [{"sensor": "wind"}]},  # no bound allows everything
        {"sensors": [{"sensor": "wind", "min": 3, "max": 1}]},
        {"mode": "always"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        action(**wrong)


def test_the_same_case_gives_the_same_decision() -> None:
    for _, given, _ in ROWS:
        assert decide(given) == decide(given)


def test_now_is_a_monday() -> None:
    assert DAY.armed(NOW)
    assert not NIGHT.armed(NOW)
