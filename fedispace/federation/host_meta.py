"""host-meta (RFC 6415): where a server answers WebFinger when it is not where everybody looks."""

from typing import Final
from urllib.parse import quote

from fedispace.start_tags import start_tags

MAX_HOST_META: Final = 64 * 1024
XRD_TYPES: Final = "application/xrd+xml, application/xml, text/xml"


def lrdd_address(document: bytes, resource: str) -> str | None:
    """Return where `resource` is described, by the `lrdd` template of a host-meta; None without one.

    No XML parser reads it: it would know entities, and they grow.
    """
    page = document[:MAX_HOST_META].decode("utf-8", "replace")
    for said in start_tags(page, "link"):
        template = said.get("template", "")
        if said.get("rel") == "lrdd" and "{uri}" in template:
            return template.replace("{uri}", quote(resource, safe=""))
    return None
