"""Who may do what in a room: one table. Pure rules, and the sentences of refusal.

    host       one, always: whoever made the Space, or to whom it was handed over
    co-host    the host's powers, except over the host, over co-hosts, and over the Space's end
    speaker    may come with a microphone
    listener   everybody else, whether we know them or not

An action is about the room, about oneself, or about somebody: then it counts what they are, too. That
somebody is blocked, sent away or muted is not said here but in `access` and in the verbs.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from fedispace.errors import Conflict, Forbidden


class MemberRole(StrEnum):
    """What somebody is in a Space, most powerful first."""

    HOST = "host"
    COHOST = "cohost"
    SPEAKER = "speaker"
    LISTENER = "listener"


class Action(StrEnum):
    """What can be done in a room; apps are told these names (`RoomState.you.may`)."""

    RAISE_HAND = "raise_hand"
    REACT = "react"
    SPEAK = "speak"
    STEP_DOWN = "step_down"
    STREAM = "stream"

    SEE_HANDS = "see_hands"
    SEE_REMOVED = "see_removed"
    MUTE_ALL = "mute_all"
    PAUSE = "pause"
    PIN = "pin"
    INVITE = "invite"
    EDIT = "edit"
    END = "end"
    HAND_OVER = "hand_over"

    APPROVE = "approve"
    DECLINE = "decline"
    MUTE = "mute"
    UNMUTE = "unmute"
    MOVE = "move"
    REMOVE = "remove"
    BAN = "ban"
    READMIT = "readmit"
    APPOINT = "appoint"
    DEMOTE = "demote"


_HOST, _COHOST, _SPEAKER, _LISTENER = MemberRole
_ORDERLY: Final = frozenset({_HOST, _COHOST})
ON_STAGE: Final = frozenset({_HOST, _COHOST, _SPEAKER})
_ALL: Final = frozenset(MemberRole)

_ALONE: Final[Mapping[Action, frozenset[MemberRole]]] = {
    Action.RAISE_HAND: frozenset({_LISTENER}),
    Action.REACT: _ALL,
    Action.SPEAK: ON_STAGE,
    Action.STEP_DOWN: frozenset({_COHOST, _SPEAKER}),
    Action.STREAM: ON_STAGE,
    Action.SEE_HANDS: _ORDERLY,
    Action.SEE_REMOVED: _ORDERLY,
    Action.MUTE_ALL: _ORDERLY,
    Action.PAUSE: _ORDERLY,
    Action.PIN: _ORDERLY,
    Action.INVITE: _ORDERLY,
    Action.EDIT: frozenset({_HOST}),
    Action.END: frozenset({_HOST}),
    Action.HAND_OVER: frozenset({_HOST}),
}
"""What is done to nobody in particular, and who may."""

_TOWARDS: Final[Mapping[Action, Mapping[MemberRole, frozenset[MemberRole]]]] = {
    Action.HAND_OVER: {_HOST: frozenset({_COHOST, _SPEAKER})},
    Action.INVITE: dict.fromkeys(_ORDERLY, frozenset({_LISTENER})),
    Action.APPROVE: dict.fromkeys(_ORDERLY, frozenset({_LISTENER})),
    Action.DECLINE: dict.fromkeys(_ORDERLY, frozenset({_LISTENER})),
    Action.MUTE: {
        _HOST: frozenset({_COHOST, _SPEAKER, _LISTENER}),
        _COHOST: frozenset({_COHOST, _SPEAKER, _LISTENER}),
    },
    Action.UNMUTE: {
        _HOST: frozenset({_COHOST, _SPEAKER, _LISTENER}),
        _COHOST: frozenset({_COHOST, _SPEAKER, _LISTENER}),
    },
    Action.MOVE: {_HOST: frozenset({_COHOST, _SPEAKER}), _COHOST: frozenset({_SPEAKER})},
    Action.REMOVE: {
        _HOST: frozenset({_COHOST, _SPEAKER, _LISTENER}),
        _COHOST: frozenset({_SPEAKER, _LISTENER}),
    },
    Action.BAN: {
        _HOST: frozenset({_COHOST, _SPEAKER, _LISTENER}),
        _COHOST: frozenset({_SPEAKER, _LISTENER}),
    },
    Action.READMIT: dict.fromkeys(_ORDERLY, frozenset({_LISTENER})),
    Action.APPOINT: {_HOST: frozenset({_SPEAKER, _LISTENER})},
    Action.DEMOTE: {_HOST: frozenset({_COHOST})},
}
"""What is done to somebody: who may, and to whom."""

_NAMES: Final = {_HOST: "the host", _COHOST: "a co-host", _SPEAKER: "a speaker", _LISTENER: "a listener"}


def may(actor: MemberRole, action: Action, target: MemberRole | None = None) -> bool:
    """Tell whether `actor` may do `action`, to `target` if it is done to somebody.

    Without a target, an action that needs one is allowed to whoever may do it to anybody at all.
    """
    if target is not None:
        return target in _TOWARDS.get(action, {}).get(actor, frozenset())
    if action in _ALONE:
        return actor in _ALONE[action]
    return actor in _TOWARDS[action]


def allowed(actor: MemberRole) -> tuple[Action, ...]:
    """Return everything that `actor` may do to somebody or to nobody."""
    return tuple(action for action in Action if may(actor, action))


def require(actor: MemberRole, action: Action) -> None:
    """Raise `Forbidden` unless `actor` may do `action`."""
    if not may(actor, action):
        who = _lowest(role for role in MemberRole if may(role, action))
        raise Forbidden(f"Only {who} can do this.")


def require_towards(actor: MemberRole, action: Action, target: MemberRole) -> None:
    """Raise unless `actor` may do `action` to a `target`.

    `Forbidden` is about who asks; that it cannot be done to what the other is now is a `Conflict`.
    """
    if may(actor, action, target):
        return
    require(actor, action)
    if any(may(role, action, target) for role in MemberRole):
        raise Forbidden("Only the host can do this.")
    raise Conflict(f"This cannot be done to {_NAMES[target]}.")


def _lowest(able: Iterable[MemberRole]) -> str:
    found = set(able)
    if found == {_HOST}:
        return "the host"
    if found <= _ORDERLY:
        return "the host or a co-host"
    return "a listener" if found == {_LISTENER} else "who is on stage"
