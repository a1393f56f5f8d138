"""What the tests of inspection share."""

from tests.peers.browser import browser

__all__ = ["browser"]
