"""The headers every page carries: what a browser may load, run, frame and tell others.

Nothing inline, nothing from elsewhere. A page that must reach one other server (the audio of a Space
that lives there, the program a person grants access to) names it, and no other page may.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

_NEVER_ELSEWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def headers_for(
    *,
    private: bool,
    secure: bool,
    connects_to: Collection[str] = (),
    sends_form_to: Collection[str] = (),
    microphone: bool = False,
    framed: bool = False,
) -> dict[str, str]:
    """Return the headers of a page. `private`: somebody is signed in and it shows.

    `framed`: other sites may show it within theirs (a page on which nothing can be pressed by mistake).
    """
    policy = [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        " ".join(("media-src 'self' blob:", *sorted(url for url in set(connects_to) if url[:4] == "http"))),
        " ".join(("connect-src 'self'", *sorted(set(connects_to)))),
        "font-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        " ".join(("form-action 'self'", *sorted(set(sends_form_to)))),
        "frame-ancestors *" if framed else "frame-ancestors 'none'",
    ]
    heard = "(self)" if microphone else "()"
    headers = {
        **_NEVER_ELSEWHERE,
        "Content-Security-Policy": "; ".join(policy),
        "Permissions-Policy": f"camera=(), geolocation=(), payment=(), microphone={heard}",
        "Cache-Control": "private, no-store" if private else "no-cache",
        "Vary": "Cookie, Accept, Accept-Encoding, X-Piece",
    }
    if framed:
        for name in ("X-Frame-Options", "Cross-Origin-Opener-Policy"):
            del headers[name]
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


def source_of(url: str) -> str:
    """Return the CSP source that covers `url`: its origin, or for an app's own scheme the scheme."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"
