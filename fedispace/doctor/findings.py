"""What a check found out."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report; `advice` is what to do, and empty when all is well."""

    check: str
    state: State
    detail: str
    advice: str = ""


def ok(check: str, detail: str) -> Finding:
    return Finding(check=check, state=State.OK, detail=detail)


def warning(check: str, detail: str, advice: str) -> Finding:
    return Finding(check=check, state=State.WARNING, detail=detail, advice=advice)


def fault(check: str, detail: str, advice: str) -> Finding:
    return Finding(check=check, state=State.FAULT, detail=detail, advice=advice)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 1 if something is broken, else 0: a warning breaks no script."""
    return int(any(finding.state is State.FAULT for finding in findings))
