"""The names people call each other by: `alice`, `@alice`, `alice@b.example`, `acct:alice@b.example`."""

import re
from dataclasses import dataclass
from typing import Final

from fedispace.errors import Invalid
from fedispace.hosts import host_of

_USERNAME: Final = re.compile(r"\w(?:[\w.:~-]{0,126}\w)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """A user name and the domain it is to be understood at; an empty domain is ours."""

    username: str
    domain: str = ""

    def __str__(self) -> str:
        return f"{self.username}@{self.domain}" if self.domain else self.username


def parse_handle(text: str) -> Handle:
    """Read a handle; raises `Invalid` when it is none."""
    name, at, domain = text.strip().removeprefix("acct:").removeprefix("@").partition("@")
    if not is_username(name) or bool(at) != bool(domain):
        raise Invalid("That is not an address such as @name@server.example.")
    return Handle(username=name, domain=parse_domain(domain) if domain else "")


def is_username(text: str) -> bool:
    """Tell whether anybody could be called `text`; nothing else is asked of the database."""
    return _USERNAME.fullmatch(text) is not None


def parse_domain(text: str) -> str:
    """Return the one spelling of a domain, with its port if it has one; raises `Invalid`."""
    if "/" in text or "?" in text or "#" in text:
        raise Invalid("That is not a domain name.")
    return host_of(f"https://{text}")


def name_key(username: str) -> str:
    """Return the form in which user names are compared: case makes no difference."""
    return username.lower()
