"""Grants: the only thing that opens a session on the SFU.

The web process, which knows people and roles, signs one; the SFU, which knows neither, obeys it.
A grant names one room, one role and one session, lives at most a minute and works once, so that a
leaked, altered, repeated or late one opens nothing.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from fedispace.errors import Forbidden, Unavailable

Role = Literal["publish", "subscribe"]

MAX_LIFE = timedelta(seconds=60)
_MAX_TOKEN = 2048
_MAX_SPENT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Leave for `participant` to open `session` in `room`, as `role`, once, before `expires`.

    A subscriber from the `stage` hears the others on it apart, if he offers to; others the programme.
    """

    room: str
    session: str
    participant: str
    role: Role
    nonce: str
    expires: datetime
    stage: bool = False


class _Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    room: str
    session: str
    participant: str
    role: Role
    nonce: str
    expires: float
    stage: bool


def issue(
    *,
    room: str,
    session: str,
    participant: str,
    role: Role,
    nonce: str,
    now: datetime,
    life: timedelta = MAX_LIFE,
    stage: bool = False,
) -> Grant:
    """Return a grant that expires after `life`, never later than `MAX_LIFE` from `now`."""
    return Grant(
        room=room,
        session=session,
        participant=participant,
        role=role,
        nonce=nonce,
        expires=now + min(life, MAX_LIFE),
        stage=stage,
    )


def sign(grant: Grant, secret: bytes) -> str:
    """Return the text that carries `grant`: claims and HMAC-SHA256, both URL-safe base64."""
    claims = msgspec.json.encode(
        _Claims(
            room=grant.room,
            session=grant.session,
            participant=grant.participant,
            role=grant.role,
            nonce=grant.nonce,
            expires=grant.expires.timestamp(),
            stage=grant.stage,
        )
    )
    return f"{_text(claims)}.{_text(_mac(claims, secret))}"


def read(token: str, secret: bytes, now: datetime) -> Grant:
    """Return the grant that `token` carries; raise `Forbidden` if it is forged, altered or late.

    The signature is compared before anything is decoded, so a stranger's JSON is never parsed.
    """
    if len(token) > _MAX_TOKEN or not token.isascii():
        raise Forbidden("the grant is not valid")
    encoded, _, signature = token.partition(".")
    try:
        claims, mac = _bytes(encoded), _bytes(signature)
    except ValueError:
        raise Forbidden("the grant is not valid") from None
    if not hmac.compare_digest(mac, _mac(claims, secret)):
        raise Forbidden("the grant is not valid")
    try:
        said = msgspec.json.decode(claims, type=_Claims)
        expires = datetime.fromtimestamp(said.expires, UTC)
    except (msgspec.DecodeError, ValueError, OverflowError) as error:
        raise Forbidden("the grant is not valid") from error
    if expires <= now:
        raise Forbidden("the grant has expired")
    if expires > now + MAX_LIFE + timedelta(seconds=1):
        raise Forbidden("the grant lives too long")
    return Grant(
        room=said.room,
        session=said.session,
        participant=said.participant,
        role=said.role,
        nonce=said.nonce,
        expires=expires,
        stage=said.stage,
    )


class Spent:
    """Remembers the nonces of used grants until these expire; bounded.

    They are kept in the order in which they were used. A grant lives a minute, so whoever is behind one
    that has not expired is forgotten a minute later at the latest.
    """

    def __init__(self, capacity: int = _MAX_SPENT) -> None:
        self._until: dict[str, datetime] = {}
        self._capacity = capacity

    def __len__(self) -> int:
        return len(self._until)

    def spend(self, grant: Grant, now: datetime) -> None:
        """Use `grant` up; raise `Forbidden` if it was used before."""
        if grant.nonce in self._until:
            raise Forbidden("the grant was used before")
        self._forget_the_past(now)
        if len(self._until) >= self._capacity:
            raise Unavailable("too many people are joining; try again in a minute")
        self._until[grant.nonce] = grant.expires

    def _forget_the_past(self, now: datetime) -> None:
        past: list[str] = []
        for nonce, until in self._until.items():
            if until > now:
                break
            past.append(nonce)
        for nonce in past:
            del self._until[nonce]


def _mac(claims: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, b"fedispace grant v1\n" + claims, hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _text(raw) != text:
        raise ValueError("not canonical")
    return raw
