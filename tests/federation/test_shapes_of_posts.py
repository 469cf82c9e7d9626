"""The shapes in which peers write one and the same post, delivered as JSON and read by our people."""

from typing import Any

import pytest

from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import PUBLIC, Peer

AS2 = "https://www.w3.org/ns/activitystreams"


@pytest.fixture
async def alice(alpha: Server) -> Client:
    return await alpha.person("alice")


@pytest.fixture
async def lee(fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client) -> str:
    """lee@d.test, whom alice follows; the Accept names the Follow by its id only, as Mitra's does."""
    uri = peer.actor("lee", "d.test")
    found = await alice.get("/api/v2/search", q=uri, resolve="true", type="accounts")
    await alice.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/follow")
    await fediverse.settle()
    (follow,) = [each.activity for each in peer.received if each.activity["type"] == "Follow"]
    await peer.post(alpha.inbox, peer.activity("Accept", uri, follow["id"], 900))
    await fediverse.settle()
    return uri


async def deliver(
    fediverse: Fediverse, peer: Peer, alice: Client, author: str, *, activity: Any = None, **note: Any
) -> dict[str, Any]:
    """Have a note of the author's delivered in these shapes, and return the post alice reads."""
    document = {name: value for name, value in peer.note(author, 1, **note).items() if value is not ...}
    create = peer.activity("Create", author, document, **({"to": [PUBLIC]} if activity is None else activity))
    answer = await peer.post(fediverse.alpha.inbox, create)
    assert answer.status == 202, answer
    await fediverse.settle()
    (post,) = await alice.get("/api/v1/timelines/home")
    return dict(post)


@pytest.mark.row(62)
async def test_an_accept_by_the_id_of_the_follow_is_one(alice: Client, lee: str) -> None:
    found = await alice.get("/api/v2/search", q=lee, resolve="true", type="accounts")
    (relation,) = await alice.get("/api/v1/accounts/relationships", **{"id[]": found["accounts"][0]["id"]})
    assert (relation["following"], relation["requested"]) == (True, False)


@pytest.mark.row(31)
async def test_the_first_author_on_the_posts_own_server_is_the_author(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str
) -> None:
    others = [{"type": "Group", "id": "http://e.test/c/films"}, {"type": "Person", "id": lee}]
    post = await deliver(fediverse, peer, alice, lee, attributedTo=others)
    assert post["account"]["uri"] == lee


@pytest.mark.row(32, 33)
@pytest.mark.parametrize("alias", [PUBLIC, "as:Public", "Public"])
@pytest.mark.parametrize("shape", ["string", "list", "objects"])
async def test_everybody_is_meant_by_every_name_and_in_every_shape(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str, alias: str, shape: str
) -> None:
    to: Any = {"string": alias, "list": [alias], "objects": [{"id": PUBLIC}]}[shape]
    post = await deliver(fediverse, peer, alice, lee, to=to, cc=f"{lee}/followers")
    assert post["visibility"] == "public"


@pytest.mark.row(34)
@pytest.mark.parametrize(
    ("to", "cc", "visibility"),
    [
        ([PUBLIC], ["FOLLOWERS"], "public"),
        (["FOLLOWERS"], [PUBLIC], "unlisted"),
        (["FOLLOWERS"], [], "private"),
        ([], ["FOLLOWERS"], "private"),
        (["ALICE"], [], "direct"),
    ],
)
async def test_who_may_read_follows_from_to_and_cc(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str, to: list[str], cc: list[str], visibility: str
) -> None:
    names = {"FOLLOWERS": f"{lee}/followers", "ALICE": alice.account.uri}
    post = await deliver(
        fediverse,
        peer,
        alice,
        lee,
        to=[names.get(each, each) for each in to],
        cc=[names.get(each, each) for each in cc],
    )
    assert post["visibility"] == visibility


@pytest.mark.row(35)
async def test_a_post_without_addressees_has_those_of_its_activity(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str
) -> None:
    wide = {"to": [f"{lee}/followers"], "cc": [PUBLIC]}
    post = await deliver(fediverse, peer, alice, lee, activity=wide, to=..., cc=...)
    assert post["visibility"] == "unlisted"


@pytest.mark.row(37)
async def test_a_create_that_names_its_post_only_makes_us_read_it(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, lee: str
) -> None:
    note = peer.note(lee, 1)
    await peer.post(alpha.inbox, peer.activity("Create", lee, note["id"], to=[PUBLIC]))
    await fediverse.settle()
    assert [post["uri"] for post in await alice.get("/api/v1/timelines/home")] == [note["id"]]
    assert note["id"] in peer.asked


@pytest.mark.row(39)
async def test_a_post_may_have_several_types_and_prefixes(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str
) -> None:
    post = await deliver(fediverse, peer, alice, lee, type=["http://e.test/ns#Thought", f"{AS2}#Note"])
    assert post["content"] == "<p>Note 1</p>"


@pytest.mark.row(47, 48)
@pytest.mark.parametrize(
    "tag",
    [
        {"type": "Hashtag", "name": "#Tea", "href": "http://d.test/tags/tea"},
        [{"type": "Hashtag", "name": "Tea"}],
        [{"type": "Hashtag", "tag": "#Tea"}],
        [{"type": "Hashtag", "name": "＃Tea"}, {"type": "Hashtag", "name": "#TEA"}],
        ["#Tea"],
    ],
)
async def test_a_hashtag_is_found_in_every_shape(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str, tag: Any
) -> None:
    post = await deliver(fediverse, peer, alice, lee, tag=tag)
    assert [each["name"] for each in post["tags"]] == ["Tea"]
    assert [each["uri"] for each in await alice.get("/api/v1/timelines/tag/tea")] == [post["uri"]]


@pytest.mark.row(49)
@pytest.mark.parametrize("form", ["id", "page"])
async def test_a_mention_names_an_account_by_its_id_or_its_page(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str, form: str
) -> None:
    href = alice.account.uri if form == "id" else alice.account.url
    mention = {"type": "Mention", "href": href, "name": "@alice"}
    post = await deliver(fediverse, peer, alice, lee, tag=mention, cc=[alice.account.uri])
    assert [each["acct"] for each in post["mentions"]] == ["alice"]
    assert [each["type"] for each in await alice.get("/api/v1/notifications")] == ["mention"]


@pytest.mark.row(50)
async def test_who_is_tagged_and_not_addressed_is_shown_and_not_notified(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str
) -> None:
    mention = {"type": "Mention", "href": alice.account.uri, "name": "@alice@a.test"}
    post = await deliver(fediverse, peer, alice, lee, tag=[mention])
    assert [each["acct"] for each in post["mentions"]] == ["alice"]
    assert await alice.get("/api/v1/notifications") == []


@pytest.mark.row(30)
async def test_actor_and_author_of_what_we_send_are_plain_strings(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, lee: str
) -> None:
    await alice.post("/api/v1/statuses", {"status": "@lee@d.test hello"})
    await fediverse.settle()
    (create,) = [each.activity for each in peer.received if each.activity["type"] == "Create"]
    assert create["actor"] == create["object"]["attributedTo"] == alice.account.uri
    assert type(create["object"]["type"]) is str
    assert type(create["object"]) is dict
