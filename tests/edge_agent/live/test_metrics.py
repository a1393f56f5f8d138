"""Metrics: read by the reference parsers, named by the conventions, with nothing secret in them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from edge_agent.language.status import LanguageStatus
from edge_agent.live.metrics import Exposition
from edge_agent.live.status import AgentStatus
from tests.edge_agent.api.fake_agent import PASSWORD, FakeAgent, camera
from vision.delivery.records import OutboxStats

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
INF = float("inf")


def scraped(agent: FakeAgent) -> dict[str, Any]:
    body, kind = Exposition(agent).scrape()
    assert kind.startswith("text/plain; version=0.0.4")
    return {family.name: family for family in parse_text(body.decode())}


def value(agent: FakeAgent, name: str, **labels: str) -> float:
    for family in scraped(agent).values():
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    raise KeyError(name)


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("sightline_camera_frames_total", {"camera": "yard"}, 9000),
        ("sightline_camera_packets_total", {"camera": "yard"}, 9100),
        ("sightline_camera_received_bytes_total", {"camera": "yard"}, 50e6),
        ("sightline_camera_dropped_frames_total", {"camera": "yard", "reason": "newer"}, 12),
        ("sightline_camera_stage_cpu_seconds_total", {"camera": "yard", "stage": "detect"}, 40.5),
        ("sightline_camera_inferences_total", {"camera": "yard"}, 800),
        ("sightline_camera_reconnects_total", {"camera": "yard"}, 1),
        ("sightline_camera_faults_total", {"camera": "yard", "fault": "stall"}, 1),
        ("sightline_camera_events_total", {"camera": "yard", "type": "intrusion"}, 4),
        ("sightline_camera_state", {"camera": "yard", "state": "online"}, 1),
        ("sightline_camera_state", {"camera": "gate", "state": "online"}, 0),
        ("sightline_camera_state", {"camera": "gate", "state": "offline"}, 1),
        ("sightline_camera_queue_age_seconds", {"camera": "yard"}, 0.01),
        ("sightline_camera_fps", {"camera": "yard"}, 15),
        ("sightline_camera_tracks", {"camera": "yard"}, 2),
        ("sightline_camera_latency_seconds_bucket", {"camera": "yard", "le": "0.05"}, 90),
        ("sightline_camera_latency_seconds_bucket", {"camera": "yard", "le": "0.5"}, 100),  # each holds those below
        ("sightline_camera_latency_seconds_bucket", {"camera": "yard", "le": "+Inf"}, 100),
        ("sightline_camera_latency_seconds_count", {"camera": "yard"}, 100),
        ("sightline_camera_latency_seconds_sum", {"camera": "yard"}, 4.2),
        ("sightline_outbox_deliveries", {"target": "webhook", "state": "pending"}, 2),
        ("sightline_outbox_oldest_age_seconds", {"target": "webhook"}, 3.5),
        ("sightline_outbox_oldest_age_seconds", {"target": "mqtt"}, 0),
        ("sightline_target_up", {"target": "mqtt"}, 0),
        ("sightline_ready", {}, 1),
        ("sightline_config_refused", {}, 0),
        ("sightline_evidence_bytes", {}, 123_456_789),
        ("sightline_disk_free_bytes", {}, 50e9),
    ],
)
def test_figures(name: str, labels: dict[str, str], expected: float) -> None:
    assert value(FakeAgent(), name, **labels) == expected


def test_process_figures() -> None:
    families = scraped(FakeAgent())
    for name in ("process_cpu_seconds", "process_resident_memory_bytes", "process_open_fds", "process_threads"):
        assert families[name].samples[0].value > 0
    assert families["sightline_build_info"].samples[0].labels["version"] == "0.1.0"


@pytest.mark.parametrize(
    ("latencies", "count"),
    [
        ({}, 0),  # nothing seen yet
        ({0.05: 3, INF: 2}, 5),
        ({0.5: 1, 0.05: 3}, 4),  # in any order
    ],
)
def test_histogram(latencies: dict[float, int], count: int) -> None:
    agent = FakeAgent([camera("yard", latencies=latencies)])
    assert value(agent, "sightline_camera_latency_seconds_count", camera="yard") == count
    assert value(agent, "sightline_camera_latency_seconds_bucket", camera="yard", le="+Inf") == count


def test_unknown_moments_are_left_out() -> None:
    agent = FakeAgent([camera("yard", last_t=None, since=0.0)])
    families = scraped(agent)
    assert families["sightline_camera_last_picture_timestamp_seconds"].samples == []
    assert families["sightline_camera_state_since_timestamp_seconds"].samples == []


def test_openmetrics_where_asked_for() -> None:
    body, kind = Exposition(FakeAgent()).scrape(OPENMETRICS)
    assert kind.startswith("application/openmetrics-text")
    assert len(list(parse_openmetrics(body.decode()))) > 30  # this parser is strict: names, units, order, end


def test_names_follow_the_conventions() -> None:
    conventional(FakeAgent())
    conventional(Worded())


def conventional(agent: FakeAgent) -> None:
    """The rules of `promtool check metrics`: help, units in full and in base units, counters and only they end in _total."""
    abbreviated = re.compile(
        r"_(ms|msec|milliseconds|us|ns|s|sec|secs|min|minutes|hours|kb|mb|gb|kilobytes|pct|percent)(_|$)"
    )
    body = Exposition(agent).scrape()[0].decode()
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", body, re.MULTILINE))
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", body, re.MULTILINE))
    assert set(kinds) == set(helps)
    for name, kind in kinds.items():
        assert re.fullmatch(r"(sightline|process)_[a-z][a-z0-9_]*", name), name
        assert name.endswith("_total") == (kind == "counter"), name
        assert not abbreviated.search(name.removesuffix("_total")), name
        assert not name.endswith(("_count", "_sum", "_bucket")), name
        assert kind not in name.split("_"), name
        assert helps[name].endswith("."), name
    for labels in re.findall(r"\{([^}]*)\}", body):
        for label in re.findall(r'(\w+)="', labels):
            assert re.fullmatch(r"[a-z]+", label)
    samples = [line for line in body.splitlines() if not line.startswith("#")]
    assert len({line.rsplit(" ", 1)[0] for line in samples}) == len(samples), "no sample twice"


class Careless(FakeAgent):
    """Whose texts hold what nobody should see."""

    def status(self) -> AgentStatus:
        outbox = OutboxStats({('we"b\nhook\\', "dead"): 1}, {})
        address = f"rtsp://viewer:{PASSWORD}@192.0.2.10/sub"
        return replace(
            super().status(), outbox=outbox, targets={"webhook": address}, config_error=address, config=address
        )


def test_no_text_becomes_a_label() -> None:
    bad = camera("yard", source=f"rtsp://u:{PASSWORD}@192.0.2.10", reason=PASSWORD, fault="auth", codec=PASSWORD)
    agent = Careless([bad])
    for accept in ("", OPENMETRICS):
        body = Exposition(agent).scrape(accept)[0].decode()
        assert PASSWORD not in body
        assert "192.0.2.10" not in body
    assert value(agent, "sightline_outbox_deliveries", target='we"b\nhook\\', state="dead") == 1, (
        "strange names survive"
    )
    assert value(agent, "sightline_config_refused") == 1


WORDS = LanguageStatus(
    "demo-vlm", "ready", waiting=2, asking=True, outcomes={"answered": 7, "timeout": 1}, contradictions=3,
    dropped={"label": 2}, verdicts={"yes": 5, "no": 2}, withheld=1, latencies={0.5: 4, INF: 3}, latency_sum_s=9.5,
    rss_bytes=68_000_000, peak_bytes=70_000_000, restarts=1, unloads=2, prompt_rate=900.0, answer_rate=None,
)  # fmt: skip


class Worded(FakeAgent):
    """An agent with a language model."""

    words = WORDS

    def status(self) -> AgentStatus:
        return replace(super().status(), language=self.words)


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("info", {"model": "demo-vlm"}, 1),
        ("state", {"state": "ready"}, 1),
        ("state", {"state": "unloaded"}, 0),
        ("questions_total", {"outcome": "answered"}, 7),
        ("questions_total", {"outcome": "timeout"}, 1),
        ("waiting", {}, 2),
        ("asking", {}, 1),
        ("contradictions_total", {}, 3),
        ("dropped_fields_total", {"reason": "label"}, 2),
        ("verdicts_total", {"verdict": "no"}, 2),
        ("withheld_alerts_total", {}, 1),
        ("latency_seconds_bucket", {"le": "0.5"}, 4),
        ("latency_seconds_count", {}, 7),
        ("latency_seconds_sum", {}, 9.5),
        ("resident_memory_bytes", {}, 68e6),
        ("restarts_total", {}, 1),
        ("unloads_total", {}, 2),
        ("prompt_tokens_per_second", {}, 900),
    ],
)
def test_figures_of_the_language_model(name: str, labels: dict[str, str], expected: float) -> None:
    assert value(Worded(), f"sightline_language_{name}", **labels) == expected


def test_a_server_has_no_process_and_no_model_no_figures() -> None:
    agent = Worded()
    agent.words = replace(WORDS, state="server")
    families = scraped(agent)
    assert "sightline_language_questions" in families
    assert "sightline_language_resident_memory_bytes" not in families
    assert "sightline_language_answer_tokens_per_second" not in scraped(Worded())  # not known yet
    assert not [name for name in scraped(FakeAgent()) if name.startswith("sightline_language")]
