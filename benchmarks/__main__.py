"""Run every benchmark in turn: `python -m benchmarks`, or `make bench`; those that take an hour only by their own name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LONG = {"soak"}

for script in sorted(Path(__file__).parent.glob("[a-z]*.py")):
    if script.stem in LONG:
        print(f"\n=== {script.stem}: takes an hour, run it with python -m benchmarks.{script.stem}", flush=True)
        continue
    print(f"\n=== {script.stem}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{script.stem}"], check=True)
