"""What axe-core (Deque) finds wrong with a page as somebody with a screen reader, or little sight, has it."""

from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.ground.ground import Missing

_AXE = Path(__file__).parents[1] / "peers" / "node_modules" / "axe-core" / "axe.min.js"
_GRAVE = ("serious", "critical")


async def grave_findings(page: Page) -> list[str]:
    """Return what is seriously wrong with the page as it stands: the rule, and the elements it is about."""
    if not _AXE.exists():
        raise Missing("tests/peers is not installed (tools/install-test-tools does it)")
    await page.evaluate(_AXE.read_text(encoding="utf-8") + "\n;0")
    found: list[dict[str, Any]] = await page.evaluate(
        "async () => (await axe.run(document, { resultTypes: ['violations'] })).violations"
    )
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in _GRAVE
        for node in rule["nodes"]
    ]
