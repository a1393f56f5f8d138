"""The peers of these tests."""

from __future__ import annotations

from tests.peers.postgres import postgres

__all__ = ["postgres"]
