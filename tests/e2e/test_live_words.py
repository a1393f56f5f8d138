"""`sightline run` with a language model: alerts get words, figures tell of it, and any answer can be had again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.live import ROOT, LiveAgent, wait_for
from tests.e2e.live_scenes import CLIPS, MODEL, yard
from tests.language_peers import need_binding, tiny_pair

pytestmark = pytest.mark.slow


def describe(agent: LiveAgent, event_id: str) -> dict[str, Any]:
    """What the command says beside the running agent."""
    code = "from edge_agent.cli import main; main()"
    command = [sys.executable, "-c", code, "events", "describe", event_id, "--config", str(agent.file), "--json"]
    env = {**os.environ, **agent.env}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300, env=env, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_an_alert_gets_words_that_can_be_had_again(shared_data: Path, tmp_path: Path) -> None:
    need_binding("llama_cpp")
    path, mmproj = tiny_pair(shared_data)
    source = str(CLIPS / "fall.mp4")
    config = {
        "model": MODEL,
        "cameras": [yard("yard", source, stream={"loop": True}, context="a yard behind a fence")],
        "language": {
            "backend": "llama_cpp", "path": str(path), "mmproj": str(mmproj), "threads": 1, "deadline_s": 300,
        },
    }  # fmt: skip
    with LiveAgent(tmp_path / "agent", config) as agent:
        agent.start().wait_ready(120)
        described = wait_for(
            "event with words", lambda: [e for e in agent.events("intrusion") if e.described], timeout=300, every=0.5
        )[0]
        assert described.described is not None
        assert described.described["model"] == path.stem
        wait_for(
            "answer in the figures",
            lambda: agent.metric("sightline_language_questions_total", outcome="answered"),
            timeout=60,
        )
        assert (agent.metric("sightline_language_resident_memory_bytes") or 0) > 10 << 20
        status = agent.json("/v1/status")["language"]
        assert (status["model"], status["state"]) == (path.stem, "ready")
        told = describe(agent, described.id)
        assert "a yard behind a fence" in told["question"]["prompt"]
        assert "supports" not in told["question"]["answer_schema"]["properties"]  # nobody wants a verdict
        assert told["notes"] == []
        assert told["again"]["same"], told["again"]
        assert agent.stop(60).status == 0
