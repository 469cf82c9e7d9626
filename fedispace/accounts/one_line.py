"""Names as people may choose them."""


def one_line(text: str) -> str:
    """Return `text` on one line, without what no database takes: NUL and half a surrogate pair."""
    storable = text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return " ".join(storable.split())
