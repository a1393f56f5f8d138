"""What the doctor makes of a machine that is not this one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge_agent.doctor import hardware, software
from edge_agent.doctor.base import Finding, Patient


def only(findings: object) -> Finding:
    (found,) = findings  # type: ignore[misc]  # one is expected, whatever it comes in
    return found  # type: ignore[no-any-return]  # as above


@pytest.mark.parametrize(
    ("line", "name", "wanted"),
    [
        ("numpy<3,>=1.26", "numpy", "<3,>=1.26"),
        ("psycopg[binary]<4,>=3.1.18; extra == 'postgres'", "psycopg", "<4,>=3.1.18"),
        ("lapx (>=0.5.9)", "lapx", ">=0.5.9"),  # the older way
        ("Jinja2", "Jinja2", ""),
        ("tzdata>=2024.1 ; sys_platform == 'win32'", "tzdata", ">=2024.1"),
    ],
)
def test_requirements(line: str, name: str, wanted: str) -> None:
    assert software.requirement(line) == (name, wanted)


@pytest.mark.parametrize(
    ("version", "line", "met"),
    [
        ("1.26.0", "numpy>=1.26,<3", True),
        ("1.25.9", "numpy>=1.26,<3", False),
        ("3.0", "numpy>=1.26,<3", False),
        ("2.10.1", "numpy>=2.9", True),  # by numbers, not by letters
        ("18.1.0+local", "numpy>=18", True),
        ("2.0rc1", "numpy<3", True),
        ("2.0", "numpy~=1.0", True),  # what is no simple bound is left to pip
    ],
)
def test_versions(monkeypatch: pytest.MonkeyPatch, version: str, line: str, met: bool) -> None:
    monkeypatch.setattr(software, "version_of", lambda _: version)
    assert software.installed(line) is met


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        software.metadata, "requires", lambda _: ["numpy<3,>=1.26", "nowhere>=2; extra == 'onvif'", "gone>=2"]
    )
    found = only(software.packages(Patient(0.0, {})))
    assert (found.level, found.text, found.fix) == ("fail", "gone is missing, wanted is >=2", "pip install 'gone>=2'")
    told = [f for f in software.extras(Patient(0.0, {})) if "onvif" in f.text]
    assert (told[0].level, told[0].fix) == ("ok", "if wanted: pip install 'sightline[onvif]'")


@pytest.mark.parametrize(
    ("text", "machine", "level", "words"),
    [
        ("model name\t: Celeron J1900\nflags\t\t: fpu sse4_2\n", "x86_64", "warn", "no AVX2"),
        ("model name\t: Core i5\nflags\t\t: fpu avx avx2\n", "x86_64", "ok", "Core i5, "),
        ("Features\t: fp asimd\nModel\t\t: Raspberry Pi 5\n", "aarch64", "ok", "Raspberry Pi 5"),
        ("", "arm64", "ok", "arm64"),  # no /proc at all
    ],
)
def test_processors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, machine: str, level: str, words: str
) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(hardware, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(hardware.platform, "machine", lambda: machine)
    monkeypatch.setattr(hardware.platform, "processor", lambda: "")
    found = only(hardware.processor(Patient(0.0, {})))
    assert found.level == level
    assert words in found.text


@pytest.mark.parametrize(("quota", "most"), [("50000 100000", 0.5), ("max 100000", 64.0), ("", 64.0), ("junk", 64.0)])
def test_a_container_has_the_cores_of_its_quota(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, most: float
) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(hardware, "_CGROUP", tmp_path)
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert hardware.cores() == most


@pytest.mark.parametrize(
    ("now", "kept", "level"),
    [
        (0.0, True, "fail"),  # 1970: no clock battery and no network
        (1_900_000_000.0, False, "warn"),
        (1_900_000_000.0, True, "ok"),
        (1_900_000_000.0, None, "ok"),  # nobody knows
    ],
)
def test_clocks(monkeypatch: pytest.MonkeyPatch, now: float, kept: bool | None, level: str) -> None:
    monkeypatch.setattr(time, "time", lambda: now)
    monkeypatch.setattr(hardware, "synchronised", lambda: kept)
    assert only(hardware.clock(Patient(0.0, {}))).level == level
