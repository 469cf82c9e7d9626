"""The one usable function of `httpsig`, loaded without its package.

`httpsig/__init__.py` needs `pkg_resources`, which today's environments lack, and its verifier lets
the sender choose HMAC under a public key. Its parser of the Signature header is sound; this is the only
place that imports it, when the first signature of that form comes: it brings PyCryptodome, cffi and a
parser of C, more than a megabyte of which nothing is used.
"""

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import cast


@cache
def _load() -> types.ModuleType:
    """Import `httpsig.utils` under an empty package, so that the package's own code never runs."""
    spec = importlib.util.find_spec("httpsig")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("httpsig is not installed")
    package = types.ModuleType("httpsig")
    package.__path__ = list(spec.submodule_search_locations)
    package.__spec__ = spec
    sys.modules.setdefault("httpsig", package)
    return importlib.import_module("httpsig.utils")


def parse_signature_header(header: str) -> Mapping[str, str]:
    """Split a Signature header; keys come out in lower case; raises anything on malformed input."""
    split = cast(Callable[[str], Mapping[str, str]], _load().parse_signature_header)
    return split(header)
