"""The systemd unit: hardened, with a folder of its own, started again for ever but not with a wrong config."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import missing

MOST_EXPOSED = 1.5  # of systemd's own scale from 0 (locked in) to 10 (may do everything)


@pytest.fixture(scope="module")
def unit(root: Path) -> Mapping[str, list[str]]:
    """`Section.Key` -> its values, in their order."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in (root / "deploy/sightline.service").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            found.setdefault(f"{section}.{key}", []).append(value)
    return found


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DynamicUser", "yes"),  # no root, no user to make
        ("StateDirectory", "sightline"),  # the only place that it may write
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),  # none at all
        ("Restart", "always"),
        ("RestartPreventExitStatus", "2"),  # a wrong config does not get better
        ("TimeoutStopSec", "15"),  # the agent drains within 10 s
        ("ExecReload", "/bin/kill -HUP $MAINPID"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX AF_NETLINK"),
    ],
)
def test_what_the_unit_promises(unit: Mapping[str, list[str]], key: str, value: str) -> None:
    assert unit[f"Service.{key}"] == [value]


def test_secrets_come_from_a_file_and_none_stands_in_the_unit(unit: Mapping[str, list[str]]) -> None:
    assert unit["Service.EnvironmentFile"] == ["-/etc/sightline/secrets.env"]
    for value in unit["Service.Environment"]:
        assert not re.search(r"(?i)password|secret|token|key", value)


def test_system_calls_are_limited(unit: Mapping[str, list[str]]) -> None:
    first, second, *_ = unit["Service.SystemCallFilter"]
    assert first == "@system-service"
    assert second.startswith("~@privileged")
    assert unit["Service.MemoryMax"]


def test_systemd_itself_finds_no_fault(root: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        missing("needs systemd-analyze (Debian package systemd)")
    there = tmp_path / "sightline.service"
    text = (root / "deploy/sightline.service").read_text(encoding="utf-8")
    there.write_text(text.replace("/opt/sightline/venv/bin/sightline", "/bin/true"), encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(there)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in done.stderr.splitlines() if "sightline.service" in line]
    assert (done.returncode, ours) == (0, [])


def test_systemds_own_measure_of_exposure(root: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        missing("needs systemd-analyze (Debian package systemd)")
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(root / "deploy/sightline.service")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout[-300:] + done.stderr[-300:]
    assert float(found[1]) <= MOST_EXPOSED
