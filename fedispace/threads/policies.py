"""Who may reply to a post, quote, favourite or boost it: at once, after its author has looked, or not.

Four kinds of act, each with a set of parties that is let in at once and one that the author decides on.
A party is a group (everybody, the author's followers, those the author follows, those who are both, those
the post names, the author alone) or one actor. Where a person is in several, the narrowest party decides: a
named actor before those with whom the following is mutual before the other relations before everybody; and
in parties as narrow as each other the leave wins (GoToSocial's rules).

Two things no policy takes away: an author may do anything with their own post, and whom a post names
may reply to it, or somebody could be spoken of and not answer. One thing no policy gives: a post that
not everybody may see is boosted and quoted by its author only, and a direct one by nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, get_args

from fedispace.errors import Invalid
from fedispace.threads.audience import Visibility, is_distributable

Kind = Literal["reply", "quote", "favourite", "boost"]
Verdict = Literal["automatic", "manual", "refused"]
Group = Literal["public", "followers", "following", "mutuals", "mentioned", "author"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
GROUPS: Final[tuple[Group, ...]] = get_args(Group)
MAX_PARTIES: Final = 100
_RELATIONS: Final = ("followers", "following", "mentioned")
_WHO_FOLLOWS_WHOM: Final = frozenset({"followers", "following", "mutuals"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Who may do one kind of thing: groups by their names, and actors by their ids."""

    automatic: frozenset[str] = frozenset()
    manual: frozenset[str] = frozenset()


EVERYBODY: Final = Parties(automatic=frozenset({"public"}))
NOBODY: Final = Parties(automatic=frozenset({"author"}))
QUOTE_WORDS: Final[Mapping[str, Parties]] = {
    "public": EVERYBODY,
    "followers": Parties(automatic=frozenset({"followers", "author"})),
    "nobody": NOBODY,
}
"""Mastodon's words for who may quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the author of a post asks of others."""

    reply: Parties = EVERYBODY
    quote: Parties = NOBODY
    favourite: Parties = EVERYBODY
    boost: Parties = EVERYBODY

    def of(self, kind: Kind) -> Parties:
        parties: Parties = getattr(self, kind)
        return parties

    def with_kinds(self, kinds: Mapping[Kind, Parties]) -> "Policy":
        """Return the policy with some kinds replaced."""
        return replace(self, **kinds)  # type: ignore[arg-type]


UNSTATED: Final = Policy()
"""What a post of another server that states nothing allows: all but quotes, which want consent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who wants to do something with a post, and what they are to it."""

    actor: str
    is_author: bool = False
    is_follower: bool = False
    is_followed: bool = False
    is_mentioned: bool = False
    is_blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The verdict; `proven` says whether anybody can see for themselves that it is right.

    That somebody follows the author is known to the author's server only, so others want its word.
    """

    verdict: Verdict
    proven: bool = field(default=True)


def defaults(visibility: Visibility) -> Policy:
    """Return the policy of a post of ours whose author chose none."""
    if is_distributable(visibility):
        return Policy(quote=EVERYBODY)
    return Policy(quote=NOBODY, boost=NOBODY)


def answer(policy: Policy, kind: Kind, asker: Asker, visibility: Visibility) -> Answer:
    """Decide whether `asker`, who may see the post, may do `kind` with it."""
    if kind in ("quote", "boost") and visibility == "direct":
        return Answer(verdict="refused")
    if asker.is_author:
        return Answer(verdict="automatic")
    if asker.is_blocked or (kind in ("quote", "boost") and not is_distributable(visibility)):
        return Answer(verdict="refused")
    if kind == "reply" and asker.is_mentioned:
        return Answer(verdict="automatic")
    parties = policy.of(kind)
    mutual = {"mutuals"} if asker.is_follower and asker.is_followed else set[str]()
    for belongs in ({asker.actor}, mutual, _relations(asker), {"public"}):
        let_in = parties.automatic & belongs
        if let_in:
            return Answer(verdict="automatic", proven=not let_in <= _WHO_FOLLOWS_WHOM)
        if parties.manual & belongs:
            return Answer(verdict="manual")
    return Answer(verdict="refused")


def verdict(policy: Policy, kind: Kind, asker: Asker, visibility: Visibility) -> Verdict:
    """Return the verdict alone."""
    return answer(policy, kind, asker, visibility).verdict


def depends_on_relations(policy: Policy, kind: Kind) -> bool:
    """Tell whether it matters to a verdict who follows whom."""
    parties = policy.of(kind)
    return bool((parties.automatic | parties.manual) & _WHO_FOLLOWS_WHOM)


def _relations(asker: Asker) -> set[str]:
    held = (asker.is_follower, asker.is_followed, asker.is_mentioned)
    return {name for name, holds in zip(_RELATIONS, held, strict=True) if holds}


def chosen(
    visibility: Visibility, by_default: Mapping[str, Any], choice: Mapping[Kind, Parties]
) -> dict[str, Any] | None:
    """Return the policy of a new post as it is stored: None when it is the one everybody has.

    `by_default` is what its author has for each visibility. Where not everybody may see a post, nobody
    else may quote it, whatever was chosen (Mastodon).
    """
    policy = default_policy(visibility, by_default).with_kinds(choice)
    if not is_distributable(visibility):
        policy = replace(policy, quote=NOBODY)
    return None if policy == defaults(visibility) else to_json(policy)


def quote_choice(word: str | None) -> dict[Kind, Parties]:
    """Return what Mastodon's one word says of a policy."""
    return {} if word is None else {"quote": QUOTE_WORDS[word]}


def default_policy(visibility: Visibility, by_default: Mapping[str, Any]) -> Policy:
    """Return what an author has for new posts: a policy for each visibility, and one word for quotes."""
    stored = by_default.get(visibility)
    policy = defaults(visibility) if stored is None else from_json(stored)
    word = str(by_default.get("quote_policy"))
    if word in QUOTE_WORDS and is_distributable(visibility):
        policy = replace(policy, quote=QUOTE_WORDS[word])
    return policy


def to_json(policy: Policy) -> dict[str, Any]:
    """Return the form in which a policy is stored."""
    return {
        kind: {"automatic": sorted(policy.of(kind).automatic), "manual": sorted(policy.of(kind).manual)}
        for kind in KINDS
    }


def from_json(stored: Mapping[str, Any]) -> Policy:
    """Read a stored policy."""
    return Policy(
        **{
            kind: Parties(
                automatic=frozenset(stored[kind]["automatic"]), manual=frozenset(stored[kind]["manual"])
            )
            for kind in KINDS
            if kind in stored
        }
    )


def parties(automatic: Iterable[str], manual: Iterable[str], *, name: str) -> Parties:
    """Return what somebody chose; raises `Invalid` for a word that is neither a group nor an actor."""
    chosen = Parties(automatic=frozenset(automatic), manual=frozenset(manual))
    everybody = chosen.automatic | chosen.manual
    if len(everybody) > MAX_PARTIES:
        raise Invalid(f"A policy names at most {MAX_PARTIES} parties.", field=name)
    for party in everybody:
        if party not in GROUPS and not party.startswith(("https://", "http://")):
            raise Invalid(f"A policy is made of {', '.join(GROUPS)} and the ids of actors.", field=name)
    return chosen if everybody else NOBODY
