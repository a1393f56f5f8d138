"""The outbox in figures for Prometheus, the same from every program that sends alerts."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from vision.delivery.records import OutboxStats


def outbox_figures(stats: OutboxStats) -> Iterator[Metric]:
    """Alerts by target and state, and the age of the oldest that is still to be sent."""
    depth = GaugeMetricFamily("sightline_outbox_deliveries", "Alerts by target and state.", labels=["target", "state"])
    for (target, state), count in sorted(stats.depth.items()):
        depth.add_metric([target, state], count)
    yield depth
    oldest = GaugeMetricFamily(
        "sightline_outbox_oldest_age_seconds", "Age of the oldest alert that is still to be sent.", labels=["target"]
    )
    for target in sorted({target for target, _ in stats.depth} | set(stats.oldest_age_s)):
        oldest.add_metric([target], stats.oldest_age_s.get(target, 0.0))
    yield oldest
