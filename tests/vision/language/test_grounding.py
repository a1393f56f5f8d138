"""The filter for contradictions, on a table of made-up answers."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vision.language.grounding_rows import INTRUSION, ROWS, VEHICLE, WALKS, Row
from vision.language.fields import FIELDS, fields_for, schema_for
from vision.language.grounding import Grounded, ground


def asked(row: Row) -> dict[str, Any]:
    """The schema that gave such an answer: the type's own fields and those of the answer that are fields at all."""
    names = [name for name in (*fields_for(row.event.type), *row.answer) if name in FIELDS and name in row.answer]
    return dict(schema_for(row.event.type, names))


def grounded(row: Row) -> Grounded:
    return ground(row.event, row.answer, asked(row), light=row.light, own_task=row.own_task)


def test_the_table_is_long_enough_and_every_row_has_its_own_reason() -> None:
    assert len(ROWS) >= 80
    assert len({(row.why, row.event.type) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.event.type}: {row.why}" for row in ROWS])
def test_what_is_dropped_and_what_is_decided(row: Row) -> None:
    found = grounded(row)
    assert set(found.dropped) == (row.truth - row.missed) | row.wrongly, found.dropped
    assert found.verdict == row.verdict
    kept = set(found.fields.known()) | set(found.doubts)
    assert kept == set(row.answer) - set(found.dropped)  # nothing gets lost on the way, nothing is added


def measure(rows: Iterable[Row]) -> tuple[float, float, int, int]:
    """Precision and recall of dropping, how many values were judged, and how many had to go."""
    hit = dropped = wanted = values = 0
    for row in rows:
        found = set(grounded(row).dropped)
        hit += len(found & row.truth)
        dropped += len(found)
        wanted += len(row.truth)
        values += len(row.answer)
    return hit / dropped, hit / wanted, values, wanted


def test_precision_and_recall(capsys: pytest.CaptureFixture[str]) -> None:
    precision, recall, values, wanted = measure(ROWS)
    with capsys.disabled():
        print(f"\ncontradictions: {len(ROWS)} answers, {values} values, {wanted} to drop: ", end="")
        print(f"precision {precision:.3f}, recall {recall:.3f}", end="")
    assert precision >= 0.98
    assert recall >= 0.95


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 9), st.floats(), st.text(max_size=30), st.lists(st.integers())
)
LIKELY = {name: st.sampled_from(entry.values) for name, entry in FIELDS.items()}


@given(
    answer=st.one_of(
        st.fixed_dictionaries({}, optional=LIKELY), st.dictionaries(st.sampled_from([*FIELDS, "text"]), VALUES)
    ),
    row=st.sampled_from(ROWS),
    light=st.none() | st.floats(0, 255),
    own=st.booleans(),
)
def test_any_answer_is_taken_and_a_denial_rests_on_a_flawless_one(
    answer: dict[str, Any], row: Row, light: float | None, own: bool
) -> None:
    found = ground(row.event, answer, schema_for(row.event.type, FIELDS), light=light, own_task=own)
    assert set(found.dropped) | set(found.doubts) | set(found.fields.known()) == set(answer)
    assert not set(found.dropped) & set(found.fields.known())
    assert all(value in FIELDS[name].values for name, value in found.fields.known().items())
    if found.verdict == "no":
        assert not found.dropped
        assert answer["supports"] == "no"
        assert own or row.event.type == "tamper" or answer.get("visibility") in (None, "clear")
    if found.verdict == "yes":
        assert found.fields.supports == "yes"
    assert 0 <= found.confidence <= 1


def test_a_verdict_needs_at_least_half_of_the_answer() -> None:
    """An answer of which hardly anything survives tells nothing, whatever it says of the alarm."""
    wild = WALKS | {"subject": "car", "posture": "lying", "visibility": "covered"}
    found = ground(INTRUSION, wild, schema_for("intrusion"))
    assert found.verdict == "unsure"
    assert not found.trusted
    assert found.contradictions >= 5


def test_what_is_counted_as_a_contradiction() -> None:
    """Formal faults and verdicts that are held back are dropped too, but contradict nothing."""
    formal = ground(INTRUSION, WALKS | {"threat": "2", "mood": "calm"}, schema_for("intrusion"))
    assert (len(formal.dropped), formal.contradictions) == (2, 0)
    assert ground(INTRUSION, VEHICLE, schema_for("intrusion")).contradictions == 3


def test_same_answer_same_result() -> None:
    for row in ROWS:
        assert grounded(row) == grounded(row)
