"""The table of powers: every role, every action, every person it is done to."""

from itertools import product

import pytest

from fedispace.errors import Conflict, Forbidden
from fedispace.spaces import roles
from fedispace.spaces.roles import Action, MemberRole

HOST, COHOST, SPEAKER, LISTENER = MemberRole

# Who may, by first letter: Host, Co-host, Speaker, Listener.
ALONE = {
    "raise_hand": "L",
    "react": "HCSL",
    "speak": "HCS",
    "step_down": "CS",
    "stream": "HCS",
    "see_hands": "HC",
    "see_removed": "HC",
    "mute_all": "HC",
    "pause": "HC",
    "pin": "HC",
    "invite": "HC",
    "edit": "H",
    "end": "H",
    "hand_over": "H",
}
# Who may do it to whom, as pairs of letters.
TOWARDS = {
    "hand_over": "HC HS",
    "invite": "HL CL",
    "approve": "HL CL",
    "decline": "HL CL",
    "mute": "HC HS HL CC CS CL",
    "unmute": "HC HS HL CC CS CL",
    "move": "HC HS CS",
    "remove": "HC HS HL CS CL",
    "ban": "HC HS HL CS CL",
    "readmit": "HL CL",
    "appoint": "HS HL",
    "demote": "HC",
}


def letter(role: MemberRole) -> str:
    return role.value[0].upper()


def test_the_two_tables_name_every_action() -> None:
    assert set(ALONE) | set(TOWARDS) == {action.value for action in Action}


@pytest.mark.attack(103)
@pytest.mark.parametrize(("actor", "action"), list(product(MemberRole, Action)))
def test_what_is_done_to_nobody(actor: MemberRole, action: Action) -> None:
    if action.value in ALONE:
        expected = letter(actor) in ALONE[action.value]
    else:
        expected = any(pair[0] == letter(actor) for pair in TOWARDS[action.value].split())
    assert roles.may(actor, action) is expected
    assert (action in roles.allowed(actor)) is expected
    if not expected:
        with pytest.raises(Forbidden):
            roles.require(actor, action)


@pytest.mark.attack(103)
@pytest.mark.parametrize(("actor", "action", "target"), list(product(MemberRole, Action, MemberRole)))
def test_what_is_done_to_somebody(actor: MemberRole, action: Action, target: MemberRole) -> None:
    expected = letter(actor) + letter(target) in TOWARDS.get(action.value, "").split()
    assert roles.may(actor, action, target) is expected
    if expected:
        roles.require_towards(actor, action, target)
    else:
        with pytest.raises((Forbidden, Conflict)):
            roles.require_towards(actor, action, target)


@pytest.mark.parametrize("action", [action for action in Action if action.value in TOWARDS])
def test_nobody_touches_the_host(action: Action) -> None:
    assert not any(roles.may(actor, action, HOST) for actor in MemberRole)


def test_refusals_say_who_could() -> None:
    with pytest.raises(Forbidden, match="Only the host can do this"):
        roles.require(COHOST, Action.END)
    with pytest.raises(Forbidden, match="Only the host or a co-host"):
        roles.require(SPEAKER, Action.PAUSE)
    with pytest.raises(Forbidden, match="Only who is on stage"):
        roles.require(LISTENER, Action.SPEAK)
    with pytest.raises(Forbidden, match="Only the host can"):
        roles.require_towards(COHOST, Action.REMOVE, COHOST)
    with pytest.raises(Conflict, match="cannot be done to the host"):
        roles.require_towards(COHOST, Action.REMOVE, HOST)
