"""Requests and policies between the API's words and the rules'."""

from typing import Final, Literal

from fedispace.api.entities import interaction as entities
from fedispace.api.entities.account import Account
from fedispace.api.entities.status import Status
from fedispace.clock import iso
from fedispace.threads.models import InteractionRequest
from fedispace.threads.policies import KINDS, Kind, Parties, Policy, parties

QuoteChoice = Literal["public", "followers", "nobody"]

_TYPES: Final = {"favourite": "favourite", "reply": "reply", "boost": "reblog", "quote": "quote"}


def choice_of(given: entities.GivenPolicy | None) -> dict[Kind, Parties]:
    """Return the kinds of a policy that were given; raises `Invalid`."""
    found: dict[Kind, Parties] = {}
    for kind in KINDS:
        rules = None if given is None else getattr(given, kind)
        if rules is not None:
            found[kind] = parties(rules.automatic, rules.manual, name=f"interaction_policy[{kind}]")
    return found


def policy(shown: Policy) -> entities.InteractionPolicy:
    rules = {
        kind: entities.PolicyRules(
            automatic=sorted(shown.of(kind).automatic), manual=sorted(shown.of(kind).manual)
        )
        for kind in KINDS
    }
    return entities.InteractionPolicy(**rules)


def request(
    row: InteractionRequest, account: Account, status: Status, made: Status | None
) -> entities.InteractionRequest:
    """Return an entry of the queue; `made` is the reply or quote it is about."""
    decided = iso(row.decided_at) if row.decided_at else None
    return entities.InteractionRequest(
        id=str(row.id),
        type=_TYPES[row.kind],
        created_at=iso(row.created_at),
        account=account,
        status=status,
        reply=made if row.kind == "reply" else None,
        quote=made if row.kind == "quote" else None,
        accepted_at=decided if row.state == "accepted" else None,
        rejected_at=decided if row.state in ("rejected", "revoked") else None,
        uri=row.authorization_uri if row.state == "accepted" else None,
    )
