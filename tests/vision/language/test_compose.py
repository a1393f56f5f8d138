"""The final sentence: facts first, then what the model adds, and a record of which is which."""

import json
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vision.language.grounding_rows import (
    BAG,
    BLACK,
    CAR,
    CLIMB,
    CLIMBS,
    COVERED,
    CROWD,
    EMPTY,
    FALL,
    GONE,
    INTRUSION,
    LEFT,
    LENS,
    LIES,
    MANY,
    NO,
    NOBODY,
    ROWS,
    UNNAMED,
    UNSURE,
    VEHICLE,
    WALKS,
    event,
)
from vision.events import Event
from vision.language.base import LOCALES
from vision.language.compose import Described, asked_digest, describe, dropped_lines, told_facts
from vision.language.compose_words import SeenWords, seen_words
from vision.language.fields import FIELDS, schema_for
from vision.language.grounding_tables import Reason
from vision.language.model import Answer
from vision.language.prompts import PromptOverride, task_for
from vision.language.template import summarize


def described(about: Event, values: dict[str, Any], **more: Any) -> Described:
    names = [name for name in FIELDS if name in values]
    schema = schema_for(about.type, names)
    own = [PromptOverride(task="My own question.")] if more.pop("own", False) else []
    return describe(about, Answer(values, "", "tiny", 0.25), task_for(about, overrides=own), schema, **more)


SENTENCES = [  # what follows the facts
    # somebody in a zone
    (
        INTRUSION,
        WALKS,
        "The model adds: wearing red and walking; the picture supports the alarm, threat 2 of 3.",
        "模型补充：身穿红色衣服，正在行走；画面与报警相符，威胁等级 2/3。",
    ),
    # with a bag, in the dark
    (
        CLIMB,
        CLIMBS | {"carried": "bag", "visibility": "dark", "supports": "unsure"},
        "The model adds: wearing red, climbing and carrying a bag; the picture is dark.",
        "模型补充：身穿红色衣服，正在攀爬，带着包；画面昏暗。",
    ),
    # nobody there
    (
        INTRUSION,
        NOBODY,
        "The model adds: the picture does not support the alarm, since nobody can be seen.",
        "模型补充：画面与报警不符，画面中没有人。",
    ),
    # the one who fell walks
    (
        FALL,
        WALKS | NO,
        "The model adds: wearing red; the picture does not support the alarm, since the person is walking.",
        "模型补充：身穿红色衣服；画面与报警不符，该人员正在行走。",
    ),
    # a thing
    (
        LEFT,
        BAG,
        "The model adds: a bag; the picture supports the alarm, threat 2 of 3.",
        "模型补充：目标为包；画面与报警相符，威胁等级 2/3。",
    ),
    # a thing that is a person
    (
        LEFT,
        EMPTY | {"subject": "person"},
        "The model adds: the picture does not support the alarm, since it is a person.",
        "模型补充：画面与报警不符，目标其实是人。",
    ),
    # an empty place
    (
        GONE,
        BAG | {"subject": "none"},
        "The model adds: nothing in its place; the picture supports the alarm, threat 2 of 3.",
        "模型补充：原处已空；画面与报警相符，威胁等级 2/3。",
    ),
    # a covered lens
    (
        COVERED,
        LENS,
        "The model adds: the lens is covered; the picture supports the alarm, threat 3 of 3.",
        "模型补充：镜头被遮挡；画面与报警相符，威胁等级 3/3。",
    ),
    # a crowd: nothing to add but that it is one
    (
        CROWD,
        MANY,
        "The model adds: the picture supports the alarm, threat 1 of 3.",
        "模型补充：画面与报警相符，威胁等级 1/3。",
    ),
    # a coloured car
    (
        CAR,
        VEHICLE | {"vehicle_colour": "blue"},
        "The model adds: the vehicle is blue; the picture supports the alarm, threat 2 of 3.",
        "模型补充：车辆为蓝色；画面与报警相符，威胁等级 2/3。",
    ),
    # who it is is known from the picture alone
    (
        UNNAMED,
        WALKS | {"supports": "unsure"},
        "The model adds: a person, wearing red and walking.",
        "模型补充：目标为人员，身穿红色衣服，正在行走。",
    ),
    # unsure of everything: the template stands alone
    (
        INTRUSION,
        UNSURE,
        "",
        "",
    ),
    # hardly anything survived: the template stands alone
    (
        INTRUSION,
        WALKS | {"visibility": "covered"},
        "",
        "",
    ),
    # black is not clear
    (
        BLACK,
        LENS | {"visibility": "clear"},
        "",
        "",
    ),
]


