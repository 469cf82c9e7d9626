"""Finds single tags in a page of somebody's making, in time that grows with its length and no faster.

Neither the standard library's parser nor a browser's will do for that: the first looks for the end of
every unfinished tag up to the end of the page, the second walks all open elements for every new one,
so that a page of half a megabyte keeps either busy for minutes. To look for a link one needs no tree.
"""

import html
import re
from collections.abc import Iterator
from typing import Final

MAX_TAG: Final = 2048
_ATTRIBUTE: Final = re.compile(
    r"""(?:^|[\s"'/])([a-zA-Z-]{1,40})\s{0,8}=\s{0,8}(?:"([^"<>]*)"|'([^'<>]*)'|([^\s"'<>=`]+))"""
)


def start_tags(page: str, *names: str) -> Iterator[dict[str, str]]:
    """Yield the attributes of each start tag of one of these names, in the order of the page.

    What stands in comments is left out. A tag longer than `MAX_TAG`, or with a `<` or `>` in it, is none.
    """
    wanted = re.compile(rf"<(?:{'|'.join(names)})\s([^<>]{{1,{MAX_TAG}}})>", re.IGNORECASE)
    for tag in wanted.finditer(_without_comments(page)):
        said: dict[str, str] = {}
        for each in _ATTRIBUTE.finditer(tag.group(1)):
            value = next((group for group in each.groups()[1:] if group is not None), "")
            said.setdefault(each.group(1).lower(), html.unescape(value))
        yield said


def _without_comments(page: str) -> str:
    first, *rest = page.split("<!--")
    return first + "".join(part.partition("-->")[2] for part in rest)
