"""Who may do what with a post: the rule over its combinations, how it is stored, and how peers read it."""

import itertools

import pytest

from fedispace.accounts.models import Account
from fedispace.errors import Invalid
from fedispace.federation import codec
from fedispace.federation.vocab.activities import Create
from fedispace.federation.vocab.interactions import InteractionPolicy, SubPolicy
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import PUBLIC, Uri
from fedispace.threads import policy_wire
from fedispace.threads.audience import VISIBILITIES, Visibility
from fedispace.threads.policies import (
    EVERYBODY,
    KINDS,
    NOBODY,
    UNSTATED,
    Asker,
    Kind,
    Parties,
    Policy,
    answer,
    chosen,
    default_policy,
    defaults,
    from_json,
    parties,
    to_json,
    verdict,
)
from tests.threads.conftest import Threads

BOB = "https://b.example/users/bob"
ALICE = Uri("https://a.example/users/alice")


def only(kind: Kind, automatic: str = "", manual: str = "") -> Policy:
    """Return a policy in which one kind is as given: words with spaces between them."""
    chosen_ = Parties(automatic=frozenset(automatic.split()), manual=frozenset(manual.split()))
    return UNSTATED.with_kinds({kind: chosen_})


@pytest.mark.row(90)
@pytest.mark.parametrize(
    ("automatic", "manual", "relation", "expected"),
    [
        ("public", "", {}, "automatic"),
        ("author", "", {}, "refused"),
        ("", "", {}, "refused"),
        ("author", "public", {}, "manual"),
        ("followers", "", {}, "refused"),
        ("followers", "", {"is_follower": True}, "automatic"),
        ("followers", "", {"is_followed": True}, "refused"),
        ("following", "", {"is_followed": True}, "automatic"),
        ("following", "", {"is_follower": True}, "refused"),
        ("followers", "public", {}, "manual"),
        ("followers", "public", {"is_follower": True}, "automatic"),
        ("public", "followers", {"is_follower": True}, "manual"),
        ("public", "followers", {}, "automatic"),
        ("followers", "following", {"is_follower": True, "is_followed": True}, "automatic"),
        ("mutuals", "", {"is_follower": True}, "refused"),
        ("mutuals", "", {"is_followed": True}, "refused"),
        ("mutuals", "", {"is_follower": True, "is_followed": True}, "automatic"),
        ("mutuals", "followers", {"is_follower": True, "is_followed": True}, "automatic"),
        ("followers", "mutuals", {"is_follower": True, "is_followed": True}, "manual"),
        ("mutuals", "followers", {"is_follower": True}, "manual"),
        ("mutuals", BOB, {"is_follower": True, "is_followed": True}, "manual"),
        (BOB, "public", {}, "automatic"),
        ("public", BOB, {}, "manual"),
        ("followers", BOB, {"is_follower": True}, "manual"),
        (BOB, BOB, {}, "automatic"),
        ("mentioned", "", {"is_mentioned": True}, "automatic"),
        ("public", "", {"is_blocked": True}, "refused"),
        ("author", "", {"is_author": True}, "automatic"),
    ],
)
def test_the_narrowest_party_somebody_is_in_decides(
    automatic: str, manual: str, relation: dict[str, bool], expected: str
) -> None:
    asker = Asker(actor=BOB, **relation)
    for kind in KINDS:
        assert verdict(only(kind, automatic, manual), kind, asker, "public") == expected


def test_an_author_may_do_anything_with_their_own_post_but_pass_on_a_direct_one() -> None:
    author = Asker(actor=str(ALICE), is_author=True)
    for kind, visibility in itertools.product(KINDS, VISIBILITIES):
        may = verdict(only(kind), kind, author, visibility) == "automatic"
        assert may is not (kind in ("quote", "boost") and visibility == "direct")


def test_whom_a_post_names_may_always_answer_it_and_nothing_more() -> None:
    named = Asker(actor=BOB, is_mentioned=True)
    assert verdict(only("reply", "author"), "reply", named, "direct") == "automatic"
    for kind in ("quote", "favourite", "boost"):
        assert verdict(only(kind, "author"), kind, named, "public") == "refused"


@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_no_policy_lets_others_quote_or_boost_what_not_everybody_may_see(visibility: Visibility) -> None:
    open_ = Policy(quote=EVERYBODY, boost=EVERYBODY)
    follower = Asker(actor=BOB, is_follower=True, is_mentioned=True)
    assert verdict(open_, "quote", follower, visibility) == "refused"
    assert verdict(open_, "boost", follower, visibility) == "refused"
    assert verdict(open_, "favourite", follower, visibility) == "automatic"


def test_that_somebody_follows_is_no_proof_to_others_and_that_everybody_may_is() -> None:
    follower = Asker(actor=BOB, is_follower=True)
    assert not answer(only("reply", "followers"), "reply", follower, "public").proven
    mutual = Asker(actor=BOB, is_follower=True, is_followed=True)
    assert not answer(only("reply", "mutuals"), "reply", mutual, "public").proven
    assert answer(only("reply", "public"), "reply", follower, "public").proven
    assert answer(only("reply", f"followers {BOB}"), "reply", follower, "public").proven


