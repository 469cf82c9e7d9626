"""A request as it arrived, and what its signature claims: the vocabulary of `signatures.py`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final, Literal

from fedispace.errors import Invalid, Refused
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.hosts import host_of

PAST: Final = timedelta(hours=1)
FUTURE: Final = timedelta(minutes=5)
MAX_HEADER: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """The raw request: `target` unnormalized as on the request line, `headers` in order with repeats.

    `origin` is our configured one (`https://a.example`): a request is judged as sent to us, never as
    sent to whatever its own Host header says.
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes = b""
    origin: str
    _by_name: dict[str, list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name: dict[str, list[str]] = {}
        for name, value in self.headers:
            by_name.setdefault(name.lower(), []).append(value.strip(" \t"))
        object.__setattr__(self, "_by_name", by_name)

    def values(self, name: str) -> list[str]:
        """Return every value of a header, in order; `name` is in lower case."""
        return self._by_name.get(name, [])

    def only(self, name: str, reason: str = "repeated_header") -> str | None:
        """Return the one value of a header, None without it; a repeat is refused.

        Two values of one header are how a request says one thing to the verifier and another to the
        handler.
        """
        values = self.values(name)
        if len(values) > 1:
            raise Refused(reason, f"the {name} header is repeated")
        return values[0] if values else None

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A signature that is well formed, fresh and strong enough, but not yet verified.

    `signed_at` is the date that it covers. `messages` are the byte strings it may be over: with
    draft-cavage the query may or may not be part of the request target.
    """

    scheme: Literal["cavage", "rfc9421"]
    key_id: Uri
    covered: tuple[str, ...]
    algorithm: str | None
    signed_at: datetime
    signature: bytes = field(repr=False)
    messages: tuple[bytes, ...] = field(repr=False)

    @property
    def host(self) -> str:
        """The host that vouches for the key."""
        return host_of(self.key_id)


def check_target(request: SignedRequest) -> None:
    """Require an origin-form target: an absolute one could name another host than ours."""
    if not request.target.startswith("/"):
        raise Refused("request_target", "the request target must be a path", status=400)


def check_host(request: SignedRequest) -> str:
    """Require that the Host header names us; return it as it was sent.

    Stops a signature made for another server from being replayed to us.
    """
    host = request.only("host")
    if host is None:
        raise Refused("sig_weak", "the host header is missing")
    scheme, _, authority = request.origin.partition("://")
    default = ":443" if scheme == "https" else ":80"
    if host.lower().removesuffix(default) != authority.lower().removesuffix(default):
        raise Refused("host_mismatch", "the request was signed for another host")
    return host


def check_date(value: str, now: datetime) -> float:
    """Return a Date (RFC 9110 section 5.6.7) inside the window; stops the replay of an old request."""
    moment = _moment(value)
    _check_window(moment, now)
    return moment


@lru_cache(maxsize=256)
def _moment(date: str) -> float:
    """Return the time of a Date header; many requests are signed within one second."""
    try:
        moment = parsedate_to_datetime(date)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise Refused("sig_date", "the date cannot be read") from None
    return moment.timestamp()


def check_times(created: str | None, expires: str | None, now: datetime) -> float | None:
    """Require that the signature's own times, where stated, enclose now; return when it was made."""
    made = None if created is None else _seconds(created)
    if made is not None:
        _check_window(made, now)
    if expires is not None and _seconds(expires) < now.timestamp():
        raise Refused("sig_date", "the signature has expired")
    return made


def _seconds(text: str) -> float:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Refused("sig_date", "a time of the signature is not in whole seconds")
    return float(text)


def _check_window(seconds: float, now: datetime) -> None:
    age = now.timestamp() - seconds
    if age > PAST.total_seconds() or age < -FUTURE.total_seconds():
        raise Refused("sig_date", "the signature is too old or from the future")


@lru_cache(maxsize=4096)
def check_key_id(text: str, origin: str, *, allow_http: bool) -> Uri:
    """Require a key that lives at another server, by https.

    A key id of our own host would have us fetch from ourselves, or trust a stranger as one of us.
    """
    try:
        key_id = parse_uri(text)
        foreign = host_of(key_id) != host_of(origin)
    except Invalid:
        raise Refused("key_id", "the key id is not an https address") from None
    if not (key_id.lower().startswith("https://") or allow_http):
        raise Refused("key_id", "the key id is not an https address")
    if not foreign:
        raise Refused("key_id", "the key id is ours")
    return key_id
