"""Generated documentation says what the program says."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config.reference import table
from tools.docs import TEXTS


@pytest.mark.parametrize("name", TEXTS)
def test_is_not_stale(root: Path, name: str) -> None:
    stale = f"docs/{name} is stale: run `python -m tools.docs`"
    assert (root / "docs" / name).read_text(encoding="utf-8") == TEXTS[name](), stale


def test_commands_in_groups_are_told_of() -> None:
    text = TEXTS["cli.md"]()
    for words in ("replay", "events digest", "inspect run", "cloud devices add", "cloud audit verify"):
        assert f"# sightline {words}\n" in text


def test_every_group_of_keys_of_the_cloud_is_told_of() -> None:
    """No key of the cloud's config sends the reader to a table that is not there."""
    from cloud_adapter.config import CloudFile
    from vision.delivery.senders.base import sender_types

    text = TEXTS["config-cloud.md"]()
    elsewhere = {sender.Params.__name__ for sender in sender_types().values()}  # alerts: in docs/config.md
    schema = CloudFile.model_json_schema()
    for name, about in schema["$defs"].items():
        if "properties" in about and name not in elsewhere:
            assert table(about, schema) in text, name
