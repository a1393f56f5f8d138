"""What all tests share: where the real data lies, and how a missing one is treated."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).resolve().parent.parent

cv2.setNumThreads(1)
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def missing(reason: str) -> None:
    """Skip, with the reason; where every real peer is required (CI) a skip is a failure."""
    if os.environ.get("SIGHTLINE_REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real footage, pictures and weights that lies beside the project."""
    folder = Path(os.environ.get("SIGHTLINE_TEST_DATA", ROOT.parent / "shared"))
    if not (folder / "DATA.md").is_file():
        missing(f"no test data in {folder}; set SIGHTLINE_TEST_DATA")
    return folder
