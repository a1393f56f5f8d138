"""One blank picture: which form of answer an endpoint really holds to, what it takes, and how long.

Forms are tried in the order of the catalogue until one works; each is one paid call of a few hundred tokens. What was found
is kept in `probes.json` of the data folder, so that workers begin with the form that works.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from cloud_adapter.providers.base import BackendError, Fault, Question, VisionBackend
from cloud_adapter.providers.catalogue import Catalogue
from cloud_adapter.providers.prices import Prices
from cloud_adapter.providers.registry import open_backend
from cloud_adapter.providers.settings import Mode
from cloud_adapter.records import Picture, Usage
from vision.errors import OutsideError

FILE = "probes.json"
_EDGE = 512
_HOPELESS: tuple[Fault, ...] = (
    "auth",
    "quota",
    "rate_limited",
    "overloaded",
    "timeout",
    "cut",
)  # no matter in which form


class _Blank(BaseModel):
    model_config = ConfigDict(extra="forbid")
    shows: Literal["blank", "leaf", "cover", "other"]
    text_in_scene: Literal["yes", "no"]


class Try(BaseModel):
    """One form that was tried; tokens as the endpoint counts them, money by the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    mode: Mode
    works: bool
    fault: Fault | None = None
    told: str = ""
    latency_s: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int = 0


class ProbeReport(BaseModel):
    """What an endpoint gave. `expected_tokens` is what would have been reserved as input for the same call."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: str
    answered_by: str
    at: float
    mode: Mode | None  # the form that works, None: none did
    expected_tokens: int
    tries: tuple[Try, ...]

    @property
    def underestimated(self) -> bool:
        """Whether the token formula of the catalogue is too small for this endpoint: then too little is reserved."""
        return any(one.input_tokens > self.expected_tokens for one in self.tries)


QUESTION = Question(
    prompt="probe@1",
    system="You look at one picture and fill in a form. Use only what the picture shows.",
    text="What does the picture show? Is there any writing in it?",
    wire=_Blank,
    max_tokens=60,
)


def blank() -> Picture:
    """A gray picture of 512 x 512 pixels."""
    data = cv2.imencode(".jpg", np.full((_EDGE, _EDGE, 3), 128, np.uint8))[1].tobytes()
    return Picture(data, "image/jpeg", _EDGE, _EDGE, hashlib.sha256(data).hexdigest())


async def probe(
    name: str, models: Catalogue, *, now: Callable[[], float], deadline_s: float = 60.0, folder: Path | None = None
) -> ProbeReport:
    """Try the forms of a model's entry; keeps the report in `folder`. Raises what `open_backend` raises."""
    tries: list[Try] = []
    answered, expected = "", 0
    prices = Prices(models)
    for mode in models.find(name).modes:
        backend = open_backend(name, models, mode)
        try:
            expected = backend.worst_case(QUESTION, [blank()]).input_tokens
            one, model = await _try(backend, mode, prices, now, deadline_s)
        finally:
            await backend.close()
        tries.append(one)
        answered = model or answered
        if one.works or one.fault in _HOPELESS:
            break
    works = next((one.mode for one in tries if one.works), None)
    report = ProbeReport(
        model=name, answered_by=answered, at=now(), mode=works, expected_tokens=expected, tries=tuple(tries)
    )
    if folder is not None:
        keep(report, folder)
    return report


async def _try(
    backend: VisionBackend, mode: Mode, prices: Prices, now: Callable[[], float], deadline_s: float
) -> tuple[Try, str]:
    try:
        reply = await backend.ask(QUESTION, [blank()], deadline_s=deadline_s)
    except BackendError as error:
        usage = error.usage or Usage()
        cost = prices.price(backend.name, usage, now())
        return (
            Try(
                mode=mode,
                works=False,
                fault=error.fault,
                told=str(error),
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cost_microusd=cost,
            ),
            "",
        )
    cost = prices.price(backend.name, reply.usage, now())
    tokens = {"input_tokens": reply.usage.input_tokens, "output_tokens": reply.usage.output_tokens}
    return Try(mode=mode, works=True, latency_s=reply.latency_s, cost_microusd=cost, **tokens), reply.model


def keep(report: ProbeReport, folder: Path) -> None:
    """Write a report over the one before, whole or not at all. Raises `OutsideError`."""
    kept = {**{name: one.model_dump(mode="json") for name, one in probes(folder).items()}}
    kept[report.model] = report.model_dump(mode="json")
    path = folder / FILE
    fresh = path.with_suffix(".new")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise OutsideError(f"{path}: cannot be written: {error.strerror}") from error


def probes(folder: Path) -> dict[str, ProbeReport]:
    """The reports of a data folder by model; one that cannot be read counts as none."""
    try:
        raw = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return {name: ProbeReport.model_validate(one) for name, one in raw.items()}
    except (OSError, ValueError, ValidationError, AttributeError):
        return {}


def found_mode(name: str, folder: Path) -> Mode | None:
    """The form that the last probe found to work, None where there was none."""
    report = probes(folder).get(name)
    return report.mode if report is not None and report.mode in get_args(Mode) else None
