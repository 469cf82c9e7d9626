"""The shapes in which peers write one and the same post, delivered as JSON and read by our people."""

from dataclasses import replace
from typing import Any

import pytest

from fedispace.federation import codec
from fedispace.federation.vocab.links import Attachment
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import Uri
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import PUBLIC, Peer

AS2 = "https://www.w3.org/ns/activitystreams"


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


@pytest.mark.row(32, 41, 42, 47)
async def test_what_may_be_many_is_a_list_and_the_page_is_one_address(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, lee: str
) -> None:
    await alice.post("/api/v1/statuses", {"status": "@lee@d.test hello"})
    await fediverse.settle()
    (create,) = [each.activity for each in peer.received if each.activity["type"] == "Create"]
    note = create["object"]
    lists = (create["to"], create["cc"], note["to"], note["cc"], note["tag"], note["attachment"])
    assert all(type(each) is list for each in lists)
    assert note["url"].startswith(f"{alpha.origin}/@alice/")


@pytest.mark.row(40)
@pytest.mark.parametrize(
    ("said", "content", "language"),
    [
        ({"content": "<p>eins</p>", "contentMap": {"de": "<p>eins</p>"}}, "<p>eins</p>", "de"),
        ({"content": ..., "contentMap": {"fr": "<p>un</p>", "en": "<p>one</p>"}}, "<p>un</p>", "fr"),
        ({"content": "<p>one</p>", "contentMap": None}, "<p>one</p>", None),
    ],
)
async def test_the_text_may_stand_in_a_map_of_languages_whose_first_is_the_authors(
    fediverse: Fediverse,
    peer: Peer,
    alice: Client,
    lee: str,
    said: dict[str, Any],
    content: str,
    language: str | None,
) -> None:
    post = await deliver(fediverse, peer, alice, lee, **said, summary=None, summaryMap={"fr": "gare"})
    assert (post["content"], post["language"], post["spoiler_text"]) == (content, language, "gare")


@pytest.mark.row(40)
async def test_we_send_the_text_and_a_map_with_the_one_language(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str
) -> None:
    await alice.post("/api/v1/statuses", {"status": "@lee@d.test bonjour", "language": "fr"})
    await fediverse.settle()
    (create,) = [each.activity for each in peer.received if each.activity["type"] == "Create"]
    assert "bonjour" in create["object"]["content"]
    assert create["object"]["contentMap"] == {"fr": create["object"]["content"]}


PICTURE = {"type": "Document", "mediaType": "image/png", "url": "https://files.d.test/1.png"}


@pytest.mark.row(42)
@pytest.mark.parametrize(
    "attachment",
    [
        PICTURE,
        [PICTURE],
        [{"type": "Image", "url": ["https://files.d.test/1.png"]}],
        [{"type": "Image", "url": {"type": "Link", "href": "https://files.d.test/1.png"}}],
        [{"type": "Document", "url": [{"href": "https://files.d.test/1.png", "mediaType": "image/png"}]}],
        [{"type": "Image", "href": "https://files.d.test/1.png"}],
        [None, 7, {"type": "Image"}, {"type": "Image", "url": "javascript:alert(1)"}, PICTURE],
    ],
)
async def test_a_file_is_found_however_it_is_attached(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str, attachment: Any
) -> None:
    (file,) = (await deliver(fediverse, peer, alice, lee, attachment=attachment))["media_attachments"]
    assert (file["type"], file["url"]) == ("image", "https://files.d.test/1.png")


@pytest.mark.row(43)
@pytest.mark.parametrize(
    ("said", "alt"),
    [
        ({"name": "a title", "summary": "a cat asleep"}, "a cat asleep"),
        ({"name": "a cat", "summary": ""}, "a cat"),
        ({"name": None}, None),
    ],
)
async def test_what_a_picture_shows_is_in_its_summary_or_its_name(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str, said: dict[str, Any], alt: str | None
) -> None:
    post = await deliver(fediverse, peer, alice, lee, attachment=[{**PICTURE, **said}])
    assert post["media_attachments"][0]["description"] == alt


