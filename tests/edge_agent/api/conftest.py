"""The peers of these tests."""

from __future__ import annotations

from tests.peers.browser import browser

__all__ = ["browser"]
