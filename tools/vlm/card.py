"""The model's card, written from what was measured."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_HEAD = """# sightline-demo-vlm

A tiny multimodal model (picture and question in, JSON out) that knows **rendered scenes only**. It is a demo and test model:
it exists so that the demo describes its events offline and the tests run the whole path (picture, libmtmd, language model,
grammar, JSON) on what the repository contains. Do not use it on a real camera: name a real model there.

| | |
|---|---|
"""
_TAIL = """
## How it was made

Network, data and training are in `tools/vlm` and `tools/train_demo_vlm.py`: crops of `tools/scenes` (software renderer),
figures, places, light and camera from seeds; no photograph, no other model's weights, no text from elsewhere.

```
{command}
```

{made}

## What it can and cannot

* It answers the fields of `vision/language/fields.py` (`CORE`, and `PARTS` for the alarm `defect`), any of them, in any
  order, and wants `Alarm: TYPE` in the prompt, in English; the rest of a prompt hardly matters to it. It needs a grammar:
  left alone it may write no JSON.
* One picture a question: a crop of about twice the box, or the whole picture for `tamper`. It cannot read strips. Of a
  part it wants the whole part with a little of the table around it; it knows the parts of `tools/scenes/parts.py` only.
* It sees one part at a time and no good one beside it: that the letters are others than they should be it cannot tell.
  Faults between two places or two lengths were left out, of training and of the table: they are a matter of opinion.
* `supports` and `threat` were learnt from a table (`tools/vlm/fields.py`): what is seen, against the alarm that is named.
* Weak: standing or walking, carrying or not, bent or upright in small pictures; see the table.
* Answers near a tie may differ between builds of llama.cpp: test on clear pictures, on fields, not on scores.
"""


def write(out: Path, names: tuple[str, ...], report: Mapping[str, Any], command: str, made: str) -> None:
    """Writes ``CARD.md`` beside the files."""
    rows = []
    for name in names:
        data = (out / name).read_bytes()
        size = f"{len(data):_}".replace("_", " ")
        rows += [f"| `{name}` | {size} bytes |", f"| its sha256 | `{hashlib.sha256(data).hexdigest()}` |"]
    rows += [
        "| network | vision tower 4 x 128, 64 image tokens of 128 x 128 pixels; text part (llama) 4 x 128, 1536 tokens |",
        "| weights | Q8_0; 1.9 million |",
        "| licence | Apache-2.0 |",
    ]
    text = _HEAD + "\n".join(rows) + "\n\n## Measured through llama.cpp\n\n" + _measured(report)
    (out / "CARD.md").write_text(text + _TAIL.format(command=command, made=made), encoding="utf-8")


def _measured(report: Mapping[str, Any]) -> str:
    told = {
        "held_out": "held-out scenes",
        "demo_clips": "demo clips",
        "parts": "held-out parts",
    }
    columns = [name for name in told if name in report]
    fields = list(dict.fromkeys(key for name in columns for key in report[name]["fields"]))
    intro = (
        "Right answers of those given, each asked with the product's own prompt and held by its schema.\n"
        "Held-out scenes have seeds, figures and places of their own; the demo's clips were not in training (moments:\n"
        "`tools/vlm/moments.py`).\n"
    )
    lines = [intro, "| field | " + " | ".join(told[name] for name in columns) + " |", "|---|" + "---|" * len(columns)]
    lines += [
        f"| {key} | " + " | ".join(_share(report[name]["fields"].get(key)) for name in columns) + " |" for key in fields
    ]
    lines += [
        "| all fields of an answer | "
        + " | ".join(_share(report[name]["all_fields_right"]) for name in columns)
        + " |",
        "| pictures | " + " | ".join(str(report[name]["answers"]) for name in columns) + " |",
        "| invalid JSON | " + " | ".join(str(report[name]["invalid"]) for name in columns) + " |",
    ]
    equal, speed = report["equal"], report[columns[0]]
    said = (
        f"\nAn answer takes {speed['ms_median']} ms (median; p95 {speed['ms_p95']} ms) on one thread of a busy shared\n"
        f"core; both files loaded with their context take {report['memory_mb']} MB.\n"
    )
    if equal["compared"]:
        said += (
            f"\nImage tokens of llama.cpp beside those of PyTorch (float32), {equal['compared']} tokens: cosine at least "
            f"{equal['cosine_least']}, mean {equal['cosine_mean']}.\n"
        )
    return "\n".join(lines) + "\n" + said


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".lstrip("0") if value < 1 else "1"
