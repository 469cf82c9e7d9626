"""How our people look to other servers: WebFinger, the actor and its lists, NodeInfo. Refusals first."""

from typing import Any

import pytest
from sqlalchemy import update

from fedispace.accounts import nodeinfo
from fedispace.accounts.documents import AccountDocuments
from fedispace.accounts.following import Following
from fedispace.accounts.models import Account
from fedispace.accounts.webfinger import webfinger
from fedispace.errors import NotFound
from fedispace.federation import codec
from fedispace.federation.addresses import Addresses
from fedispace.federation.routes import Asker
from tests.accounts.test_being_followed import follow_by
from tests.factories import PASSWORD, Home


@pytest.fixture
def documents(home: Home) -> AccountDocuments:
    return AccountDocuments(home.db, home.addresses, home.people, home.actors)


async def load(documents: AccountDocuments, pattern: str, **params: str) -> dict[str, Any]:
    """Load a document as the door does: by its path pattern."""
    (route,) = [route for route in documents.routes.table if route.pattern == pattern]
    return codec.write(await route.loader(documents, params, Asker()))


async def finger(home: Home, resource: str) -> dict[str, object]:
    async with home.db.reading() as tx:
        return await webfinger(tx, home.addresses, resource)


@pytest.mark.parametrize(
    "resource",
    [
        "",
        "alice",
        "acct:alice",
        "acct:nobody@a.example",
        "acct:alice@b.example",
        "acct:alice@a.example@b.example",
        "acct:alice@",
        "acct:@a.example",
        "https://b.example/users/alice",
        "https://a.example/users/alice/followers",
        "https://a.example.evil.example/users/alice",
        "mailto:alice@a.example",
        "acct:alice%@a.example",
        "acct:" + "a" * 5000 + "@a.example",
    ],
)
async def test_an_address_that_is_nobodys_here_is_not_found(home: Home, resource: str) -> None:
    await home.person()
    with pytest.raises(NotFound):
        await finger(home, resource)


@pytest.mark.row(67)
async def test_a_suspended_account_says_so_and_nothing_else(home: Home, documents: AccountDocuments) -> None:
    await home.person()
    async with home.db.transaction() as tx:
        said = {"suspended_at": home.clock.now(), "display_name": "Alice", "note": "<p>hi</p>"}
        await tx.execute(update(Account).values(said))
    actor = await load(documents, "/users/{name}", name="alice")
    assert actor["suspended"] is True
    assert (actor["name"], actor.get("summary"), actor["attachment"]) == ("alice", None, [])
    for kind in ("/followers", "/following"):
        with pytest.raises(NotFound):
            await load(documents, "/users/{name}" + kind, name="alice")


@pytest.mark.parametrize("name", ["nobody", "bob", "a.example"])
async def test_there_is_a_document_for_our_own_people_only(
    home: Home, documents: AccountDocuments, name: str
) -> None:
    await home.stranger()
    await load(documents, "/actor")
    for kind in ("", "/followers", "/following"):
        with pytest.raises(NotFound):
            await load(documents, "/users/{name}" + kind, name=name)


@pytest.mark.parametrize(
    "resource",
    [
        "acct:alice@a.example",
        "acct:ALICE@A.example",
        "alice@a.example",
        "https://a.example/users/alice",
        "https://a.example/@alice",
        "https://a.example/@Alice/",
    ],
)
async def test_webfinger_leads_to_the_actor(home: Home, resource: str) -> None:
    await home.person()
    answer = await finger(home, resource)
    assert answer["subject"] == "acct:alice@a.example"
    assert answer["aliases"] == ["https://a.example/@alice", "https://a.example/users/alice"]
    assert {
        "rel": "self",
        "type": "application/activity+json",
        "href": "https://a.example/users/alice",
    } in answer["links"]  # type: ignore[operator]


@pytest.mark.parametrize(
    "resource",
    [
        "acct:a.example@a.example",
        "acct:relay@a.example",
        "https://a.example",
        "https://a.example/",
        "https://a.example/actor",
    ],
)
async def test_webfinger_leads_to_the_instance_actor(home: Home, resource: str) -> None:
    answer = await finger(home, resource)
    assert answer["subject"] == "acct:a.example@a.example"
    assert "https://a.example/actor" in str(answer["links"])


