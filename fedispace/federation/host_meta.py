"""host-meta (RFC 6415): where a server answers WebFinger when it is not where everybody looks."""

from html.parser import HTMLParser
from typing import Final
from urllib.parse import quote

MAX_HOST_META: Final = 64 * 1024
XRD_TYPES: Final = "application/xrd+xml, application/xml, text/xml"


class _Links(HTMLParser):
    """Reads the Link elements of an XRD. No XML parser: it would know entities, and they grow."""

    def __init__(self) -> None:
        super().__init__()
        self.template: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        template = said.get("template") or ""
        if tag == "link" and said.get("rel") == "lrdd" and "{uri}" in template and self.template is None:
            self.template = template


def lrdd_address(document: bytes, resource: str) -> str | None:
    """Return where `resource` is described, by the `lrdd` template of a host-meta; None without one."""
    links = _Links()
    links.feed(document[:MAX_HOST_META].decode("utf-8", "replace"))
    links.close()
    if links.template is None:
        return None
    return links.template.replace("{uri}", quote(resource, safe=""))
