"""Who may see a Space, who may listen, who may speak. Pure rules, and the sentences of refusal.

What someone may not see does not exist for them (`NotFound`, with the same words as for a Space
that never was); what they see but may not do is `Forbidden`.

    access      is listed for            may listen
    public      everybody                everybody, without an account
    unlisted    followers of the host    everybody who has the link, without an account
    followers   followers of the host    followers of the host, and who was invited
    invited     who was invited          who was invited

Whoever is on stage was invited. Who was sent away still sees that there is a Space, and enters no more.
"""

from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from fedispace.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.roles import ON_STAGE, MemberRole

Access = Literal["public", "unlisted", "followers", "invited"]
Role = Literal["listener", "speaker"]

OPEN_TO_ALL: Final[frozenset[Access]] = frozenset({"public", "unlisted"})
_ACCESSES: Final = frozenset(get_args(Access))
_ROLES: Final = frozenset(get_args(Role))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What someone is to a Space and to who made it.

    `is_host` is who hosts it now, `is_author` who made it; the two part when it is handed over.
    `is_invited` says that they are on the list of guests (`queries.is_guest`), `is_removed` that they were
    sent out of this Space, `is_banned` out of all of this host's. `is_blocked` by the host,
    `is_domain_blocked` with their whole server, `is_suspended` by us or at home. `is_barred` says that
    somebody on stage blocks them, or that we take nothing from their server; `is_unseen` that their server
    is silenced and no host follows them.
    """

    is_known: bool
    is_host: bool = False
    follows_host: bool = False
    is_blocked: bool = False
    is_author: bool = False
    role: MemberRole = MemberRole.LISTENER
    is_invited: bool = False
    is_removed: bool = False
    is_banned: bool = False
    is_domain_blocked: bool = False
    is_suspended: bool = False
    is_barred: bool = False
    is_unseen: bool = False


CANNOT_JOIN: Final = "You can't join with this account."
"""What is said to whoever is kept out by somebody's decision: neither why, nor whose it was."""

STRANGER: Final = Standing(is_known=False)
"""A visitor without an account."""


def parse_access(text: str) -> Access:
    """Return the access called `text`; raises `Invalid`."""
    if text not in _ACCESSES:
        raise Invalid("access must be public, unlisted, followers or invited.", field="access")
    return cast(Access, text)


def parse_role(text: str) -> Role:
    """Return the role called `text`; raises `Invalid`."""
    if text not in _ROLES:
        raise Invalid("role must be listener or speaker.", field="role")
    return cast(Role, text)


def no_such_space() -> NotFound:
    """Return the one error for what is not there and for what may not be seen."""
    return NotFound("There is no such Space.")


def account_needed() -> Unauthenticated:
    """Return the refusal of strangers, where the operator lets nobody listen without an account."""
    return Unauthenticated("Listening here needs an account.")


def may_see(access: Access, standing: Standing) -> bool:
    """Tell whether the Space exists for someone of this standing."""
    if standing.is_host or standing.is_author:
        return True
    if standing.is_blocked or standing.is_domain_blocked:
        return False
    if access in OPEN_TO_ALL:
        return True
    if standing.is_suspended:
        return False
    return standing.is_invited or (access == "followers" and standing.follows_host)


def require_sight(access: Access, standing: Standing) -> None:
    if not may_see(access, standing):
        raise no_such_space()


def require_host(access: Access, standing: Standing) -> None:
    """Raise unless they host the Space."""
    require_sight(access, standing)
    if not standing.is_host:
        raise Forbidden("Only the host can do this.")


def require_presence(access: Access, standing: Standing) -> None:
    """Raise unless someone of this standing may be in the room at all."""
    require_sight(access, standing)
    if standing.is_suspended:
        raise Forbidden("This account is suspended here.")
    if standing.is_banned or standing.is_barred:
        raise Forbidden(CANNOT_JOIN)
    if standing.is_removed:
        raise Forbidden("You were sent out of this Space.")


def is_let_in(access: Access, standing: Standing) -> bool:
    """Tell whether someone of this standing may be in the room at all."""
    kept_out = standing.is_suspended or standing.is_banned or standing.is_barred or standing.is_removed
    return may_see(access, standing) and not kept_out


def may_be_heard(access: Access, standing: Standing) -> bool:
    """Tell whether someone of this standing may react, reply in the room and be seen with a hand up.

    Of a silenced server only those are whom a host follows; the others' hands go up and nobody sees them.
    """
    return standing.is_known and is_let_in(access, standing) and not standing.is_unseen


def may_speak(access: Access, standing: Standing) -> bool:
    """Tell whether someone of this standing is on stage."""
    return is_let_in(access, standing) and standing.role in ON_STAGE


def require_role(access: Access, standing: Standing, role: Role) -> None:
    """Raise unless someone of this standing may take part in this role."""
    require_presence(access, standing)
    if role == "speaker" and not standing.is_known:
        raise Unauthenticated("Speaking needs an account.")
    if role == "speaker" and not may_speak(access, standing):
        raise Forbidden("Only who is on stage speaks in this Space.")


def require_unfinished(phase: Phase) -> None:
    """Raise if the Space is over or cancelled."""
    if phase is not Phase.SCHEDULED:
        require_live(phase)


def require_live(phase: Phase) -> None:
    """Raise unless the Space is live now."""
    if phase is Phase.SCHEDULED:
        raise Conflict("This Space has not started yet.")
    if phase is not Phase.LIVE:
        raise Conflict(f"This Space is {'over' if phase is Phase.ENDED else 'cancelled'}.")
