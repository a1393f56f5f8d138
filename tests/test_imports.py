"""The floors of the house: who may import whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

EDGE_ROOMS = {"media", "language", "zoo", "delivery", "settings"}
OUTSIDE = {
    "os",
    "io",
    "socket",
    "threading",
    "subprocess",
    "asyncio",
    "time",
    "datetime",
    "random",
    "secrets",
    "yaml",
    "av",
}
# Rooms of the core that still read one thing: model and labels files, and the calendar of a schedule.
ALLOWED = {"vision/schedule.py": {"datetime"}, "vision/capture/schedule.py": {"datetime"}}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def files(root: Path, package: str) -> list[Path]:
    found = sorted((root / package).rglob("*.py"))
    assert found, f"no files in {package}"
    return found


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("vision", {"edge_agent", "cloud_adapter"}),  # the library knows no application
        ("edge_agent", {"cloud_adapter"}),  # between the applications there is only a wire contract
        ("cloud_adapter", {"edge_agent"}),
    ],
)
def test_packages_do_not_import_upwards(root: Path, package: str, forbidden: set[str]) -> None:
    for path in files(root, package):
        wrong = {name for name in imported(path) if name.split(".")[0] in forbidden}
        assert not wrong, f"{path.relative_to(root)} imports {wrong}"


def core(root: Path) -> list[Path]:
    return [p for p in files(root, "vision") if p.relative_to(root / "vision").parts[0] not in EDGE_ROOMS]


def test_the_core_does_not_import_the_edge_rooms(root: Path) -> None:
    for path in core(root):
        wrong = {n for n in imported(path) if n.split(".")[0] == "vision" and set(n.split(".")[1:2]) & EDGE_ROOMS}
        assert not wrong, f"{path.relative_to(root)} imports {wrong}"


def test_the_core_has_no_clock_no_threads_and_no_input(root: Path) -> None:
    for path in core(root):
        name = path.relative_to(root).as_posix()
        wrong = {n for n in imported(path) if n.split(".")[0] in OUTSIDE} - ALLOWED.get(name, set())
        assert not wrong, f"{name} imports {wrong}"


def test_the_core_needs_no_torch_and_no_agpl(root: Path) -> None:
    for package in ("vision", "edge_agent", "cloud_adapter"):
        for path in files(root, package):
            assert not {n for n in imported(path) if n.split(".")[0] in {"torch", "ultralytics"}}, path
