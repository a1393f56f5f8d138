"""The language model of the config: does it fit into this machine's memory, does it answer, and how long does that take."""

from __future__ import annotations

import time
from collections.abc import Iterable

from edge_agent.config import Config
from edge_agent.doctor.base import Finding, Look, Patient, check_each, fail, ok, warn
from edge_agent.doctor.folders import data_folder

_PROBE_S = 10.0
_LEAST_S = 2.0


@check_each("language model", order=125)
def language(patient: Patient, config: Config) -> Iterable[tuple[str, Look]]:
    """One look at the model, where the config names one."""
    if config.language.backend != "template":
        yield config.language.backend, lambda: _language(patient, config)


def _language(patient: Patient, config: Config) -> Iterable[Finding]:
    from edge_agent.language.child_probe import probe
    from edge_agent.language.fitness import CACHE
    from edge_agent.language.settings import model_settings
    from vision.errors import SightlineError
    from vision.language.backends.fit import needs, refusal

    try:
        settings = model_settings(config.language)
        size = needs(settings)
        refused = refusal(settings)
    except SightlineError as error:
        yield fail(str(error), "name whole files in language.path and language.mmproj")
        return
    if refused is not None:
        yield fail(str(refused), "a smaller model, a smaller language.n_ctx, or fewer other programs")
        return
    if size is not None:
        yield ok(f"it fits: {size}")
    left = patient.deadline - time.monotonic() - 1.0
    if left < _LEAST_S:
        yield warn("there was no time left to ask it", "sightline doctor --timeout 60")
        return
    folder = data_folder(patient)
    cache = folder / CACHE if folder.is_dir() else None
    result = probe(settings, min(_PROBE_S, left), cache=cache)
    if result.failure:
        yield fail(result.failure, "pip install 'sightline[llama]' for local models; see docs/language.md")
        return
    seconds = result.answer_s
    told = "unknown" if seconds is None else f"about {seconds:.1f} s"
    text = f"an answer about one picture takes {told} (loading {result.load_s:.1f} s)"
    late = seconds is not None and seconds > config.language.deadline_s
    facts = {"answer_s": seconds, "load_s": round(result.load_s, 2), "cached": result.cached}
    yield warn(text, "a smaller model, or a longer language.deadline_s", **facts) if late else ok(text, **facts)