@pytest.mark.row(44)
async def test_more_than_four_files_are_shown(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str
) -> None:
    many = [{**PICTURE, "url": f"https://files.d.test/{number}.png"} for number in range(40)]
    post = await deliver(fediverse, peer, alice, lee, attachment=many)
    shown = [file["url"] for file in post["media_attachments"]]
    assert shown == [file["url"] for file in many[:16]]


@pytest.mark.row(42, 43, 44)
def test_files_we_send_are_four_at_most_in_a_list_with_address_kind_and_name() -> None:
    files = [
        Attachment(type="Image", url=Uri(f"https://a.test/{n}.png"), media_type="image/png", name="a cat")
        for n in range(6)
    ]
    note = Note(id=Uri("https://a.test/1"), attributed_to=Uri("https://a.test/a"), attachments=tuple(files))
    sent = codec.write(note)["attachment"]
    assert [(each["url"], each["mediaType"], each["name"]) for each in sent] == [
        (file.url, "image/png", "a cat") for file in files[:4]
    ]
    assert codec.write(replace(note, attachments=tuple(files[:1])))["attachment"] == sent[:1]


@pytest.mark.row(45, 46)
@pytest.mark.parametrize(
    ("said", "warning", "is_hidden"),
    [
        ({"sensitive": True, "summary": None}, "", True),
        ({"sensitive": True, "summary": ""}, "", True),
        ({"sensitive": False, "summary": ""}, "", False),
        ({"sensitive": False, "summary": "spiders"}, "spiders", True),
        ({"sensitive": None, "summary": "<b>spiders</b>"}, "spiders", True),
        ({}, "", False),
    ],
)
async def test_a_warning_is_a_text_and_hidden_pictures_need_none(
    fediverse: Fediverse,
    peer: Peer,
    alice: Client,
    lee: str,
    said: dict[str, Any],
    warning: str,
    is_hidden: bool,
) -> None:
    post = await deliver(fediverse, peer, alice, lee, attachment=[PICTURE], **said)
    assert (post["spoiler_text"], post["sensitive"]) == (warning, is_hidden)


@pytest.mark.row(96)
@pytest.mark.parametrize(
    "published",
    [..., None, 7, "soon", "2999-01-01T00:00:00Z", "99999-01-01T00:00:00Z", "-0001-01-01T00:00:00Z"],
)
async def test_a_post_of_no_time_or_of_the_future_is_of_now(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str, published: Any
) -> None:
    post = await deliver(fediverse, peer, alice, lee, published=published)
    assert post["created_at"] == "2026-11-12T19:00:00.000Z"


@pytest.mark.row(96)
async def test_a_post_of_long_ago_does_not_stand_before_there_was_anything(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str
) -> None:
    post = await deliver(fediverse, peer, alice, lee, published="0001-01-01T00:00:00Z")
    assert post["created_at"] == "2000-01-01T00:00:00.000Z"


POLL = {"type": "Question", "oneOf": [{"type": "Note", "name": "tea"}, {"type": "Note", "name": "coffee"}]}


@pytest.mark.row(58)
@pytest.mark.parametrize(
    ("status", "to", "is_left"),
    [(404, PUBLIC, False), (410, PUBLIC, False), (404, None, True), (410, None, False), (503, PUBLIC, True)],
)
async def test_a_post_its_server_no_longer_has_goes_unless_we_may_not_have_been_let_in(
    fediverse: Fediverse, peer: Peer, alice: Client, lee: str, status: int, to: str | None, is_left: bool
) -> None:
    wide = [to or f"{lee}/followers"]
    post = await deliver(fediverse, peer, alice, lee, activity={"to": wide}, to=wide, cc=[], **POLL)
    peer.statuses[post["uri"]] = status
    fediverse.clock.advance(minutes=5)
    await alice.get(f"/api/v1/polls/{post['poll']['id']}")
    await fediverse.settle()
    assert post["uri"] in peer.asked
    assert [each["uri"] for each in await alice.get("/api/v1/timelines/home")] == [post["uri"]] * is_left
