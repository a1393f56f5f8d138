"""Names from outside made plain before they go into a prompt.

Camera names, zones, labels and what a config says of a place are data. After this none of them can begin a new line, close
a quotation, look like a special token of any chat template (`<|im_end|>`, `[INST]`, `<__media__>`), fill a `{place}` or
hide characters.
"""

from __future__ import annotations

import re
import unicodedata

NAME_CHARS = 60  # of a name; longer ones are cut
TEXT_CHARS = 600  # of a text that the config's owner wrote

# Marks that templates build tokens from, once wide forms have become plain ones; U+2581 is SentencePiece's space.
_MARKS = str.maketrans(dict.fromkeys('<>{}[]|`\\"“”„«»\u2581', " ") | {"\u2019": "'"})
_RUNS = re.compile(r"([#=_*~-])\1{2,}")  # "###", "---": headings and rulers of prompts
_SPACES = re.compile(r"\s+")


def plain(text: object, limit: int = NAME_CHARS) -> str:
    """`text` on one line of at most `limit` characters, without control characters and without marks of templates."""
    folded = unicodedata.normalize("NFKC", str(text))
    shown = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in folded)
    spaced = _SPACES.sub(" ", _RUNS.sub(r"\1", shown.translate(_MARKS))).strip()
    return spaced[:limit].rstrip()


def quoted(text: object, limit: int = NAME_CHARS) -> str:
    """A name as it stands in a line of data: in quotation marks that it cannot close."""
    return f'"{plain(text, limit)}"'
