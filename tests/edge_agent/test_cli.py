"""The command line as a whole: every subcommand is found by the name of its file, and nothing else is loaded for it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from edge_agent.cli import build
from vision.plugins import names_of

HEAVY = {"av", "cv2", "onnxruntime", "sqlalchemy", "cloud_adapter"}
NAMES = [*names_of("edge_agent.commands"), *entry_points(group="sightline.commands").names]


def commands(wanted: str | None) -> set[str]:
    return set(getattr(get_command(build(wanted)), "commands", ()))


@pytest.mark.parametrize("name", NAMES)
def test_a_subcommand_is_called_like_its_file(name: str) -> None:
    assert commands(name) == {name}
    assert CliRunner().invoke(build(name), [name, "--help"]).exit_code == 0


@pytest.mark.parametrize("wanted", [None, "--help", "nosuch", "base"])
def test_all_are_there_where_none_is_named(wanted: str | None) -> None:
    assert commands(wanted) == set(NAMES)


@pytest.mark.parametrize("words", [("--version",), ("discover", "--help"), ("doctor", "--help")])
def test_light_commands_load_no_heavy_libraries(words: tuple[str, ...]) -> None:
    code = (
        "import sys; from edge_agent.cli import main\n"
        "try: main()\n"
        f"finally: print(sorted({HEAVY} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stdout
    assert done.stderr.splitlines()[-1] == "[]"
