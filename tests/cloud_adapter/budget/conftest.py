"""Databases for the tests of the money."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_adapter.database import CloudDatabase, address_in
from tests.peers.postgres import Postgres, postgres

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CloudDatabase]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        url = address_in(tmp_path)
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.fresh()
    database = CloudDatabase(url)
    yield database
    database.close()
