"""Settings, questions, calibration, references and the shipped advice."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from cloud_adapter.diagnosis.advising import advice_table, shipped_crops
from cloud_adapter.diagnosis.calibration import Calibration, fit, scaled
from cloud_adapter.diagnosis.diagnoser import open_diagnoser
from cloud_adapter.diagnosis.models import Models, models_of
from cloud_adapter.diagnosis.questions import choice_question, health_question
from cloud_adapter.diagnosis.references import examples
from cloud_adapter.diagnosis.settings import LeafProfile, Profiles, Reference
from cloud_adapter.providers.catalogue import catalogue
from cloud_adapter.providers.wire import asked
from tests.cloud_adapter.diagnosis.looks import LABELS, Direct, job
from vision.errors import ConfigError, InputError

PROFILE = LeafProfile(crop="potato", labels=LABELS, model="rules")
# Trade names and doses that must never be in a table: what is registered differs by country.
FORBIDDEN = re.compile(
    r"mancozeb|chlorothalonil|azoxystrobin|copper|bravo|metalaxyl|neem|abamectin|tricyclazole|"
    r"\d+\s*(?:g|kg|ml|l|%)\s*(?:/|per)|\b\d+\s*(?:ppm|ml|kg)\b|代森|百菌清|铜制剂",
    re.IGNORECASE,
)


@pytest.mark.parametrize("crop", shipped_crops())
def test_advice_is_sourced_and_says_that_nobody_reviewed_it(crop: str) -> None:
    table = advice_table(crop)
    assert "healthy" in table.entries
    for label, entry in table.entries.items():
        assert set(entry.text) == set(entry.name) == {"en", "zh"}, label
        assert entry.sources
        for locale in ("en", "zh"):
            told = table.find(label, locale)  # type: ignore[arg-type]  # both are locales
            assert told is not None
            assert not FORBIDDEN.search(told.text), (label, locale)
            assert told.reviewed == (entry.reviewed_by is not None)
            if not told.reviewed:
                assert ("Not yet reviewed" in told.text) or ("尚未经农艺师审核" in told.text)


def test_advice_covers_the_diseases_of_the_test_pictures() -> None:
    assert {"early_blight", "late_blight"} <= set(advice_table("potato").entries)
    assert {"bacterial_blight", "brown_spot", "blast"} <= set(advice_table("rice").entries)
    assert len(advice_table("tomato").entries) >= 6
    assert advice_table("maize").find("rust", "en") is None  # no table: no advice, and no error


def test_advice_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    source = "[{who: us, what: our trials, read: 2026-01-01}]"
    path.write_text(
        "crop: potato\nwritten: 2026-01-01\nentries:\n  late_blight:\n    name: {en: blight}\n"
        f"    text: {{en: Call me.}}\n    sources: {source}\n    reviewed_by: Dr. A\n",
        encoding="utf-8",
    )
    found = advice_table("potato", path).find("late_blight", "zh")
    assert found is not None
    assert (found.text, found.reviewed) == ("Call me.", True)
    path.write_text("crop: potato\nwritten: 2026-01-01\nentries:\n  a: {text: {}}\n", encoding="utf-8")
    with pytest.raises(ConfigError):
        advice_table("potato", path)


def test_names_of_questions_change_with_what_the_model_reads() -> None:
    other = PROFILE.model_copy(update={"crop": "tomato"})
    health = health_question("a", PROFILE)
    assert health.prompt == health_question("a", PROFILE).prompt
    assert health.prompt != health_question("a", other).prompt
    assert health.prompt != health_question("b", PROFILE).prompt
    fewer = PROFILE.model_copy(update={"labels": {"late_blight": LABELS["late_blight"]}})
    assert choice_question("a", PROFILE, ()).prompt != choice_question("a", fewer, ()).prompt


def test_wire_models_are_flat_closed_and_all_required() -> None:
    for question in (health_question("a", PROFILE), choice_question("a", PROFILE, ())):
        schema = question.wire.model_json_schema()
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) == set(schema["properties"])
        assert all("enum" in field for field in schema["properties"].values())
    assert asked(choice_question("a", PROFILE, ()).wire).keys() == {"label", "severity", "text_in_scene"}


def test_references_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (900, 700, 3), dtype=np.uint8)
    path = tmp_path / "leaf.png"
    cv2.imwrite(str(path), noise)
    profile = PROFILE.model_copy(update={"references": (Reference(picture=path, label="late_blight"),)})
    first, second = examples("a", profile), examples("a", profile)
    assert first == second
    assert max(first[0].picture.width, first[0].picture.height) == 384
    assert choice_question("a", profile, first).prompt != choice_question("a", profile, ()).prompt
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="no picture"):
        examples("a", profile)
    path.unlink()
    with pytest.raises(InputError, match="check the path"):
        examples("a", profile)


def test_scaling_keeps_order_and_adds_up() -> None:
    odds = {"a": 0.9, "b": 0.1, "c": 0.0}
    assert scaled(odds, 1.0) == pytest.approx(odds)
    soft = scaled(odds, 3.0)
    assert list(soft) == ["a", "b", "c"]
    assert 0.5 < soft["a"] < 0.9
    assert sum(soft.values()) == pytest.approx(1)


def test_fit_finds_overconfidence() -> None:
    """A model that says 0.95 and is right in three of four is too sure; one that is right always is not."""
    sure = {"a": 0.95, "b": 0.05}
    assert fit([(sure, "a")] * 3 + [(sure, "b")]) > 1.5
    assert fit([(sure, "a")] * 20) < 1.0
    assert fit([]) == 1.0


def test_calibration_file(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "entries:\n  - {model: m, profile: p, temperature: 2, pictures: 50, on: 2026-11-01, by: us}\n", encoding="utf-8"
    )
    table = Calibration.read(path)
    assert table.known("p", "m")
    assert not table.known("p", "n")
    assert not Calibration.read(None).known("p", "m")


def test_profiles_of_a_config() -> None:
    adapter: TypeAdapter[Profiles] = TypeAdapter(Profiles)
    leaf = {"crop": "potato", "labels": {"late_blight": {}}, "model": "openai-luna", "kind": "leaf"}
    profiles = adapter.validate_python({"field": leaf | {"second_model": "rules"}, "hole": {"kind": "cover"}})
    assert models_of(profiles) == {"openai-luna", "rules"}
    wrong = [
        leaf | {"labels": {"healthy": {}}},
        leaf | {"labels": {}},
        leaf | {"second_model": "openai-luna"},
        leaf | {"references": [{"picture": "x.jpg", "label": "rust"}]},
        leaf | {"references": [{"picture": "x.jpg", "label": "healthy"}] * 9},
        leaf | {"labels": {"Late Blight": {}}},
        {"kind": "cover", "in_place_deg": 20},
    ]
    for one in wrong:
        with pytest.raises(ValidationError):
            adapter.validate_python({"field": one})


def test_unknown_profile_is_named() -> None:
    import asyncio

    models = Models.open(["rules"], catalogue())
    diagnoser = open_diagnoser({"field": PROFILE}, models, now=lambda: 0.0)
    diagnosis = asyncio.run(diagnoser.diagnose(job("feild"), None, Direct()))
    assert diagnosis.outcome == "failed"
    assert "known are: field" in diagnosis.reasons[0]
    with pytest.raises(InputError, match="did you mean rules"):
        Models.open(["rule"], catalogue())
