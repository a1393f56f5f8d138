"""The shipped config through the real program: verdicts of the demo's line, a call of its interface, a rerun."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from edge_agent.inspect.rerun import rerun
from tests.edge_agent.inspect.live.line_of import ROOT

DEADLINE_S = 120.0


def config_in(folder: Path) -> Path:
    """configs/inspection.yaml with paths from elsewhere, and any free port."""
    text = (ROOT / "configs/inspection.yaml").read_text(encoding="utf-8")
    for before, after in (
        ("../demo", str(ROOT / "demo")),
        ("../out/inspection", str(folder / "data")),
        ("port: 8650", "port: 0, token: '${LINE_TOKEN}'"),
    ):
        assert before in text
        text = text.replace(before, after)
    path = folder / "line.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def lines_until(process: subprocess.Popen[str], true: Any) -> list[dict[str, Any]]:
    assert process.stderr is not None
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + DEADLINE_S
    for line in process.stderr:
        assert time.monotonic() < deadline, found
        if line.startswith("{"):
            found.append(json.loads(line))
        if true(found):
            return found
    raise AssertionError(found)


def test_the_shipped_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_agent", "run", "--config", str(config_in(tmp_path)), "--log", "json"]
    env = {**os.environ, "LINE_TOKEN": "a-token-for-this-test", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            told = lines_until(process, lambda lines: sum(x.get("type") == "defect" for x in lines) >= 3)
            url = next(str(x["url"]) for x in told if "url" in x)
            request = urllib.request.Request(
                f"{url}v1/inspection/trigger?wait=30",
                data=b'{"part": "A-17"}',
                headers={"Authorization": "Bearer a-token-for-this-test"},
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                verdict = json.load(answer)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=DEADLINE_S)
    assert verdict["part"] == "A-17"
    assert verdict["accepted"] is False or verdict["verdict"] in {"pass", "reject", "no_decision"}
    texts = [str(x.get("msg", x.get("message", ""))) for x in told if x.get("type") == "defect"]
    assert any("passed" in text or "defect was found" in text for text in texts), texts
    (folder,) = (tmp_path / "data/inspection").iterdir()
    again, _ = rerun(folder)
    assert len(again) >= 3
    assert [one.differs or one.missing for one in again if not one.same] == []
