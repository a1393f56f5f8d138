"""What 1,000 pictures cost at five models of the catalogue: asked naively, and as the cloud tier asks.

    python -m benchmarks.cloud_cost [--at 2026-11-23] [--healthy 0.85] [--pictures 4] [--naive-pictures 48]

Calculated from the catalogue's token formulas and prices, nothing is asked. Naive: the picture as the camera takes it
(12 megapixels), one question in prose to the dearer model, no references, an answer of 300 tokens. Ours: cropped to the
leaves, a closed question to the cheaper model first; the dearer one, with eight small references in a cached prefix, only
for what is not plainly healthy. Text is counted as four characters a token, room for thinking in full, uncached text as
written to the cache where that costs more.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from cloud_adapter.diagnosis.questions import choice_question, health_question
from cloud_adapter.diagnosis.settings import LabelSettings, LeafProfile
from cloud_adapter.providers.base import Question
from cloud_adapter.providers.catalogue import Catalogue, catalogue
from cloud_adapter.providers.prices import Prices
from cloud_adapter.providers.tokens import image_tokens
from cloud_adapter.records import MICRO, Usage

CAMERA = (4032, 3024)
RESIZED = (1024, 768)
CROPPED = (768, 576)  # the leaves of a fixed camera: half of the picture
REFERENCE = (384, 288)
REFERENCES = 8
NAIVE_ANSWER = 300
ANSWER = 45  # a filled form
CHARACTERS_A_TOKEN = 4

PAIRS = [  # the model that names, and the cheaper one that is asked first
    ("openai-terra", "openai-luna"),
    ("claude-sonnet", "claude-haiku"),
    ("gemini-flash", "gemini-flash-lite"),
    ("qwen-flash", "qwen-flash"),
    ("deepseek-flash", "deepseek-flash"),
]
LABELS = ("early_blight", "late_blight", "leaf_roll_virus", "mosaic_virus", "hopper_burn")
PROFILE = LeafProfile(crop="potato", labels={label: LabelSettings() for label in LABELS}, model="m")


@dataclass(frozen=True)
class Row:
    """Dollars for 1,000 pictures, step by step; `month` is one camera, naive and ours."""

    model: str
    naive: float
    resized: float
    closed: float  # every picture to the dearer model, with references
    cascade: float
    month: tuple[float, float]


@dataclass(frozen=True)
class Costs:
    """Dollars by the catalogue at one moment."""

    models: Catalogue
    at: float

    def call(self, model: str, text: int, sizes: list[tuple[int, int]], cached: int, answer: int) -> float:
        """One call: `cached` of the input tokens come from the prompt cache."""
        entry = self.models.find(model)
        shown = text + sum(image_tokens(entry.image_tokens, *size) for size in sizes)
        usage = Usage(shown, min(cached, shown), answer + entry.thinking_tokens)
        return Prices(self.models).price(model, usage, self.at) / MICRO

    def naive(self, model: str, size: tuple[int, int], answer: int = NAIVE_ANSWER) -> float:
        """One picture and a question in prose."""
        return self.call(model, 150, [size], 0, answer)

    def health(self, model: str) -> float:
        """The first question."""
        return self.call(model, _text(health_question("p", PROFILE)), [CROPPED], 0, ANSWER)

    def choice(self, model: str) -> float:
        """The closed choice with its cached prefix."""
        entry = self.models.find(model)
        text = _text(choice_question("p", PROFILE, ()))
        cached = REFERENCES * image_tokens(entry.image_tokens, *REFERENCE)
        return self.call(model, text, [REFERENCE] * REFERENCES + [CROPPED], cached, ANSWER)


def _text(question: Question) -> int:
    return (len(question.system) + len(question.text)) // CHARACTERS_A_TOKEN


def rows(at: float, *, healthy: float, ours: float, naive: float) -> list[Row]:
    """One for each pair; `healthy` is the part that the first question ends, `ours` and `naive` pictures a day."""
    costs = Costs(catalogue(), at)
    found = []
    for dear, cheap in PAIRS:
        plain = costs.naive(dear, CAMERA)
        cascade = costs.health(cheap) + (1 - healthy) * costs.choice(dear)
        month = (30 * naive * plain, 30 * ours * cascade)
        resized = costs.naive(dear, RESIZED)
        name = dear if dear == cheap else f"{dear}, {cheap} first"
        found.append(Row(name, 1000 * plain, 1000 * resized, 1000 * costs.choice(dear), 1000 * cascade, month))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at", type=date.fromisoformat, default=catalogue().dated, help="day of the prices")
    parser.add_argument("--healthy", type=float, default=0.85, help="part of the pictures that are plainly healthy")
    parser.add_argument("--pictures", type=float, default=4, help="pictures a day by the schedule")
    parser.add_argument(
        "--naive-pictures", type=float, default=48, help="pictures a day, one every 15 minutes of 12 hours"
    )
    given = parser.parse_args()
    at = datetime.combine(given.at, time(12), UTC).timestamp()
    print(f"Prices of {given.at}, catalogue of {catalogue().dated}: check before use. US dollars.\n")
    print("| model | naive, 12 MP | at 1024 px | closed choice, crop, cached | cascade | of naive | camera and month |")
    print("|---|---|---|---|---|---|---|")
    for row in rows(at, healthy=given.healthy, ours=given.pictures, naive=given.naive_pictures):
        part = f"1/{row.naive / row.cascade:.1f}"
        month = f"{row.month[0]:.2f} -> {row.month[1]:.3f}"
        steps = " | ".join(f"{one:.3f}" for one in (row.naive, row.resized, row.closed, row.cascade))
        print(f"| {row.model} | {steps} | {part} | {month} |")


if __name__ == "__main__":
    main()
