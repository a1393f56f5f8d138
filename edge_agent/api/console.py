"""The page for people, put together once: one document that asks nothing of any other place."""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib.resources import files


@functools.cache
def built() -> tuple[str, str]:
    """The page and its content security policy, which lets no script or style run but its own."""
    folder = files("edge_agent.api") / "assets"
    style = (folder / "console.css").read_text(encoding="utf-8")
    script = (folder / "console.js").read_text(encoding="utf-8")
    page = (folder / "console.html").read_text(encoding="utf-8")
    page = page.replace("/*style*/", style).replace("/*script*/", script)
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src 'self' blob: data:; "
        "media-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
    return page, policy


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