@pytest.mark.parametrize(("about", "values", "english", "chinese"), SENTENCES)
def test_sentences(about: Event, values: dict[str, Any], english: str, chinese: str) -> None:
    for locale, added in (("en", english), ("zh", chinese)):
        found = described(about, values, locale=locale)
        assert found.text.removeprefix(summarize(about, locale).text).strip() == added


@pytest.mark.parametrize("locale", LOCALES)
def test_the_facts_come_first_letter_by_letter(locale: Any) -> None:
    zone = timezone(timedelta(hours=8), "CST")
    for row in ROWS:
        live = row.event.model_copy(update={"start": 1_790_000_000.0, "end": 1_790_000_007.4})
        found = described(live, row.answer, locale=locale, timezone=zone)
        assert found.text.startswith(summarize(live, locale, timezone=zone).text)


def rest_of(text: str, words: SeenWords) -> str:
    """What is left of a text without all the fixed words: longest first."""
    fixed = [words.lead, words.yes, words.no, *words.visibility.values()]
    fixed += [words.threat.format(threat=n) for n in range(4)]
    fixed += [text for table in (words.details, words.doubts) for values in table.values() for text in values.values()]
    for known in sorted(fixed, key=len, reverse=True):
        text = text.replace(known, "\0")
    for mark in sorted((words.last_comma, words.comma, words.semicolon, words.why, words.stop), key=len, reverse=True):
        text = text.replace(mark, "\0")
    return text.replace("\0", "").strip()


WILD = st.one_of(
    st.text(max_size=40), st.integers(), st.none(), st.booleans(), st.lists(st.text(max_size=5), max_size=2)
)


@given(
    about=st.sampled_from([row.event for row in ROWS]),
    values=st.fixed_dictionaries(
        {}, optional={n: st.one_of(st.sampled_from(f.values), WILD) for n, f in FIELDS.items()}
    ),
    locale=st.sampled_from(LOCALES),
    own=st.booleans(),
)
def test_nothing_but_fixed_words_gets_into_the_sentence(
    about: Event, values: dict[str, Any], locale: Any, own: bool
) -> None:
    """Whatever a model answers, valid or not."""
    task = task_for(about, overrides=[PromptOverride(task="Mine.")] if own else [])
    found = describe(about, Answer(values, "", "m", 0.1), task, schema_for(about.type, FIELDS), locale=locale)
    added = found.text.removeprefix(summarize(about, locale).text)
    assert rest_of(added, seen_words(locale)) == ""
    assert bool(added) == found.adds or found.told == ()
    assert Described.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("locale", LOCALES)
def test_every_value_has_words_or_is_left_unsaid_on_purpose(locale: str) -> None:
    words, english = seen_words(locale), seen_words("en")
    unsaid = {
        ("carried", "nothing"),
        ("activity", "none"),
        ("vehicle_colour", "none"),
        ("people", "none"),
        ("place", "none"),
        ("extent", "none"),
    }
    for name, entry in FIELDS.items():
        if name in ("supports", "threat", "visibility", "verdict"):
            continue
        for value in entry.values:
            told = value in words.details[name]
            assert told is not (value == "unsure" or (name, value) in unsaid), (name, value)
    assert set(words.names) == set(FIELDS)
    assert set(words.reasons) == set(Reason.__args__)
    assert list(words.details) == list(english.details)
    assert {name: set(values) for name, values in words.doubts.items()} == {
        n: set(v) for n, v in english.doubts.items()
    }


