"""Which class reads which address; a new file in this folder with `@register(...)` is found by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vision.media.live.base import LiveSource, SourceOptions
from vision.plugins import import_all

SourceMaker = Callable[[str, SourceOptions], LiveSource]
Made = TypeVar("Made", bound=SourceMaker)
_kinds: dict[str, SourceMaker] = {}


def register(*schemes: str) -> Callable[[Made], Made]:
    """Decorator: what makes sources of addresses with these schemes (see `address.scheme_of`)."""

    def keep(maker: Made) -> Made:
        for scheme in schemes:
            if scheme in _kinds:
                raise TypeError(f"{scheme} has a source already")
            _kinds[scheme] = maker
        return maker

    return keep


def source_kinds() -> dict[str, SourceMaker]:
    """Every kind by its scheme; imports the files of this folder at first use."""
    import_all("vision.media.live")
    return dict(sorted(_kinds.items()))
