"""Secrets and addresses of both configs are read when they are used: the file may name a variable in each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from cloud_adapter.config import CloudFile
from edge_agent.config.models import Config
from vision.delivery.env import EnvText
from vision.settings.reading import LATE


def fields(kind: Any, name: str, seen: set[Any]) -> Iterator[tuple[str, Any]]:
    """Every type in a config with the key that it stands under."""
    yield name, kind
    for inner in get_args(kind):
        yield from fields(inner, name, seen)
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
        seen.add(kind)
        for key, field in kind.model_fields.items():
            yield from fields(field.annotation, key, seen)


def test_no_variable_is_filled_in_too_early() -> None:
    found = {
        name
        for config in (Config, CloudFile)
        for name, kind in fields(config, "", set())
        if isinstance(kind, type) and issubclass(kind, EnvText)
    }
    assert {"url", "secret", "database", "servers", "audit_key"} <= found
    assert found <= LATE
