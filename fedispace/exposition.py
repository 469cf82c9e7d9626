"""Figures as Prometheus reads them: counters, gauges, histograms, and the text they make.

The text format (version 0.0.4) is lines; a library for it would bring threads, a global registry and a
default web server, none of which we use. What matters is that labels are few: every value of a label is
a time series for good, so nothing that a stranger can choose (a host, a path, a name) may be one.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: what is added to the family's name, the labels, the value."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with all its lines."""

    name: str
    kind: Kind
    what: str
    samples: Sequence[Sample]


class Histogram:
    """Counts observations by how large they were. `bounds` ascend."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def samples(self, labels: Mapping[str, str] | None = None) -> list[Sample]:
        """Return its lines: cumulative, as the format wants them."""
        return histogram_samples(self.bounds, self.counts, self.total, labels)


def histogram_samples(
    bounds: Sequence[float], counts: Sequence[int], total: float, labels: Mapping[str, str] | None = None
) -> list[Sample]:
    """Return the lines of a histogram of which only the numbers are at hand."""
    labels = labels or {}
    lines, below = [], 0
    for bound, count in zip((*map(_number, bounds), "+Inf"), counts, strict=True):
        below += count
        lines.append(Sample(below, {**labels, "le": bound}, "_bucket"))
    return [*lines, Sample(total, labels, "_sum"), Sample(below, labels, "_count")]


def counter(name: str, what: str, value: float) -> Family:
    """Return what only rises."""
    return Family(name, "counter", what, [Sample(value)])


def gauge(name: str, what: str, value: float) -> Family:
    """Return what rises and falls."""
    return Family(name, "gauge", what, [Sample(value)])


def by(name: str, kind: Kind, what: str, label: str, values: Mapping[str, float]) -> Family:
    """Return one line for each value of a label."""
    return Family(name, kind, what, [Sample(value, {label: key}) for key, value in sorted(values.items())])


def text(families: Iterable[Family]) -> str:
    """Write everything down."""
    lines: list[str] = []
    for family in families:
        lines.append(f"# HELP {family.name} {_escaped(family.what, quotes=False)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines += [
            f"{family.name}{sample.suffix}{_braced(sample.labels)} {_number(sample.value)}"
            for sample in family.samples
        ]
    return "\n".join(lines) + "\n"


def _braced(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(text: str, *, quotes: bool = True) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
