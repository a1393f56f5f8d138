"""A config that is right, to be spoilt line by line."""

from __future__ import annotations

from pathlib import Path

# Line numbers matter: the tables name them.
GOOD = """\
version: 1
model:
  path: tiny.onnx
  labels: tiny.txt
cameras:
  - name: yard
    source: rtsp://viewer:${YARD_PASSWORD}@192.0.2.10/sub
    detect: {fps: 5, classes: [person, car], confidence: 0.4}
    zones:
      - name: yard
        polygon: [[0.1, 0.4], [0.9, 0.4], [1, 1], [0, 1]]
    lines:
      - {name: fence, points: [[0.0, 0.5], [1.0, 0.5]]}
    rules:
      - type: intrusion
        zone: yard
        min_seconds: 1
      - {type: line_crossing, line: fence, direction: in}
    schedule: {timezone: Asia/Shanghai, active: ["mon-fri 18:00-07:00", "sat-sun"]}
language: {backend: template, locale: zh}
alerts:
  - type: webhook
    url: https://hooks.example/in
    secret: ${HOOK_SECRET}
    on: [opened, described, closed]
    min_severity: warning
    cooldown_s: 60
  - {type: mqtt, host: broker.example, topic: sightline}
evidence: {pre_s: 5, post_s: 5}
"""


def write(folder: Path, text: str | bytes, name: str = "security.yaml") -> Path:
    """The text as a file beside the model's files that it names."""
    (folder / "tiny.onnx").write_bytes(b"no model, but a file")
    (folder / "tiny.txt").write_text("person\ncar\nbag\n", encoding="utf-8")
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def spoilt(old: str, new: str) -> str:
    """`GOOD` with one place changed."""
    assert GOOD.count(old) == 1, f"{old!r} must be there once"
    return GOOD.replace(old, new)
