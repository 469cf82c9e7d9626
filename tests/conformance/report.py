"""Makes docs/conformance.md and docs/spaces-stories.md from a test run: every case, the tests that carry its
number, the outcome.

A test names what it proves by a marker, `@pytest.mark.row(17)`; nothing is written by hand, so a case
without a test, or with one that failed, cannot be listed as done.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import pytest

CASES: Final = Path(__file__).with_name("cases.toml")
STORIES: Final = Path(__file__).with_name("stories.toml")
TITLES: Final = {
    "row": "Between servers",
    "attack": "Attacks",
    "privacy": "Privacy",
    "reliability": "Reliability",
    "story": "Stories",
}
_RANK: Final = {"failed": 3, "skipped": 2, "passed": 1}

_INTRODUCTION: Final = """\
# Conformance

What we promise to other servers, and the tests that hold us to it. Made by `make conformance` from a run of
the suite: a test carries the number of the case it proves (`@pytest.mark.row(17)`), and the outcome here is
that of the worst of its tests. R is what we do on receiving, S on sending; "peers" are other servers.

"""

_STORIES_INTRODUCTION: Final = """\
# Stories of Spaces

What people do in a Space, told as tests: real browsers with a tone for each microphone, two servers of
ours, and others that stand in for Mastodon and Mobilizon. Made by `make conformance` from a run of the suite:
a test carries the name of its story (`@pytest.mark.story("A1")`). A is for listeners, B for hosts, C for
timelines, F for people of other servers.

"""


@dataclass
class Findings:
    """What a run found out: per kind and number, the tests and the worst outcome of each."""

    outcomes: defaultdict[tuple[str, str], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def note(self, report: pytest.TestReport) -> None:
        """Take over the outcome of one phase of one test."""
        if report.when != "call" and report.passed:
            return
        name = report.nodeid.partition("[")[0]
        for kind, number in report.user_properties:
            if kind in TITLES:
                tests = self.outcomes[kind, str(number)]
                tests[name] = max(tests.get(name, "passed"), report.outcome, key=_RANK.__getitem__)

    def document(self) -> str:
        """Return the document of the cases."""
        told = {kind: rows for kind, rows in cases().items() if kind != "story"}
        return _INTRODUCTION + "\n".join(self._section(kind, rows) for kind, rows in told.items())

    def stories(self) -> str:
        """Return the document of the stories."""
        return _STORIES_INTRODUCTION + self._section("story", cases()["story"])

    def _section(self, kind: str, rows: Mapping[str, list[str]]) -> str:
        done = sum(self._outcome(kind, number) == "done" for number in rows)
        lines = [
            f"## {TITLES[kind]}",
            "",
            f"{done} of {len(rows)} are done.",
            "",
            "| # | case | what is asked | outcome | tests |",
            "|---|---|---|---|---|",
        ]
        for number, (case, asked) in rows.items():
            tests = _shown(self.outcomes.get((kind, number), {}))
            outcome = self._outcome(kind, number)
            said = outcome if outcome == "done" else f"**{outcome}**"
            lines.append(f"| {number} | {_cell(case)} | {_cell(asked)} | {said} | {tests} |")
        return "\n".join([*lines, ""])

    def _outcome(self, kind: str, number: str) -> str:
        tests = self.outcomes.get((kind, number))
        if not tests:
            return "not done"
        worst = max(tests.values(), key=_RANK.__getitem__)
        return {"passed": "done", "skipped": "not run", "failed": "fails"}[worst]


def note_what_it_proves(item: pytest.Item) -> None:
    """Let the reports of a test say which cases it carries; an unknown number is an error of the test.

    The report is what reaches us from whatever process the test runs in.
    """
    known = cases()
    for kind in TITLES:
        for marker in item.iter_markers(kind):
            for number in map(str, marker.args):
                if number not in known[kind]:
                    raise pytest.UsageError(f"{item.nodeid}: there is no {kind} {number}")
                item.user_properties.append((kind, number))


@cache
def cases() -> dict[str, dict[str, list[str]]]:
    """Return the cases by kind and number, each with what happens and what is asked of us."""
    found: dict[str, dict[str, list[str]]] = {}
    for file in (CASES, STORIES):
        found |= tomllib.loads(file.read_text(encoding="utf-8"))
    return found


def _shown(tests: Iterable[str]) -> str:
    files: defaultdict[str, list[str]] = defaultdict(list)
    for test in sorted(tests):
        file, _, name = test.partition("::")
        files[file.removeprefix("tests/")].append(name.removeprefix("test_"))
    return "<br>".join(f"{file}: {', '.join(names)}" for file, names in files.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
