"""Which parts a person should look at: those that the checks were not sure of."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from edge_agent.inspect.line.records import Part
from vision.errors import InputError
from vision.settings.problems import clean

NEAR = 0.15  # of the threshold: a score so close to it is doubtful
_CALM = 0.5  # of the threshold: a check that passes a part with less sees nothing at all
_PREFIX = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A part and why it is doubtful; the smaller `rank`, the more a person's word is worth."""

    part: Part
    why: tuple[str, ...]
    rank: float


def doubtful(parts: Sequence[Part], near: float = NEAR, labelled: Collection[str] = ()) -> list[Doubt]:
    """The doubtful parts, the most doubtful first, each picture once; without those whose pictures are `labelled`."""
    found: dict[str, Doubt] = {}
    for part in parts:
        if part.picture in labelled:
            continue
        reasons = list(_reasons(part, near))
        if reasons:
            found[part.picture or str(part.number)] = Doubt(
                part, tuple(why for _, why in reasons), min(rank for rank, _ in reasons)
            )
    return sorted(found.values(), key=lambda doubt: (doubt.rank, doubt.part.number))


def _reasons(part: Part, near: float) -> Iterator[tuple[float, str]]:
    if part.verdict == "no_decision":
        told = "; ".join(str(reason) for reason in part.entry.get("reasons") or ())
        yield 1.0, f"no decision: {told}" if told else "no decision"
    sure = any(score.outcome == "reject" and score.severity > 1 + near for score in part.scores.values())
    for (_, check), score in sorted(part.scores.items()):
        away = abs(score.severity - 1)
        if score.threshold > 0 and away <= near and not sure:  # another check has rejected it without doubt
            side = "above" if score.severity > 1 else "below"
            yield away / max(near, 1e-9), f"{check}: score {away:.0%} {side} the threshold"
    for _, group in groupby(sorted(part.scores.items()), key=lambda pair: pair[0][0]):
        scores = {check: score for (_, check), score in group}
        against = [check for check, score in scores.items() if score.outcome == "reject"]
        calm = [check for check, score in scores.items() if score.outcome == "pass" and score.severity < _CALM]
        if against and calm:
            yield 0.5, f"the checks disagree: {', '.join(against)} rejects, {', '.join(calm)} sees nothing"


def chosen(parts: Sequence[Part], wanted: str) -> Part:
    """The part that somebody means: its number, the beginning of its picture's digest, its file or the file's name.

    Raises InputError where there is none, or more than one picture of that name.
    """
    if wanted.isascii() and wanted.lstrip("#").isdigit() and len(wanted) <= 9:
        number = int(wanted.lstrip("#"))
        fits = [part for part in parts if part.number == number]
    elif _PREFIX.fullmatch(wanted) and any(part.picture.startswith(wanted) for part in parts):
        fits = [part for part in parts if part.picture.startswith(wanted)]
    else:
        fits = [part for part in parts if wanted in (part.file, part.name)]
    if not fits:
        raise InputError(
            f"{clean(wanted)[:80]}: no such part; name its number, file or the beginning of its picture's digest"
        )
    if len({part.picture for part in fits}) > 1:
        numbers = ", ".join(str(part.number) for part in fits[:5])
        raise InputError(
            f"{clean(wanted)[:80]}: several parts are called so, numbers {numbers}; name one by its number"
        )
    return fits[-1]
