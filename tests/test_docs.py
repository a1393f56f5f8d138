"""Generated documentation says what the program says."""

from __future__ import annotations

from pathlib import Path

from tools.docs import render


def test_the_command_reference_is_fresh(root: Path) -> None:
    stale = "docs/cli.md is stale: run `python -m tools.docs`"
    assert (root / "docs/cli.md").read_text(encoding="utf-8") == render(), stale
