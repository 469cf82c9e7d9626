"""The document says of a case what its tests said."""

from pathlib import Path

import pytest

from tests.conformance.report import Findings, cases

DOCS = Path(__file__).parents[2] / "docs"


def phase(name: str, outcome: str, *proves: tuple[str, str]) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=name,
        location=("", 0, ""),
        keywords={},
        outcome=outcome,
        longrepr=None,
        when="call",  # type: ignore[arg-type]
        user_properties=proves,
    )


def test_a_case_is_done_when_all_its_tests_pass() -> None:
    found = Findings()
    found.note(phase("tests/a.py::test_one", "passed", ("row", "1")))
    assert found._outcome("row", "1") == "done"
    found.note(phase("tests/a.py::test_two", "failed", ("row", "1")))
    assert found._outcome("row", "1") == "fails"


def test_a_case_without_a_test_is_not_done() -> None:
    assert "| 2 |" in Findings().document()
    assert "**not done**" in Findings().document()


@pytest.mark.parametrize("name", ["conformance.md", "spaces-stories.md"])
def test_every_case_stands_in_a_document(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    for kind, rows in cases().items():
        if (kind == "story") == (name == "spaces-stories.md"):
            for number in rows:
                assert f"\n| {number} |" in text
