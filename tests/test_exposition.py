"""What we write for Prometheus can be read by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedispace.exposition import Family, Histogram, Sample, by, counter, gauge, text
from tests.ground import prometheus


def test_every_kind_of_metric_is_read_as_it_was_meant() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(value)

    found = prometheus.read(
        text(
            [
                counter("a_total", "Things.", 12),
                gauge("b", "Now.", 0.25),
                by("c_total", "counter", "By reason.", "reason", {"late": 3, "early": 4}),
                Family("d_seconds", "histogram", "How long.", histogram.samples({"group": "x"})),
            ]
        )
    )

    assert found.types == {"a_total": "counter", "b": "gauge", "c_total": "counter", "d_seconds": "histogram"}
    assert found.value("a_total") == 12
    assert found.value("b") == 0.25
    assert found.value("c_total", reason="late") == 3
    assert found.value("d_seconds_bucket", group="x", le="0.1") == 2
    assert found.value("d_seconds_bucket", group="x", le="1") == 3
    assert found.value("d_seconds_bucket", group="x", le="+Inf") == 4
    assert found.value("d_seconds_sum", group="x") == pytest.approx(7.65)


@given(st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False), max_size=5))
def test_whatever_a_label_says_it_stays_a_label(values: dict[str, float]) -> None:
    found = prometheus.read(text([by("a", "gauge", 'Says "\\\n', "said", values)]))

    assert sorted(found.values.values()) == sorted(values.values())


def test_a_family_without_samples_is_no_fault() -> None:
    assert prometheus.read(text([Family("a", "gauge", "Nothing yet.", [])])).values == {}
    assert Sample(1).labels == {}
