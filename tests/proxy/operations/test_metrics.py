from __future__ import annotations

import logging

import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.operations.metrics import Metrics, StreamStats

SECOND = 1_000_000_000


@pytest.fixture
def metrics():
    """Fresh figures."""
    return Metrics(logging.getLogger("proxy"))


def read(metrics: Metrics) -> dict[str, float]:
    """Return the samples as Prometheus' own reader sees them, by name and labels."""
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def stats(**changes: object) -> StreamStats:
    """Return the figures of a good answer, changed."""
    good = StreamStats("complete", None, 1, 100, 2 * SECOND, SECOND, SECOND // 4)
    return good._replace(**changes)


def test_an_answer_is_counted_where_it_belongs(metrics):
    """By architecture; times in seconds, retries beyond the first attempt."""
    streams = metrics.for_architecture("v1")
    for _ in range(3):
        streams.begun()
    streams.over(stats())
    streams.over(stats(cause="reset", attempts=3, ttft_ns=None))
    found = read(metrics)
    assert found["proxy_streams_open{architecture=v1}"] == 1
    assert found["proxy_stream_outcomes_total{architecture=v1,outcome=complete}"] == 2
    assert found["proxy_stream_errors_total{architecture=v1,cause=reset}"] == 1
    assert found["proxy_stream_retries_total{architecture=v1}"] == 2
    assert found["proxy_stream_sent_bytes_total{architecture=v1}"] == 200
    assert found["proxy_stream_ttft_seconds_count{architecture=v1}"] == 1
    assert found["proxy_stream_ttft_seconds_sum{architecture=v1}"] == 1
    assert found["proxy_stream_hold_seconds_sum{architecture=v1}"] == 0.25
    assert found["proxy_stream_duration_seconds_sum{architecture=v1}"] == 4


def test_what_relays_report_gets_a_family_of_its_own(metrics):
    """Made at first use, labelled with the architecture and the relay's labels."""
    streams = metrics.for_architecture("v2")
    streams.count("stutter_decisions", 2, {"outcome": "reduced"})
    streams.count("stutter_decisions", 1, {"outcome": "reduced"})
    streams.count("retries_total", 1, {})
    streams.observe("hold_seconds", 0.5, {})
    found = read(metrics)
    labels = "architecture=v2,outcome=reduced"
    assert found[f"proxy_relay_stutter_decisions_total{{{labels}}}"] == 3
    assert found["proxy_relay_retries_total{architecture=v2}"] == 1
    assert found["proxy_relay_hold_seconds_sum{architecture=v2}"] == 0.5


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("Bad-Name", {}),
        ("", {}),
        ("1st", {}),
        ("ok", {"other": "x"}),
        ("ok", {"bad-label": "x"}),
        ("fresh", {"__reserved": "x"}),
    ],
)
def test_a_figure_that_does_not_fit_is_left_out_and_told_once(
    metrics, caplog, name, labels
):
    """A relay's mistake must not end its stream."""
    streams = metrics.for_architecture("v2")
    streams.count("ok", 1, {})
    with caplog.at_level("WARNING", logger="proxy"):
        for _ in range(3):
            streams.count(name, 1, labels)
    assert len(caplog.records) == 1
    assert read(metrics)["proxy_relay_ok_total{architecture=v2}"] == 1


def test_a_counter_cannot_become_a_distribution(metrics, caplog):
    """The first use decides."""
    streams = metrics.for_architecture("v2")
    streams.count("thing", 1, {})
    streams.observe("thing", 1, {})
    assert read(metrics)["proxy_relay_thing_total{architecture=v2}"] == 1
    assert "left out" in caplog.text


def test_the_process_is_measured_too(metrics):
    """Memory and CPU are two of the figures that a rollout watches."""
    found = read(metrics)
    assert found["process_resident_memory_bytes{}"] > 1_000_000
    assert "process_cpu_seconds_total{}" in found
    assert "process_open_fds{}" in found
