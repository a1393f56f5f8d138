"""Figures of the language model and its queue."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from edge_agent.language.status import STATES, LanguageStatus

_P = "sightline_language"


def language(now: LanguageStatus) -> Iterator[Metric]:
    """All of them; each begins with `sightline_language_`."""
    info = GaugeMetricFamily(f"{_P}_info", "The language model that words events.", labels=["model"])
    info.add_metric([now.model], 1)
    yield info
    state = GaugeMetricFamily(f"{_P}_state", "1 for the state the model is in.", labels=["state"])
    for name in STATES:
        state.add_metric([name], float(now.state == name))
    yield state
    yield from _counted(now)
    yield GaugeMetricFamily(f"{_P}_waiting", "Events that wait to be looked at.", value=now.waiting)
    yield GaugeMetricFamily(f"{_P}_asking", "1 while the model is asked.", value=float(now.asking))
    latency = HistogramMetricFamily(f"{_P}_latency_seconds", "From an event to the model's answer.", labels=[])
    latency.add_metric([], cumulative(now.latencies), now.latency_sum_s)
    yield latency
    if now.state == "server":
        return
    yield GaugeMetricFamily(f"{_P}_resident_memory_bytes", "Memory of the model's process.", value=now.rss_bytes)
    yield GaugeMetricFamily(f"{_P}_peak_memory_bytes", "The most it has used.", value=now.peak_bytes)
    yield CounterMetricFamily(f"{_P}_restarts", "Starts after its process had ended by itself.", value=now.restarts)
    yield CounterMetricFamily(f"{_P}_unloads", "Times the idle model was let go.", value=now.unloads)
    for kind, rate, text in (
        ("prompt", now.prompt_rate, "Tokens a second that the model reads."),
        ("answer", now.answer_rate, "Tokens a second that the model writes."),
    ):
        if rate is not None:
            yield GaugeMetricFamily(f"{_P}_{kind}_tokens_per_second", text, value=rate)


def cumulative(latencies: Mapping[float, int]) -> list[tuple[str, int]]:
    """The buckets of a histogram as Prometheus wants them, each with those below it, `+Inf` last."""
    count, buckets = 0, []
    for bound in sorted(latencies):
        count += latencies[bound]
        buckets.append(("+Inf" if math.isinf(bound) else f"{float(bound)!r}", count))
    if not buckets or buckets[-1][0] != "+Inf":
        buckets.append(("+Inf", count))
    return buckets


def _counted(now: LanguageStatus) -> Iterator[Metric]:
    for name, label, text, values in (
        ("questions", "outcome", "Events for the model, by what became of them.", now.outcomes),
        ("dropped_fields", "reason", "Fields of answers that are not told, by reason.", now.dropped),
        ("verdicts", "verdict", "Answers by whether the picture supports the alarm.", now.verdicts),
    ):
        counter = CounterMetricFamily(f"{_P}_{name}", text, labels=[label])
        for key, count in sorted(values.items()):
            counter.add_metric([key], count)
        yield counter
    text = "Fields that contradict their event or each other."
    yield CounterMetricFamily(f"{_P}_contradictions", text, value=now.contradictions)
    yield CounterMetricFamily(f"{_P}_withheld_alerts", "Alerts that a verdict has held back.", value=now.withheld)