def test_the_record_tells_what_comes_from_where() -> None:
    about = event("intrusion", "person", zone="yard", score=0.87, facts={"dwell_s": 7.4, "path_heights": 2.0})
    found = described(about, WALKS | {"vehicle_colour": "red"}, light=88.0, shown="crop")
    assert found.from_facts == ("label", "zone", "camera", "score", "start", "facts.dwell_s")
    assert found.from_model == {key: WALKS[key] for key in WALKS}
    assert found.told == ("clothing_colour", "activity", "threat", "supports")
    assert {name: (one.value, one.reason) for name, one in found.dropped.items()} == {
        "vehicle_colour": ("red", "label")
    }
    assert (found.verdict, found.threat, found.contradictions) == ("yes", 2, 1)
    assert (found.prompt, found.prompt_version, len(found.prompt_digest)) == ("intrusion", 1, 12)
    summary = found.summary()
    assert (summary.source, summary.model, summary.latency_s) == ("local", "tiny", 0.25)
    json.dumps(found.model_dump())


def test_the_question_can_be_known_again() -> None:
    """The digest of the whole question changes with the event's data and with the owner's words; the prompt's does not."""
    plain, other = described(INTRUSION, WALKS), described(INTRUSION.model_copy(update={"zone": "gate"}), WALKS)
    own = described(INTRUSION, WALKS, own=True)
    assert len({plain.asked, other.asked, own.asked}) == 3
    assert plain.asked == asked_digest(task_for(INTRUSION)) == described(INTRUSION, UNSURE).asked
    assert plain.prompt_digest == other.prompt_digest == own.prompt_digest


def test_a_model_that_adds_nothing_is_not_named() -> None:
    summary = described(INTRUSION, UNSURE).summary()
    assert (summary.source, summary.model) == ("template", None)


def test_flat_facts_can_be_kept_in_an_event() -> None:
    found = described(FALL, WALKS | {"supports": "no", "threat": 0, "clothing_colour": "unsure"})
    facts = found.flat()
    kept = FALL.model_copy(update={"facts": FALL.facts | facts})
    assert Event.model_validate(kept.to_dict()).facts["seen_verdict"] == "no"
    assert facts["seen_doubts"] == ["posture=upright", "activity=walking"]
    assert summarize(kept) == summarize(FALL)  # the template takes none of them for its own
    assert "seen_dropped" not in facts


def test_own_questions_are_known_by_their_name() -> None:
    """A denial under the owner's own question may rest on that question alone."""
    guard = WALKS | NO
    assert described(INTRUSION, guard).verdict == "unsure"
    found = described(INTRUSION, guard, own=True)
    assert (found.verdict, found.prompt) == ("no", "intrusion+own")
    assert found.text.endswith("wearing red and walking; the picture does not support the alarm.")


@pytest.mark.parametrize(
    ("locale", "lines"),
    [
        (
            "en",
            {
                "subject car: the detector saw something else",
                "supports the alarm yes: does not fit the rest of the answer",
            },
        ),
        ("zh", {"目标 car：检测器识别的目标不同", "是否相符 yes：与回答的其余部分矛盾"}),
    ],
)
def test_what_was_dropped_is_shown(locale: str, lines: set[str]) -> None:
    assert set(dropped_lines(described(INTRUSION, VEHICLE), locale)) >= lines


def test_facts_that_are_told_depend_on_the_sentence() -> None:
    assert told_facts(FALL) == ("camera", "start", "facts.lying_s")  # that it is a person who fell goes without saying
    assert told_facts(COVERED) == ("camera", "start", "end", "facts.kind")


def test_lying_is_said_once() -> None:
    assert "lying down;" in described(FALL, LIES).text
