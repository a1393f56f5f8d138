"""Where the agent keeps its data, and whether one works there now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_agent.doctor.base import Patient
from edge_agent.live.folder import data_dir_of, running_agent


def data_folder(patient: Patient) -> Path:
    """The folder that an agent with this config uses; the current folder where there is no config."""
    if patient.config is None or patient.path is None:
        return Path.cwd()
    return data_dir_of(patient.config, patient.path).resolve()


def agent_here(patient: Patient) -> dict[str, Any] | None:
    """The agent that runs with this config's data (its `pid` and `api`); None where none does."""
    folder = data_folder(patient)
    # Only where one has been: to ask makes the lock file, which must not come to belong to whoever asks.
    return running_agent(folder) if patient.config is not None and (folder / "agent.lock").is_file() else None


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above that is there."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
