"""The agent's own HTTP interface: cameras, pictures, events, health, metrics and a page to look at them."""

from edge_agent.api.app import build_app
from edge_agent.api.server import ApiServer
from edge_agent.api.token import load_token

__all__ = ["ApiServer", "build_app", "load_token"]