def test_by_default_everybody_may_do_everything_with_public_posts() -> None:
    stranger = Asker(actor=BOB)
    for visibility in ("public", "unlisted"):
        assert all(verdict(defaults(visibility), kind, stranger, visibility) == "automatic" for kind in KINDS)
    assert verdict(UNSTATED, "quote", stranger, "public") == "refused"


def test_a_policy_is_stored_and_read_back_and_the_usual_one_is_not_stored() -> None:
    policy = only("reply", "followers mentioned", "public")
    assert from_json(to_json(policy)) == policy
    assert chosen("public", {}, {}) is None
    stored = chosen("public", {}, {"reply": NOBODY})
    assert stored is not None
    assert from_json(stored).reply == NOBODY
    assert from_json(stored).quote == EVERYBODY


def test_one_word_for_quotes_is_the_default_of_public_posts_only() -> None:
    for word, who in (("public", EVERYBODY), ("nobody", NOBODY)):
        assert default_policy("public", {"quote_policy": word}).quote == who
        assert default_policy("private", {"quote_policy": word}).quote == NOBODY
    assert chosen("direct", {}, {"quote": EVERYBODY}) is None


def test_a_policy_of_unknown_words_is_refused() -> None:
    with pytest.raises(Invalid):
        parties(["friends"], [], name="reply")
    with pytest.raises(Invalid):
        parties([f"https://b.example/{number}" for number in range(101)], [], name="reply")
    assert parties([], [], name="reply") == NOBODY


def note(policy: object) -> Note:
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{ALICE}/1",
        "type": "Note",
        "attributedTo": ALICE,
        "to": PUBLIC,
        "interactionPolicy": policy,
    }
    found = codec.read(document)
    assert isinstance(found, Note)
    return found


@pytest.mark.row(90)
@pytest.mark.parametrize(
    "policy",
    [
        {"canReply": {"automaticApproval": [f"{ALICE}/followers"], "manualApproval": PUBLIC}},
        {"canReply": {"always": f"{ALICE}/followers", "approvalRequired": ["as:Public"]}},
        {
            "canReply": {
                "always": "https://wrong.example/1",
                "automaticApproval": f"{ALICE}/followers",
                "approvalRequired": [],
                "manualApproval": ["Public"],
            }
        },
    ],
)
def test_both_spellings_of_a_policy_are_read_as_strings_and_as_lists(policy: object) -> None:
    stated = note(policy).interaction_policy
    assert stated is not None
    read = policy_wire.read(stated, ALICE, f"{ALICE}/followers", None)
    assert read.reply == Parties(automatic=frozenset({"followers"}), manual=frozenset({"public"}))
    assert (read.quote, read.favourite, read.boost) == (NOBODY, EVERYBODY, EVERYBODY)


@pytest.mark.row(90)
async def test_mutuals_are_stated_so_that_who_cannot_read_it_asks_and_are_read_back(
    threads: Threads, alice: Account
) -> None:
    home = threads.home.addresses
    for automatic, manual in ((["mutuals"], []), (["author"], ["mutuals"])):
        (post,) = await threads.post(
            alice, "hello", policy={"reply": parties(automatic, manual, name="reply")}
        )
        stated = policy_wire.write(post, alice, [], home)
        assert stated.can_reply is not None
        mutuals, followers = Uri(f"{alice.uri}/mutuals"), Uri(f"{alice.uri}/followers")
        assert (mutuals in stated.can_reply.automatic) is bool(manual == [])
        assert followers in stated.can_reply.manual
        assert PUBLIC not in (*stated.can_reply.automatic, *stated.can_reply.manual)
        read = policy_wire.read(stated, Uri(alice.uri), followers, None)
        both = Asker(actor=BOB, is_follower=True, is_followed=True)
        assert verdict(read, "reply", both, "public") == ("manual" if manual else "automatic")
        assert verdict(read, "reply", Asker(actor=BOB, is_followed=True), "public") == "refused"


@pytest.mark.row(90)
@pytest.mark.parametrize("policy", [None, {}, [], "x", {"canReply": None}, {"canLike": {}}, {"canReply": []}])
def test_an_empty_policy_is_none(policy: object) -> None:
    assert note(policy).interaction_policy is None


@pytest.mark.row(90)
async def test_our_posts_state_every_kind_of_their_policy(threads: Threads, alice: Account) -> None:
    (open_,) = await threads.post(alice, "open")
    (closed,) = await threads.post(
        alice, "closed", policy={"reply": Parties(automatic=frozenset({"followers"}))}
    )
    first, second = (create.object for create in await threads.sent(Create))
    assert isinstance(first, Note)
    assert isinstance(second, Note)
    everybody = SubPolicy(automatic=(PUBLIC,))
    assert first.id == open_.uri
    assert first.interaction_policy == InteractionPolicy(
        can_quote=everybody, can_reply=everybody, can_like=everybody, can_announce=everybody
    )
    assert second.id == closed.uri
    assert second.interaction_policy is not None
    assert second.interaction_policy.can_reply == SubPolicy(
        automatic=(Uri(f"{alice.uri}/followers"), Uri(alice.uri))
    )
    written = codec.write(second)["interactionPolicy"]
    assert written["canQuote"] == {"automaticApproval": [PUBLIC]}
