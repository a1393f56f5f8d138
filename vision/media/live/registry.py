"""Which class reads which address; a new file in this folder with `@register(...)` is found by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vision.media.live.base import LiveSource, SourceOptions
from vision.plugins import Plugins

SourceMaker = Callable[[str, SourceOptions], LiveSource]
Made = TypeVar("Made", bound=SourceMaker)
_plugins: Plugins[SourceMaker] = Plugins("vision.media.live")


def register(*schemes: str) -> Callable[[Made], Made]:
    """Decorator: what makes sources of addresses with these schemes (see `address.scheme_of`)."""

    def keep(maker: Made) -> Made:
        for scheme in schemes:
            _plugins.add(scheme, maker)
        return maker

    return keep


def source_kinds() -> dict[str, SourceMaker]:
    """Every kind by its scheme; imports the files of this folder at first use."""
    return _plugins.all()
