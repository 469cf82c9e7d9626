"""A moment of something that lasts, as an address: Media Fragments URI 1.0, section 4.2.1 (`#t=`).

The address of the whole stays readable in it, so a reader who knows no moments still finds the thing.
"""

from typing import Final
from urllib.parse import parse_qsl, urldefrag

from fedispace.federation.vocab.uri import Uri, parse_uri

LONGEST: Final = 7 * 24 * 3600


def segment(uri: str, second: int) -> Uri:
    """Return the address of a second of what `uri` names.

    >>> segment("https://a.example/spaces/9", 754)
    'https://a.example/spaces/9#t=754'
    """
    return parse_uri(f"{uri}#t={second}")


def whole(uri: str) -> tuple[str, int | None]:
    """Return what an address names, and the second in it, if it names one.

    >>> whole("https://a.example/spaces/9#t=754.5,760")
    ('https://a.example/spaces/9', 754)
    """
    thing, fragment = urldefrag(uri)
    for name, value in parse_qsl(fragment[:64]):
        if name == "t":
            start = value.removeprefix("npt:").partition(",")[0].partition(".")[0]
            if start.isascii() and start.isdecimal() and len(start) < 9 and int(start) <= LONGEST:
                return thing, int(start)
    return thing, None
