"""FEDERATION.md names every reason for which something is refused, and none that there is not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from fedispace.errors import Invalid

ROOT = Path(__file__).parents[2]
CODE = ROOT / "fedispace"
NO_INBOX = {
    "accounts/oauth.py",
    "accounts/lookup.py",
    "federation/newcomers.py",
    "federation/requests.py",
    "federation/resolve.py",
    "spaces/entry/home_servers.py",
    "spaces/entry/home_sign_in.py",
}
"""What these refuse is refused to our own people and programs, or is the fate of requests of ours."""
NO_ARRIVAL = {"event_without_space"}
"""For what was looked up: an event that arrives without a Space is a post."""


def calls(path: Path) -> Iterator[tuple[str, str]]:
    """Return the names of functions that are called with a word first, and the words."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name):
            first = node.args[0]
            for choice in (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,):
                if isinstance(choice, ast.Constant) and isinstance(choice.value, str):
                    yield node.func.id, choice.value


def raised() -> dict[str, str]:
    """Return every reason that what comes in is refused for, and where."""
    return {
        reason: str(path.relative_to(CODE))
        for part in ("federation", "threads", "accounts", "spaces", "moderation")
        for path in sorted((CODE / part).rglob("*.py"))
        if str(path.relative_to(CODE)) not in NO_INBOX
        for name, reason in calls(path)
        if name in ("Refused", "_refused", "_refusal")
    }


def told() -> set[str]:
    text = (ROOT / "FEDERATION.md").read_text()
    section = text.split("## What is refused\n", 1)[1].split("When we fetch from you", 1)[0]
    return {word for word in re.findall(r"`([a-z_0-9]+)`", section) if word not in ("title", "detail")}


def test_every_reason_is_told() -> None:
    assert {reason: where for reason, where in raised().items() if reason not in told() | NO_ARRIVAL} == {}


def test_no_reason_is_told_that_there_is_not() -> None:
    words = {
        node.value
        for path in CODE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert told() - words - {Invalid.__name__.lower()} == set()
    assert told().isdisjoint(NO_ARRIVAL)
