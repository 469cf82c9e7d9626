"""How secrets rest: only their SHA-256, so that a copied database signs nobody in.

The secrets are 256 random bits (`Ids.token`); a slow hash would add nothing.
"""

import hashlib
import hmac
import re
from typing import Final

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def is_token(text: str) -> bool:
    """Tell whether `text` has the shape of a secret of ours; nothing else is looked up."""
    return _TOKEN.fullmatch(text) is not None


def at_rest(secret: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_the_secret(secret: str, stored: str) -> bool:
    """Tell whether `secret` is the one that was stored, in constant time."""
    return hmac.compare_digest(at_rest(secret), stored)
