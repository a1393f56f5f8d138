"""What a changed config restarts, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_agent.config.models import Config
from edge_agent.live.changes import Changes, changes, fixed_change

YARD = {"name": "yard", "source": "rtsp://cam/1", "rules": [{"type": "tamper"}]}
GATE = {"name": "gate", "source": "rtsp://cam/2", "rules": [{"type": "tamper"}]}
HOOK = {"type": "webhook", "url": "http://127.0.0.1/"}
BASE: dict[str, Any] = {"version": 1, "model": {"path": "m.onnx"}, "cameras": [YARD, GATE], "alerts": [HOOK]}


def config(**changed: Any) -> Config:
    return Config.model_validate(BASE | changed)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, Changes()),
        # a camera more, one less, one that is another
        ({"cameras": [YARD, GATE, GATE | {"name": "door"}]}, Changes(started=("door",), alerts=True)),
        ({"cameras": [YARD]}, Changes(stopped=("gate",), alerts=True)),
        ({"cameras": [YARD, GATE | {"source": "rtsp://cam/3"}]}, Changes(restarted=("gate",))),
        # other rules are shown to receivers too
        (
            {"cameras": [YARD, GATE | {"rules": [{"type": "crowd", "count": 3}]}]},
            Changes(restarted=("gate",), alerts=True),
        ),
        # the order of cameras is nothing to restart for
        ({"cameras": [GATE, YARD], "alerts": []}, Changes(alerts=True)),
        # alerts alone leave the cameras alone
        ({"alerts": []}, Changes(alerts=True)),
        ({"site": "north"}, Changes(alerts=True)),
        ({"api": {"port": 0}}, Changes(api=True)),
        ({"language": {"locale": "zh"}}, Changes(words=True)),
        ({"language": {"timezone": "Asia/Shanghai"}}, Changes(words=True)),
        # what all cameras depend on
        ({"model": {"path": "n.onnx"}}, Changes(restarted=("yard", "gate"), model=True)),
        ({"inference": {"workers": 1}}, Changes(restarted=("yard", "gate"), inference=True)),
        ({"evidence": {"pre_s": 1}}, Changes(restarted=("yard", "gate"), evidence=True)),
    ],
)
def test_only_what_changed(changed: dict[str, Any], expected: Changes) -> None:
    found = changes(config(), config(**changed))
    assert found == expected
    assert found.any == bool(changed)


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"data_dir": Path("/elsewhere")}, "data_dir"), ({"store": {"url": "postgresql://h/b"}}, "store"), ({}, None)],
)
def test_what_needs_a_restart_says_so(changed: dict[str, Any], said: str | None) -> None:
    why = fixed_change(config(), config(**changed))
    assert (why is None) if said is None else (said in (why or ""))
