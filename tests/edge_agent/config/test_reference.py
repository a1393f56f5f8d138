"""The committed reference and schema are those that the models give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agent.config.reference import reference_text, schema_text
from vision.rules.base import rule_types

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(("name", "text"), [("config.md", reference_text), ("config.schema.json", schema_text)])
def test_is_not_stale(name: str, text: object) -> None:
    assert callable(text)
    stale = (DOCS / name).read_text(encoding="utf-8") != text()
    assert not stale, f"docs/{name} is stale; run: python -m edge_agent.config.reference"


def test_every_rule_is_told_of() -> None:
    text = reference_text()
    for kind in rule_types():
        assert f"### `type: {kind}`" in text


def test_check_prints_the_schema() -> None:
    import typer

    from edge_agent.commands.check import register

    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    result = CliRunner().invoke(app, ["check", "--schema"])
    assert result.exit_code == 0
    assert "cameras" in json.loads(result.stdout)["properties"]
    assert CliRunner().invoke(app, ["check"]).exit_code == 2
