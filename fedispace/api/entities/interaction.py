"""GoToSocial's interaction requests and policies, and our own form of the latter."""

import msgspec

from fedispace.api.entities.account import Account
from fedispace.api.entities.shape import Entity
from fedispace.api.entities.status import Status


class InteractionRequest(Entity, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody who asks for leave. What is not so (yet) is left out, as GoToSocial does."""

    id: str
    type: str
    created_at: str
    account: Account
    status: Status
    reply: Status | None = None
    quote: Status | None = None
    accepted_at: str | None = None
    rejected_at: str | None = None
    uri: str | None = None


class PolicyRules(Entity, frozen=True, kw_only=True):
    """Who may do one kind of thing: groups by their names, people by the ids of their actors."""

    automatic: list[str]
    manual: list[str]


class InteractionPolicy(Entity, frozen=True, kw_only=True):
    """Who may do what with a post."""

    reply: PolicyRules
    quote: PolicyRules
    favourite: PolicyRules
    boost: PolicyRules


class DefaultPolicies(Entity, frozen=True, kw_only=True):
    """Who may do what with new posts of each visibility."""

    public: InteractionPolicy
    unlisted: InteractionPolicy
    private: InteractionPolicy
    direct: InteractionPolicy


class GivenRules(msgspec.Struct, frozen=True, kw_only=True):
    automatic: list[str] = []
    manual: list[str] = []


class GivenPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy as somebody sets it; a kind that is left out stays as it was."""

    reply: GivenRules | None = None
    quote: GivenRules | None = None
    favourite: GivenRules | None = None
    boost: GivenRules | None = None
