"""What axe-core (Deque) finds wrong with a page as somebody with a screen reader, or little sight, has it."""

from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.ground.ground import Missing
from tests.stories.cast import NARROW, WIDE

_AXE = Path(__file__).parents[1] / "peers" / "node_modules" / "axe-core" / "axe.min.js"
_GRAVE = ("serious", "critical")
# Two frames are drawn in the new size and colours before anything is looked at. Behind a sheet lies a page
# that cannot be reached, and that is looked at without the sheet.
_RUN = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const place = document.querySelector('dialog[open]') ?? document;
  return (await axe.run(place, { resultTypes: ['violations'], preload: false })).violations;
}"""


async def grave_findings(page: Page) -> list[str]:
    """Return what is seriously wrong with the page as it stands: the rule, and the elements it is about."""
    if not _AXE.exists():
        raise Missing("tests/peers is not installed (tools/install-test-tools does it)")
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_AXE.read_text(encoding="utf-8") + "\n;0")
    found: list[dict[str, Any]] = await page.evaluate(_RUN)
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in _GRAVE
        for node in rule["nodes"]
    ]


async def looks(page: Page, state: str) -> list[str]:
    """Return what is seriously wrong with the page in light and dark, on a desk and on a phone."""
    wrong: list[str] = []
    for size in (NARROW, WIDE):
        await page.set_viewport_size({"width": size["width"], "height": size["height"]})
        for colours in ("light", "dark"):
            await page.emulate_media(color_scheme=colours)
            found = await grave_findings(page)
            wrong += [f"{state}, {size['width']} px, {colours}: {one}" for one in found]
    return wrong
