"""Guard: "Somebody has put something over the camera.".

itself --covered, blurred, black, frozen or moved--> not itself --for seconds--> EVENT --itself for clear_seconds--> closed
|
+--itself again before--> near miss: "covered 2.1 s < 5 s"
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from vision.events import Fact, Severity
from vision.motion.base import Motion, PictureState
from vision.rules.base import Closed, NearMiss, Opened, Rule, RuleParams, Signal, Updated, View, register
from vision.track.base import Track

Kind = Literal["covered", "blurred", "black", "frozen", "moved"]

_DARK = 32.0  # mean grey level; black is 16 in video
_FLAT = 4.0  # standard deviation in grey levels
_STUCK_S = 1.0  # shorter standstills are hiccups of the stream
_UNLIKE = 0.3  # likeness up to which the edges are not those of the reference
_NEAR = 0.3  # shorter than this share of the limit is no near miss


class TamperParams(RuleParams):
    """Parameters of `tamper`."""

    type: Literal["tamper"] = "tamper"
    severity: Severity = Field("alert", description="How much an event of this rule matters.")
    kinds: tuple[Kind, ...] = Field(
        ("covered", "blurred", "black", "frozen", "moved"), min_length=1, description="What to watch for."
    )
    seconds: float = Field(5.0, gt=0, description="How long the picture must be disturbed.")
    frozen_seconds: float = Field(10.0, gt=0, description="How long it must stand still to be frozen.")
    clear_seconds: float = Field(2.0, ge=0, description="How long it must be itself again before the event closes.")
    covered_percent: float = Field(80.0, gt=0, lt=100, description="Share of the edges that must be gone.")
    blurred_percent: float = Field(60.0, gt=0, lt=100, description="Share of the sharpness that must be gone.")
    moved_percent: float = Field(5.0, gt=0, lt=100, description="Shift of the view, in percent of the picture's width.")


@dataclass(slots=True)
class _Episode:
    """The picture has not been itself since `since`; `last` is when it was last seen disturbed."""

    key: str
    since: float
    last: float
    worst: PictureState
    kinds: Counter[Kind] = field(default_factory=Counter)
    open: bool = False


@register
class Tamper(Rule[TamperParams]):
    """One event for each disturbance of the picture."""

    Params = TamperParams
    needs = frozenset({"picture"})
    default_classes = None

    def __init__(self, params: TamperParams, view: View) -> None:
        super().__init__(params, view)
        self._episode: _Episode | None = None
        self._count = 0

    def step(self, tracks: Sequence[Track], motion: Motion, t: float) -> Iterable[Signal]:
        """See `Rule.step`."""
        state = motion.picture
        kind = None if state is None else self._kind(state)
        if state is not None and kind is not None:
            yield from self._disturbed(state, kind, t)
        elif self._episode is not None and t - self._episode.last >= self.params.clear_seconds:
            yield from self._over(self._episode)
            self._episode = None

    def finish(self, t: float) -> Iterable[Signal]:
        """See `Rule.finish`."""
        if self._episode is not None and not self._episode.open:
            yield from self._over(self._episode)

    def _disturbed(self, state: PictureState, kind: Kind, t: float) -> Iterator[Signal]:
        episode = self._episode
        if episode is None:
            self._count += 1
            since = t - state.frozen_s if kind == "frozen" else t
            episode = self._episode = _Episode(str(self._count), since, t, state)
        before, episode.last = _main(episode), t
        episode.kinds[kind] += 1
        if kind == _main(episode):
            episode.worst = state
        if episode.open:
            if _main(episode) != before:
                yield Updated(episode.key, facts=_facts(episode))
        elif t - episode.since >= self._limit(_main(episode)):
            episode.open = True
            yield Opened(episode.key, episode.since, facts=_facts(episode))

    def _over(self, episode: _Episode) -> Iterator[Signal]:
        lasted, kind = episode.last - episode.since, _main(episode)
        limit = self._limit(kind)
        if episode.open:
            yield Closed(episode.key, episode.last, _facts(episode))
        elif lasted >= _NEAR * limit:
            text = f"{kind} {lasted:.1f} s < {limit:g} s"
            yield NearMiss("seconds", text, episode.since, episode.last, min(1.0, lasted / limit))

    def _limit(self, kind: Kind | None) -> float:
        return self.params.frozen_seconds if kind == "frozen" else self.params.seconds

    def _kind(self, state: PictureState) -> Kind | None:
        """What is wrong with the picture now, the plainest first; None when all is well."""
        params = self.params
        left = 1 - params.covered_percent / 100
        # what is left under a cover is noise and leaking light, unlike the view; or the view, weaker than the light explains
        other = state.likeness <= _UNLIKE and state.edges <= 2 * left
        lost = state.known and (other or state.edges <= left * min(1.0, state.light))
        black = state.mean <= _DARK and state.contrast <= _FLAT and (state.likeness <= _UNLIKE or not state.known)
        holds: dict[Kind, bool] = {
            "black": black,
            "covered": lost,
            "blurred": not lost and state.sharpness <= 1 - params.blurred_percent / 100,
            "moved": not lost and self._moved(state),
            "frozen": state.frozen_s >= _STUCK_S,
        }
        return next((kind for kind, true in holds.items() if true and kind in params.kinds), None)

    def _moved(self, state: PictureState) -> bool:
        """The same edges elsewhere, or sharp and strong edges of which none is where it was."""
        another = state.known and state.likeness <= _UNLIKE and state.edges >= 0.5 and state.sharpness >= 0.5
        return another or state.shift >= self.params.moved_percent / 100


def _main(episode: _Episode) -> Kind | None:
    """The kind that has held most of the time."""
    return episode.kinds.most_common(1)[0][0] if episode.kinds else None


def _facts(episode: _Episode) -> dict[str, Fact]:
    state = episode.worst
    return {
        "kind": _main(episode),
        "lasted_s": episode.last - episode.since,
        "mean": state.mean,
        "contrast": state.contrast,
        "sharpness_ratio": state.sharpness,
        "edges_ratio": state.edges,
        "light_ratio": state.light,
        "likeness": state.likeness,
        "shift": state.shift,
    }
