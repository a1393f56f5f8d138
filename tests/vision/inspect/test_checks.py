"""What every check passes, rejects and leaves undecided."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from tests.vision.inspect.drawn import blank, view_of, with_disc, with_rectangle
from vision.errors import InputError
from vision.inspect.check import Check, ScriptedAssets, check_types
from vision.inspect.part import IDENTITY, View
from vision.inspect.recipe import AnyCheck
from vision.inspect.result import CheckResult

PLATE = with_rectangle(blank(), (100.0, 80.0), (60.0, 30.0), 0.0)
THREE = with_disc(with_disc(PLATE, (30.0, 30.0), 9.0, (40, 40, 40)), (170.0, 130.0), 9.0, (40, 40, 40))


def made(values: dict[str, Any]) -> Check[Any]:
    params = TypeAdapter(AnyCheck).validate_python(values)
    return check_types()[params.type](params, ScriptedAssets())


def look(values: dict[str, Any], view: View) -> CheckResult:
    result = made(values).look(view)
    # whatever the check: it says why, and its numbers fit its outcome
    assert result.outcome == "pass" or result.reasons
    if result.score is not None and result.threshold is not None:
        assert (result.score > result.threshold) == (result.outcome == "reject")
    return result


@pytest.mark.parametrize(
    ("values", "view", "outcome", "said"),
    [
        ({"type": "presence"}, view_of(PLATE), "pass", ""),
        ({"type": "presence"}, view_of(blank()), "reject", "nothing is in part"),
        ({"type": "presence", "present": False}, view_of(PLATE), "reject", "should not be"),
        ({"type": "presence", "tone": "bright"}, view_of(blank(grey=40)), "reject", "nothing"),
        (
            {"type": "presence", "level": 50},
            view_of(blank(grey=40)),
            "reject",
            "nothing",
        ),  # all of it: larger than a thing
        ({"type": "count", "least": 3}, view_of(THREE), "pass", ""),
        ({"type": "count", "least": 4}, view_of(THREE), "reject", "3 found in part, 4 expected"),
        ({"type": "count", "least": 1, "most": 2}, view_of(THREE), "reject", "1 to 2 expected"),
        (
            {"type": "count", "least": 1, "most": 2, "min_area": 1.0},
            view_of(THREE),
            "pass",
            "",
        ),  # the discs are too small
        ({"type": "size", "length": [29.8, 30.4]}, view_of(PLATE, 0.5), "pass", ""),  # 60 px of half a millimetre
        ({"type": "size", "length": [30.5, 31]}, view_of(PLATE, 0.5), "reject", "allowed 30.5 to 31"),
        ({"type": "size", "area": [449, 451], "width": [14.8, 15.3]}, view_of(PLATE, 0.5), "pass", ""),
        ({"type": "size", "width": [15, 16]}, view_of(PLATE), "no_decision", "inspect calibrate"),  # no millimetres
        ({"type": "size", "width": [29.5, 30.5], "unit": "px"}, view_of(PLATE), "pass", ""),
        ({"type": "size", "width": [1, 2], "unit": "px"}, view_of(blank()), "reject", "nothing to measure"),
        ({"type": "position", "at": [0.5, 0.5]}, view_of(PLATE), "pass", ""),
        ({"type": "position", "at": [0.5, 0.52]}, view_of(PLATE), "reject", "allowed 1"),  # 3.2 px of 200 are 1.6 %
        ({"type": "position", "at": [0.5, 0.52], "tolerance_mm": 2}, view_of(PLATE, 0.5), "pass", ""),
        ({"type": "position", "at": [0.5, 0.52], "tolerance_mm": 2}, view_of(PLATE), "no_decision", "calibration"),
        ({"type": "position"}, view_of(PLATE), "no_decision", "give `at`"),  # nowhere to take the place from
        ({"type": "position"}, view_of(PLATE, reference=PLATE), "pass", ""),
        ({"type": "position", "at": [0.5, 0.5]}, view_of(blank()), "reject", "nothing"),
        ({"type": "colour"}, view_of(PLATE), "no_decision", "no reference"),
        ({"type": "colour"}, view_of(PLATE, reference=PLATE), "pass", ""),
        ({"type": "colour", "colour": "#c8c8c8"}, view_of(blank()), "pass", ""),
        ({"type": "colour", "colour": "#c8a0a0"}, view_of(blank()), "reject", "allowed 5"),
        (
            {"type": "colour"},
            view_of(PLATE, reference=PLATE, mask=np.zeros((160, 200), np.uint8)),
            "no_decision",
            "seen",
        ),
        ({"type": "golden"}, view_of(PLATE), "no_decision", "no reference"),
        ({"type": "golden"}, view_of(PLATE, reference=PLATE), "pass", ""),
        ({"type": "golden"}, view_of(THREE, reference=PLATE), "reject", "differs from the good part"),
    ],
)
def test_outcomes(values: dict[str, Any], view: View, outcome: str, said: str) -> None:
    result = look(values, view)
    assert result.outcome == outcome, result
    assert said in " ".join(result.reasons)
    assert bool(result.findings) == (outcome == "reject")


def test_turned_by_more_than_allowed() -> None:
    turned = with_rectangle(blank(), (100.0, 80.0), (60.0, 30.0), 6.0)
    values = {"type": "position", "angle_tolerance": 5}
    result = look(values, view_of(turned, reference=PLATE))
    assert result.outcome == "reject"
    assert result.measures["turned_deg"] == pytest.approx(6, abs=0.3)
    assert look({**values, "angle": 4.0}, view_of(turned, reference=PLATE)).outcome == "pass"
    assert look({**values, "angle": -89.0, "at": [0.5, 0.5]}, view_of(with_rectangle(blank(), (100, 80), (60, 20), 89)))\
        .outcome == "pass"  # fmt: skip  # 89 and -89 are two degrees apart


def test_findings_are_in_the_original_picture() -> None:
    way = IDENTITY.copy()
    way[:, 2] = 1000, 500
    view = replace(view_of(THREE, reference=PLATE), to_native=way)
    boxes = sorted(finding.box for finding in look({"type": "golden"}, view).findings)
    centres = [box.centre for box in boxes]
    assert centres[0] == pytest.approx((1030, 530), abs=1)
    assert centres[1] == pytest.approx((1170, 630), abs=1)


def code_view(kind: str, text: str) -> View:
    zxing = pytest.importorskip("zxingcpp")
    code = zxing.create_barcode(text, getattr(zxing.BarcodeFormat, kind))
    image = np.array(zxing.write_barcode_to_image(code, scale=4))
    framed = cv2.copyMakeBorder(image, 30, 30, 30, 30, cv2.BORDER_CONSTANT, value=255)
    return view_of(cv2.cvtColor(framed, cv2.COLOR_GRAY2BGR), order={"serial": "SN-0042"})


@pytest.mark.parametrize(
    ("kind", "text", "values", "outcome", "said"),
    [
        ("QRCode", "SN-0042", {}, "pass", ""),  # any code will do
        ("QRCode", "SN-0042", {"expect_order": "serial"}, "pass", ""),
        ("DataMatrix", "SN-0042", {"expect_order": "serial", "kinds": ["datamatrix"]}, "pass", ""),
        ("QRCode", "SN-0043", {"expect_order": "serial"}, "reject", "says 'SN-0043', expected 'SN-0042'"),
        ("QRCode", "a\nb" + "x" * 200, {"expect": "a"}, "reject", "…"),  # what was read is told on one short line
        ("EAN13", "4006381333931", {"expect": "4006381333931"}, "pass", ""),
        ("Code128", "A-17", {"expect": "A-17"}, "pass", ""),
        ("Code128", "A-17", {"kinds": ["qr"]}, "reject", "no code can be read"),  # another kind does not count
        ("Code128", "A-17", {"kinds": ["qr"], "unreadable": "no_decision"}, "no_decision", "no code"),
        (
            "QRCode",
            "SN-0042",
            {"expect_order": "batch"},
            "no_decision",
            "does not say its batch",
        ),  # never a silent pass
    ],
)
def test_codes(kind: str, text: str, values: dict[str, Any], outcome: str, said: str) -> None:
    result = look({"type": "code", **values}, code_view(kind, text))
    assert (result.outcome, said in " ".join(result.reasons)) == (outcome, True), result.reasons
    assert all("\n" not in reason for reason in result.reasons)


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "zxingcpp", None)
    with pytest.raises(InputError, match=r"sightline\[inspect\]"):
        made({"type": "code"})


@pytest.mark.parametrize(
    "values",
    [
        {"type": "size"},  # nothing to measure
        {"type": "size", "length": [3, 2]},  # the wrong way around
        {"type": "count", "least": 3, "most": 2},
        {"type": "colour", "colour": "red"},
        {"type": "golden", "contrast": 0},
        {"type": "golden", "tolerence": 1},  # no such key
    ],
)
def test_parameters_that_cannot_be_meant(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(AnyCheck).validate_python(values)
