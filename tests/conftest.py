"""What all tests share: where the real data lies, and how a missing one is treated."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).resolve().parent.parent

# Folders whose tests run real servers, processes and clocks: on a machine that others share, seconds can be lost at any
# point, and what then fails says nothing about the program. They may be tried again (the closing line counts it); tests
# of the pipeline, which has no clock, may not.
TIMED = ("e2e", "vision/media/live", "vision/delivery", "edge_agent/live", "edge_agent/api", "edge_agent/events")
TIMED += ("edge_agent/language", "edge_agent/discovery", "edge_agent/doctor", "edge_agent/uplink", "cloud_adapter")

cv2.setNumThreads(1)
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def missing(reason: str) -> None:
    """Skip, with the reason; where every real peer is required (CI) a skip is a failure."""
    if os.environ.get("SIGHTLINE_REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In CI, tests that depend on the machine's moment get two more tries."""
    for item in items if os.environ.get("SIGHTLINE_REQUIRE_PEERS") == "1" else []:
        if item.path.relative_to(ROOT / "tests").as_posix().startswith(TIMED):
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=1))


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
