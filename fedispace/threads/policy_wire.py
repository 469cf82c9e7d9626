"""A policy as other servers state it, and as we do: groups are addresses there (FEP-044f, GoToSocial).

For those with whom the following is mutual there is a word (GoToSocial's) and no address that others know.
Ours is a collection beside `followers`. Servers that cannot read it are told besides that followers have to
ask: then their people can, and it is answered at once by what we know.
"""

from collections.abc import Iterable
from typing import Final

from fedispace.accounts.models import Account
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.interactions import InteractionPolicy, SubPolicy
from fedispace.federation.vocab.uri import PUBLIC, Uri, is_uri
from fedispace.threads.audience import parse_visibility
from fedispace.threads.known import Post
from fedispace.threads.models import Status
from fedispace.threads.policies import (
    EVERYBODY,
    GROUPS,
    NOBODY,
    UNSTATED,
    Parties,
    Policy,
    defaults,
    from_json,
)

MUTUALS: Final = "mutuals"


def policy_of(status: Post) -> Policy:
    """Return the policy of a post, ours or another server's."""
    if status.policy is not None:
        return from_json(status.policy)
    return defaults(parse_visibility(status.visibility)) if status.local else UNSTATED


def read(stated: InteractionPolicy, author: Uri, followers: str | None, following: str | None) -> Policy:
    """Read the policy of another server's post. What it does not state is as it was before policies."""
    groups = {PUBLIC: "public", author: "author"}
    groups |= {followers: "followers"} if is_uri(followers) else {}
    groups |= {following: "following"} if is_uri(following) else {}
    groups |= {Uri(f"{author}/{MUTUALS}"): "mutuals"}

    def parties(kind: SubPolicy | None, otherwise: Parties) -> Parties:
        if kind is None:
            return otherwise
        return Parties(
            automatic=frozenset(groups.get(party, party) for party in kind.automatic),
            manual=frozenset(groups.get(party, party) for party in kind.manual),
        )

    return Policy(
        reply=parties(stated.can_reply, EVERYBODY),
        quote=parties(stated.can_quote, NOBODY),
        favourite=parties(stated.can_like, EVERYBODY),
        boost=parties(stated.can_announce, EVERYBODY),
    )


def names_others(stated: InteractionPolicy, author: Uri, followers: str | None) -> bool:
    """Tell whether a policy names more than everybody, the author and the author's followers."""
    known = {PUBLIC, author, followers}
    kinds = (stated.can_quote, stated.can_reply, stated.can_like, stated.can_announce)
    return any(not known.issuperset((*kind.automatic, *kind.manual)) for kind in kinds if kind)


def write(
    status: Status, author: Account, mentioned: Iterable[Account], addresses: Addresses
) -> InteractionPolicy:
    """State the policy of a post of ours, every kind of it: who states a kind enforces it (GoToSocial)."""
    policy = policy_of(status)
    named = tuple(Uri(account.uri) for account in mentioned)
    whom = {
        "public": (PUBLIC,),
        "followers": (addresses.collection(author.uri, "followers"),),
        "following": (addresses.collection(author.uri, "following"),),
        "mutuals": (addresses.collection(author.uri, MUTUALS),),
        "mentioned": named,
        "author": (Uri(author.uri),),
    }

    def stated(parties: Parties, *, always: tuple[Uri, ...] = ()) -> SubPolicy:
        automatic = [uri for party in _ordered(parties.automatic) for uri in whom.get(party, (Uri(party),))]
        asks = {"followers"} if "mutuals" in parties.automatic | parties.manual else set[str]()
        manual = [uri for party in _ordered(parties.manual | asks) for uri in whom.get(party, (Uri(party),))]
        if PUBLIC not in automatic:
            automatic += [Uri(author.uri), *always]
        return SubPolicy(
            automatic=tuple(dict.fromkeys(automatic)),
            manual=tuple(uri for uri in dict.fromkeys(manual) if uri not in automatic),
        )

    return InteractionPolicy(
        can_quote=stated(policy.quote),
        can_reply=stated(policy.reply, always=named),
        can_like=stated(policy.favourite),
        can_announce=stated(policy.boost),
    )


def _ordered(parties: Iterable[str]) -> list[str]:
    return sorted(parties, key=lambda party: (party not in GROUPS, party))
