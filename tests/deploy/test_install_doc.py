"""docs/install.md speaks of files, commands and options that there are."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edge_agent.cli import build


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "docs/install.md").read_text(encoding="utf-8")


def test_files_are_there(root: Path, text: str) -> None:
    named = set(re.findall(r"(?<![\w/.])(?:deploy|configs|docs)/[\w./-]+\.\w+", text)) - {"deploy/secrets.env"}
    assert "deploy/sightline.service" in named
    assert [name for name in named if not (root / name).is_file()] == []


def test_commands_and_their_options_are_there(text: str) -> None:
    app = build()
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # a group has them
    told = re.findall(r"\bsightline ((?:doctor|check|discover|run|events|reload)\b[^\n`#]*)", text)
    assert len(told) > 5
    for line in told:
        command, *rest = line.split()
        assert command in known
        sub = [rest[0]] if command == "events" and rest and rest[0].isalpha() else []
        helped = CliRunner().invoke(app, [command, *sub, "--help"], env={"COLUMNS": "200"}).output
        for option in re.findall(r"--[a-z][a-z-]+", line):
            assert option == "--help" or option in helped, (line, option)


def test_the_backup_line_copies_a_database_in_use(text: str, tmp_path: Path) -> None:
    found = re.search(r'python3 -c "([^"]+)"', text)
    assert found
    source, target = tmp_path / "a.db", tmp_path / "b.db"
    with sqlite3.connect(source) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t VALUES (7)")
        db.commit()
        subprocess.run([sys.executable, "-c", found[1], source, target], check=True, timeout=60)
    db.close()
    copy = sqlite3.connect(target)
    assert copy.execute("SELECT x FROM t").fetchall() == [(7,)]
    copy.close()