async def test_people_have_the_address_of_the_account_domain(home: Home) -> None:
    await home.person()
    split = Addresses("https://a.example", "example.org")
    async with home.db.reading() as tx:
        answer = await webfinger(tx, split, "acct:alice@example.org")
        again = await webfinger(tx, split, "acct:alice@a.example")
    assert answer == again
    assert answer["subject"] == "acct:alice@example.org"


async def test_the_actor_document_has_keys_and_lists(home: Home, documents: AccountDocuments) -> None:
    await home.person(locked=True)
    written = await load(documents, "/users/{name}", name="ALICE")
    assert written["id"] == "https://a.example/users/alice"
    assert written["type"] == "Person"
    assert written["publicKey"]["id"] == "https://a.example/users/alice#main-key"
    assert written["publicKey"]["owner"] == written["id"]
    assert written["assertionMethod"][0]["publicKeyMultibase"].startswith("z6Mk")
    assert written["endpoints"] == {"sharedInbox": "https://a.example/inbox"}
    assert written["manuallyApprovesFollowers"] is True
    assert written["webfinger"] == "alice@a.example"
    assert codec.write(codec.read(written)) == written


async def test_the_instance_is_an_application_named_after_its_host(
    home: Home, documents: AccountDocuments
) -> None:
    for _ in range(2):
        actor = await load(documents, "/actor")
        assert (actor["type"], actor["preferredUsername"]) == ("Application", "a.example")
        assert actor["inbox"] == "https://a.example/actor/inbox"
        assert actor["publicKey"]["id"] == "https://a.example/actor#main-key"
    for name in ("outbox", "followers", "following", "featured"):
        listed = await load(documents, f"/actor/{name}")
        assert (listed["id"], listed["totalItems"]) == (actor[name], 0)


async def test_followers_are_counted_and_listed(
    home: Home, documents: AccountDocuments, following: Following
) -> None:
    alice, bob = await home.person(), await home.stranger()
    carol = await home.person("carol", locked=True)
    await home.receive(follow_by(bob, alice))
    await following.follow(alice, carol.id)
    total = await load(documents, "/users/{name}/followers", name="alice")
    assert total["totalItems"] == 1
    assert total["first"] == "https://a.example/users/alice/followers?page=1"
    assert "orderedItems" not in total
    page = await load(documents, "/users/{name}/followers", name="alice", page="1")
    assert (page["type"], page["orderedItems"]) == ("OrderedCollectionPage", [bob.uri])
    pending = await load(documents, "/users/{name}/following", name="alice", page="1")
    assert pending["orderedItems"] == []


async def test_nodeinfo_counts_people_and_says_what_we_are(home: Home) -> None:
    await home.registration.create_user(username="alice", email="a@a.example", password=PASSWORD)
    user = await home.registration.create_user(username="bob", email="b@a.example", password=PASSWORD)
    await home.stranger()
    async with home.db.transaction() as tx:
        await tx.execute(
            update(Account)
            .where(Account.id == user.id)
            .values(statuses_count=3, last_status_at=home.clock.now())
        )
    home.clock.advance(days=31)
    async with home.db.reading() as tx:
        counted = await nodeinfo.usage(tx, home.clock.now())
    assert counted == nodeinfo.Usage(users=2, active_month=0, active_half_year=1, posts=3)
    written = nodeinfo.document("2.1", counted, title="A", description="B")
    assert written["software"] == {"name": "fedispace", "version": "0.1.0"}
    assert written["protocols"] == ["activitypub"]
    assert written["usage"] == {
        "users": {"total": 2, "activeMonth": 0, "activeHalfyear": 1},
        "localPosts": 3,
    }


def test_nodeinfo_links_both_versions_and_the_instance_actor() -> None:
    addresses = Addresses("https://a.example", "a.example")
    links = nodeinfo.index(addresses)["links"]
    assert links == [
        {"rel": nodeinfo.SCHEMA + "2.0", "href": "https://a.example/nodeinfo/2.0"},
        {"rel": nodeinfo.SCHEMA + "2.1", "href": "https://a.example/nodeinfo/2.1"},
        {"rel": nodeinfo.APPLICATION, "href": "https://a.example/actor"},
    ]
    assert "https://a.example/.well-known/webfinger?resource={uri}" in nodeinfo.host_meta(addresses)
