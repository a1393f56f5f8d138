"""What `sightline check` says of the config's `inspection:`."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config.check import check
from tests.edge_agent.inspect.live.line_of import ROOT

# what is changed in the shipped config, and what is said of it
WRONG = [
    ("camera: line", "camera: lien", "did you mean line?"),
    ("demo/parts/good/02.jpg", "demo/parts/good/99.jpg", "99.jpg: cannot be read"),
    ("type: standstill,", "type: standstil,", "standstil"),
    ("deadline_s: 2", "deadline: 2", "deadline_s"),
    ("before_s: 0.15", "before_s: -1", "before_s"),
    ("{type: golden} ", "{type: golden, tolerence: 1} ", "tolerance"),
]


def changed(folder: Path, before: str, after: str) -> Path:
    text = (ROOT / "configs/inspection.yaml").read_text(encoding="utf-8").replace("../demo", str(ROOT / "demo"))
    assert before in text
    path = folder / "line.yaml"
    path.write_text(text.replace(before, after), encoding="utf-8")
    return path


@pytest.mark.parametrize(("before", "after", "said"), WRONG)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, before: str, after: str, said: str) -> None:
    report = check(changed(tmp_path, before, after), env={})
    assert not report.ok
    assert any(said in line for line in report.errors), report.errors
    assert all(line.startswith("line.yaml:") for line in report.errors), report.errors


def test_two_outputs_of_one_name(tmp_path: Path) -> None:
    again = "outputs:\n      - {name: rejector, actuator: {type: simulated}}"
    report = check(changed(tmp_path, "outputs:", again), env={})
    assert any("two outputs have the same name" in line for line in report.errors), report.errors


def test_a_password_that_is_not_set_is_doubtful_only(tmp_path: Path) -> None:
    broker = "{type: mqtt, host: broker.example, topic: a, username: u, password: '${NO_SUCH_VARIABLE}'}"
    path = changed(tmp_path, "- {type: http} ", f"- {broker} ")
    report = check(path, env={})
    assert report.ok, report.errors
    assert any("NO_SUCH_VARIABLE" in line for line in report.warnings), report.warnings
