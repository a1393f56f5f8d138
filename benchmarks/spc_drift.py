"""How soon a drift of good parts' scores is told: before false rejects, before a p-chart of rejects; and false alarms.

    python -m benchmarks.spc_drift [--rounds 200] [--seed 3]

Logarithms of scores are normal, the threshold is set for 2 % false rejects; after 100 usual parts their mean rises by so
many sigma a part. The p-chart has groups of 50 and the true 2 % as its centre: it is given more than it would know.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist, median, quantiles

import numpy as np

from vision.inspect.spc.charts import p_chart
from vision.inspect.spc.cusum import average_run_length
from vision.inspect.spc.drift import INTERVAL, SLACK, DriftWatch

_USUAL, _GROUP, _RATE, _SIGMA = 100, 50, 0.02, 0.2
_LIMIT = NormalDist().inv_cdf(1 - _RATE)


@dataclass(frozen=True, slots=True)
class Told:
    """After how many parts of the drift it was told, what share of good parts is rejected then, who was first."""

    parts: int
    rate: float
    first: bool


def one(rng: np.random.Generator, slope: float) -> Told | None:
    """One line that drifts; None where nothing was told up to a rise of 2.5 sigma, or too early."""
    threshold = float(np.exp(_SIGMA * _LIMIT))
    watch, rejects, seen = DriftWatch(threshold, learn=_USUAL), list[bool](), False
    for number in range(_USUAL + int(2.5 / slope)):
        rise = slope * max(0, number - _USUAL)
        score = float(np.exp(_SIGMA * (rng.standard_normal() + rise)))
        rejects.append(score > threshold)
        if len(rejects) % _GROUP == 0:
            seen = seen or bool(p_chart([sum(rejects[-_GROUP:])], [_GROUP], base=_RATE).violations)
        if not rejects[-1] and watch.update(score) is not None:
            return Told(number - _USUAL, 1 - NormalDist(rise).cdf(_LIMIT), not seen)
    return None


def lines(rounds: int, seed: int) -> Iterator[str]:
    """The table in Markdown."""
    yield "| sigma a part | told | parts until then, median | false rejects by then, median | 90 % | before the p-chart |"
    yield "|---|---|---|---|---|---|"
    rng = np.random.default_rng(seed)
    for slope in (0.001, 0.002, 0.005, 0.01):
        found = [told for _ in range(rounds) if (told := one(rng, slope)) is not None]
        rates = [told.rate for told in found]
        first = sum(told.first for told in found)
        yield (
            f"| {slope:g} | {len(found)} of {rounds} | {median(told.parts for told in found):.0f} | {median(rates):.1%} "
            f"| {quantiles(rates, n=10)[-1]:.1%} | {first} of {len(found)} |"
        )
    yield ""
    for shift in (0.0, 0.25, 0.5, 1.0):
        length = average_run_length(shift, SLACK, INTERVAL, sides=1)
        yield f"average run length at a step of {shift:g} sigma, usual known: {length:.0f} parts"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=3)
    given = parser.parse_args()
    for line in lines(given.rounds, given.seed):
        print(line)


if __name__ == "__main__":
    main()
