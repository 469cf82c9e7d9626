"""Reads Prometheus' text format strictly, as its description lays it down; anything else is an error."""

import re
from dataclasses import dataclass, field

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
_LINE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (\S+)")
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}

Labels = tuple[tuple[str, str], ...]


@dataclass
class Figures:
    """What was read: values by name and labels, and the type of each family."""

    values: dict[tuple[str, Labels], float] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)

    def value(self, name: str, **labels: str) -> float:
        """Return one value."""
        return self.values[name, tuple(sorted(labels.items()))]

    def labels(self, label: str) -> set[str]:
        """Return all values of a label."""
        return {value for _, labels in self.values for key, value in labels if key == label}


def read(text: str) -> Figures:
    """Return the figures; raise AssertionError at what a scraper would refuse."""
    assert text.endswith("\n")
    found, family = Figures(), ""
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            family, kind = line[7:].split(" ")
            assert re.fullmatch(_NAME, family), line
            assert family not in found.types, f"{family} twice"
            assert kind in _SUFFIXES, line
            found.types[family] = kind
            continue
        match = _LINE.fullmatch(line)
        assert match is not None, f"not a sample: {line!r}"
        name = match[1]
        assert name in {family + suffix for suffix in _SUFFIXES[found.types[family]]}, line
        labels = tuple(sorted(re.findall(_LABEL, match[2] or "")))
        assert (name, labels) not in found.values, f"twice: {line}"
        found.values[name, labels] = float(match[match.re.groups])
    _check_histograms(found)
    return found


def _check_histograms(found: Figures) -> None:
    for family, kind in found.types.items():
        if kind != "histogram":
            continue
        series: dict[Labels, list[tuple[float, float]]] = {}
        for (name, labels), value in found.values.items():
            if name == f"{family}_bucket":
                rest = tuple(pair for pair in labels if pair[0] != "le")
                series.setdefault(rest, []).append((float(dict(labels)["le"]), value))
        for labels, buckets in series.items():
            counts = [count for _, count in sorted(buckets)]
            assert counts == sorted(counts), f"{family} is not cumulative"
            assert max(bound for bound, _ in buckets) == float("inf")
            assert counts[-1] == found.values[f"{family}_count", labels]
            assert (f"{family}_sum", labels) in found.values
