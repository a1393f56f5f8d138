"""How results become a verdict, and what a recipe may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from vision.geometry import Box
from vision.inspect.check import check_types
from vision.inspect.recipe import Recipe
from vision.inspect.result import CheckResult, Finding, combine

PASS = CheckResult("a", "pass", 0.2, 1.0)
REJECT = CheckResult("b", "reject", 3.0, 1.0, (Finding(Box(0, 0, 4, 4), "spot", 16.0, 3.0),), reasons=("a spot",))
WORSE = CheckResult("c", "reject", 50.0, 10.0, (Finding(Box(9, 9, 12, 12), "dent", 9.0, 50.0),), reasons=("a dent",))
NONE = CheckResult.undecided("d", "no light")


@pytest.mark.parametrize(
    ("results", "outcome", "reasons"),
    [
        ([PASS], "pass", ()),
        ([PASS, PASS], "pass", ()),
        ([PASS, REJECT], "reject", ("a spot",)),
        ([PASS, NONE], "no_decision", ("no light",)),  # what was not looked at has not passed
        ([NONE, REJECT], "reject", ("a spot", "no light")),  # what is known to be bad stays bad
        ([NONE, NONE], "no_decision", ("no light",)),  # a reason is told once
        ([], "no_decision", ("no check looked at the part",)),  # nor has what nobody looked at
    ],
)
def test_one_verdict_of_all_results(results: list[CheckResult], outcome: str, reasons: tuple[str, ...]) -> None:
    verdict = combine(results)
    assert (verdict.outcome, verdict.reasons) == (outcome, reasons)


def test_the_worst_leads() -> None:
    verdict = combine([PASS, REJECT, NONE, WORSE])
    assert verdict.leading is WORSE  # five times its threshold, the other three times
    assert [finding.kind for finding in verdict.findings] == ["dent", "spot"]
    assert combine([NONE]).leading is None


def test_nothing_is_rejected_without_a_reason() -> None:
    with pytest.raises(ValueError, match="without a reason"):
        CheckResult("a", "reject", 2.0, 1.0)


def test_every_check_has_parameters_with_words() -> None:
    for kind, check in check_types().items():
        for name, field in check.Params.model_fields.items():
            assert name == "type" or field.description, f"{kind}.{name} has no description"


GOLDEN: list[dict[str, Any]] = [{"type": "golden"}]


@pytest.mark.parametrize(
    "values",
    [
        {},  # nothing to look at
        {"regions": []},
        {"checks": []},
        {"checks": [{"type": "golden"}, {"type": "golden"}]},  # two of one name
        {"checks": [{"type": "goldn"}]},
        {"checks": GOLDEN, "regions": [{"checks": GOLDEN}]},
        {"regions": [{"checks": GOLDEN}, {"checks": GOLDEN}]},  # two regions of one name
        {"regions": [{"checks": GOLDEN, "box": [0.5, 0, 0.5, 1]}]},  # empty
        {"regions": [{"checks": GOLDEN, "box": [0, 0, 1, 1.5]}]},  # beyond the part
        {"regions": [{"checks": GOLDEN, "box": [0, 0, 1, 1], "polygon": [[0, 0], [1, 0], [1, 1]]}]},
        {"regions": [{"checks": GOLDEN, "polygon": [[0, 0], [1, 1]]}]},
        {"checks": GOLDEN, "locate": {"turn": 200}},
        {"checks": GOLDEN, "referense": "a.png"},
    ],
)
def test_recipes_that_cannot_be_meant(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate(values)


def test_a_short_recipe_and_its_long_form() -> None:
    short = Recipe.model_validate({"reference": "a.png", "checks": GOLDEN})
    assert short == Recipe.model_validate({"reference": "a.png", "regions": [{"name": "part", "checks": GOLDEN}]})
    assert Recipe.model_validate(short.model_dump(mode="json")) == short
    named = {"checks": [{"type": "golden"}, {"type": "golden", "name": "fine", "contrast": 10}]}
    assert [check.title for check in Recipe.model_validate(named).regions[0].checks] == ["golden", "fine"]
