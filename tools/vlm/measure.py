"""How well the pair answers, through llama.cpp: per field, on held-out crops and on the demo's clips."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.events import Event
from vision.language.fields import fields_for
from vision.language.prompts.task import task_for

from .fields import ALARMS, answer, schema, supports
from .moments import Moment, moment_picture
from .parts_fields import PartLook, part_answer, part_schema
from .pictures import AnyLook, plain
from .reader import Reader
from .scenes import Crop


@dataclass
class Score:
    """Right answers by field, confusions, seconds of each answer."""

    right: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    wrong: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    by_value: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    whole: list[bool] = field(default_factory=list)
    invalid: int = 0
    seconds: list[float] = field(default_factory=list)

    def add(self, wanted: dict[str, str], said: dict[str, Any]) -> None:
        """Counts one answer."""
        hits = []
        for key, value in said.items():
            hit = str(value) == wanted[key]
            hits.append(hit)
            self.asked[key] += 1
            self.right[key] += hit
            self.by_value[f"{key}={wanted[key]}"].append(hit)
            if not hit:
                self.wrong[key, wanted[key], str(value)] += 1
        self.whole.append(all(hits))

    def summary(self) -> dict[str, Any]:
        """Plain values for a report."""
        shares = {key: round(self.right[key] / self.asked[key], 3) for key in self.asked}
        millis = np.array(self.seconds or [0.0]) * 1000
        return {
            "answers": len(self.whole),
            "invalid": self.invalid,
            "fields": shares,
            "all_fields_right": round(float(np.mean(self.whole or [False])), 3),
            "fields_right": round(sum(self.right.values()) / max(1, sum(self.asked.values())), 3),
            "ms_median": round(float(np.median(millis)), 1),
            "ms_p95": round(float(np.percentile(millis, 95)), 1),
        }


def ask_product(reader: Reader, picture: NDArray[np.uint8], alarm: str, keys: list[str], held: dict[str, Any]) -> Any:
    """Asks with the product's own prompt about a made-up event of this type."""
    event = Event(
        id="test",
        type=alarm,
        camera="entry",
        severity="alert",
        start=61.0,
        opened=62.0,
        at=62.0,
        zone="yard",
        facts={"dwell_s": 3.5},
    )
    known = [key for key in keys if key in fields_for("*", rich=True)]
    task = task_for(event, fields=known or fields_for("defect"))
    return reader.ask(picture, task.system, task.prompt, held)


def on_crops(reader: Reader, crops: list[Crop], seed: int = 5) -> Score:
    """Held-out crops, each as the product shows it, under an alarm that fits or one that does not."""
    rng = np.random.default_rng(seed)
    score = Score()
    for crop in crops:
        alarm, keys, held, wanted = _question(crop.look, rng)
        try:
            said = ask_product(reader, plain(crop).picture, alarm, keys, held)
        except ValueError:
            score.invalid += 1
            continue
        score.seconds.append(said.seconds)
        score.add(wanted, said.values)
    return score


def _question(look: AnyLook, rng: np.random.Generator) -> tuple[str, list[str], dict[str, Any], dict[str, str]]:
    if isinstance(look, PartLook):
        held = part_schema()
        return "defect", list(held["properties"]), held, part_answer(look)
    wanted = ("yes", "no")[int(rng.integers(2))]
    fitting = [name for name in ALARMS if supports(look, name) == wanted] or list(ALARMS)
    alarm = str(rng.choice(fitting))
    keys = tuple(fields_for(alarm))
    return alarm, list(keys), schema(keys), answer(look, alarm)


def on_moments(reader: Reader, listed: list[Moment], demo: Path) -> Score:
    """Crops around the events of the demo's clips."""
    score = Score()
    for moment in listed:
        picture = moment_picture(moment, demo)
        keys = tuple(fields_for(moment.alarm))
        said = ask_product(reader, picture, moment.alarm, list(keys), schema(keys))
        score.seconds.append(said.seconds)
        score.add(answer(moment.look, moment.alarm), said.values)
    return score


def memory_mb(pair: tuple[Path, Path]) -> int:
    """Megabytes that a process of its own holds with the pair loaded and one question answered, less Python's own."""
    lines = (
        "from pathlib import Path; import sys; from tools.vlm.reader import Reader; import numpy as np",
        "held = lambda: int(open('/proc/self/status').read().split('VmRSS:')[1].split()[0])",
        "import xllamacpp; before = held(); reader = Reader(*map(Path, sys.argv[1:]))",
        "kinds = {'type': 'object', 'properties': {'threat': {'type': 'integer'}}, 'required': ['threat']}",
        "reader.ask(np.zeros((128, 128, 3), np.uint8), '', 'Alarm: fall', kinds); print(held() - before)",
    )
    command = [sys.executable, "-c", "\n".join(lines), *map(str, pair)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return round(int(told.stdout.split()[-1]) / 1024)
