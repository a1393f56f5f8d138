"""Configs of the cloud tier: what they need, what is told at which line, and that they are read twice as once."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edge_agent.commands.check import register
from edge_agent.config import load_config
from edge_agent.config.check import check
from edge_agent.config.cloudcheck import times_of
from edge_agent.config.models import Config
from tests.edge_agent.config.base import write
from vision.errors import ConfigError

# Line numbers matter: the tables name them.
CLOUD = """\
version: 1
cameras:
  - name: field-3
    source: rtsp://192.0.2.10/main
    tier: cloud
    capture:
      profile: potato
      at: ["sunrise+45m", "mon-fri 12:00"]
      gate: {sky: 0.8}
uplink:
  url: https://cloud.example
  key: ${FIELD_KEY}
  site: north
  timezone: Asia/Shanghai
  place: [31.23, 121.47]
"""


def spoilt(old: str, new: str) -> str:
    assert CLOUD.count(old) == 1, f"{old!r} must be there once"
    return CLOUD.replace(old, new)


def test_a_field_camera_needs_no_model_and_no_rules(tmp_path: Path) -> None:
    report = check(write(tmp_path, CLOUD), env={})
    assert (report.errors, report.warnings) == ((), ())
    config = report.config
    assert config is not None
    assert (config.needs_model, config.has_model, config.cameras[0].looks) == (False, False, False)
    capture = config.cameras[0].capture
    assert capture is not None
    assert (capture.gate.sky, capture.gate.light, capture.max_px, capture.floor_per_day) == (0.8, 45.0, 1024, 1)
    assert times_of(capture, config).next(1_795_449_600.0) is not None


WATCHED = spoilt("      gate: {sky: 0.8}\n", "      detector: {classes: [person], zone: yard}\n").replace(
    "    tier: cloud\n", "    tier: cloud\n    zones: [{name: yard, polygon: [[0, 0], [1, 0], [1, 1]]}]\n"
)
MODEL = "model: {path: tiny.onnx, labels: tiny.txt}\n"


def test_a_detector_as_gate_is_a_rule_and_stays_one(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, WATCHED + MODEL), env={})
    (rule,) = config.cameras[0].rules
    assert (rule.title, rule.type, rule.classes, getattr(rule, "zone", None)) == (
        "capture",
        "intrusion",
        ("person",),
        "yard",
    )
    assert config.cameras[0].looks
    again = Config.model_validate(config.model_dump(mode="json"))
    assert again.cameras[0].rules == config.cameras[0].rules


WRONG = {
    "no capture": (
        spoilt("    capture:\n      profile: potato\n", "    x_capture:\n      profile: potato\n"),
        "x_capture",
    ),
    "no uplink": (CLOUD[: CLOUD.index("uplink:")], "5: cameras[0].tier: a camera with tier cloud needs uplink"),
    "no profile": (spoilt("      profile: potato\n", ""), "profile: missing"),
    "no such time": (spoilt("sunrise+45m", "sunrise+45"), "is no time for a picture"),
    "no such hour": (spoilt("mon-fri 12:00", "24:00"), "00:00 to 23:59"),
    "sun without a place": (
        spoilt("  place: [31.23, 121.47]\n", ""),
        "8: cameras[0].capture.at: sunrise, sunset and noon",
    ),
    "place swapped": (spoilt("[31.23, 121.47]", "[121.47, 31.23]"), "15: uplink.place"),
    "secret written out": (spoilt("${FIELD_KEY}", "field-3/k1/hunter2"), "12: uplink.key: a secret does not belong"),
    "password in the address": (spoilt("https://cloud", "https://u:hunter2@cloud"), "holds a password"),
    "not http": (spoilt("https://cloud.example", "ftp://cloud.example"), "https:// (or http://)"),
    "no such zone of time": (spoilt("Asia/Shanghai", "Asia/Shangai"), "no IANA time zone"),
    "crop the wrong way": (
        spoilt("      gate: {sky: 0.8}", "      crop: [0.9, 0, 0.1, 1]"),
        "left, top, right, bottom",
    ),
    "people, and nobody finds them": (
        spoilt("      gate: {sky: 0.8}", "      people: blur"),
        "9: cameras[0].capture.people: nobody",
    ),
    "no such faces": (CLOUD + "  faces: none.onnx\n", "16: uplink.faces: none.onnx: no such file"),
    "gate without a limit": (spoilt("{sky: 0.8}", "{sky: 8}"), "9: cameras[0].capture.gate.sky"),
    "watched without a model": (WATCHED, "model: missing"),
    "watched, no such zone": (WATCHED.replace("zone: yard}", "zone: yrad}") + MODEL, "the camera has no zone 'yrad'"),
    "watched, no such class": (WATCHED.replace("[person]", "[sheep]") + MODEL, "the model knows no class 'sheep'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_at_its_line(name: str, tmp_path: Path) -> None:
    text, says = WRONG[name]
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text), env={})
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


DOUBTS = {
    "capture without the tier": (spoilt("    tier: cloud\n", "") + MODEL, "not used: the camera's tier is not cloud"),
    "rules that nobody watches": (
        spoilt("    tier: cloud\n", "    tier: cloud\n    rules: [{type: tamper}]\n"),
        "not used: without",
    ),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_what_is_doubtful_is_warned_of(name: str, tmp_path: Path) -> None:
    from edge_agent.config import load_with_warnings

    text, says = DOUBTS[name]
    _, warnings = load_with_warnings(write(tmp_path, text), env={})
    assert any(says in line for line in warnings), warnings


def test_check_tells_when_what_goes_where(tmp_path: Path) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    result = CliRunner().invoke(app, ["check", str(write(tmp_path, CLOUD))])
    assert result.exit_code == 0, result.output
    assert "to the cloud as potato: sunrise+45m, mon-fri 12:00" in result.output
    assert "uplink: https://cloud.example as site north" in result.output
