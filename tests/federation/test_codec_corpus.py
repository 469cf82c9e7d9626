"""What each software really sends, read as it is meant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from fedispace import strictjson
from fedispace.errors import Invalid
from fedispace.federation import codec
from fedispace.federation.codec_objects import key_owner
from fedispace.federation.happenings import when_and_where
from fedispace.federation.vocab.activities import (
    Accept,
    Add,
    Announce,
    Create,
    Delete,
    Flag,
    Follow,
    InteractionRequest,
    Join,
    Like,
    Move,
    Undo,
    Update,
)
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.interactions import Authorization, SubPolicy
from fedispace.federation.vocab.links import Emoji, Hashtag, Location, Mention
from fedispace.federation.vocab.objects import Collection, CollectionPage, Event, Note
from fedispace.federation.vocab.uri import PUBLIC, Uri

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(CORPUS.glob("*/*.json"))
READABLE = [file for file in FILES if file.stem != "key-stub"]

T = TypeVar("T")


def read(name: str, kind: type[T]) -> T:
    found = codec.read(strictjson.loads((CORPUS / f"{name}.json").read_bytes()))
    assert isinstance(found, kind)
    return found


def event_in(name: str) -> Event:
    """Return the event of a Create as it is read at its own address."""
    found = codec.read(strictjson.loads((CORPUS / f"{name}.json").read_bytes())["object"])
    assert isinstance(found, Event)
    return found


def note_in(name: str) -> Note:
    found = read(name, Create).object
    assert isinstance(found, Note)
    return found


@pytest.mark.parametrize("file", READABLE, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_document_of_the_corpus_is_read_and_written_in_a_form_we_read_alike(file: Path) -> None:
    found = codec.read(strictjson.loads(file.read_bytes()), require_context=True)
    again = codec.write(found)
    assert codec.write(codec.read(again, require_context=True)) == again


def test_mastodon_note() -> None:
    note = note_in("mastodon/create-note")
    assert note.attributed_to == "https://mastodon.example/users/ada"
    assert note.to == (PUBLIC,)
    assert note.in_reply_to == "https://a.example/posts/7"
    assert note.content_language == "en"
    assert note.content.startswith("<p><span")
    assert note.summary is None
    assert note.conversation == "tag:mastodon.example,2026-11-12:objectId=1:objectType=Conversation"
    assert note.context == "https://mastodon.example/contexts/113-9"
    assert note.replies == "https://mastodon.example/users/ada/statuses/113/replies"
    hashtag, mention, emoji = note.tags
    assert isinstance(hashtag, Hashtag)
    assert hashtag.name == "bread"
    assert isinstance(mention, Mention)
    assert mention.href == "https://a.example/users/bob"
    assert isinstance(emoji, Emoji)
    assert (emoji.name, emoji.media_type) == ("loaf", "image/png")
    (picture,) = note.attachments
    assert (picture.name, picture.focal, picture.width) == ("A round loaf", (0.0, -0.25), 1200)


def test_mastodon_person() -> None:
    actor = read("mastodon/person", Actor)
    assert actor.preferred_username == "ada"
    assert actor.shared_inbox == "https://mastodon.example/inbox"
    assert actor.fields == (("Site", '<a href="https://ada.example">ada.example</a>'),)
    assert (actor.discoverable, actor.indexable, actor.memorial) == (True, False, False)
    (key,) = actor.public_keys
    assert (key.id, key.owner, key.kind) == (f"{actor.id}#main-key", actor.id, "rsa")
    assert actor.also_known_as == ("https://old.example/users/ada",)


def test_mastodon_activities() -> None:
    assert read("mastodon/follow", Follow).object == "https://a.example/users/alice"
    undo = read("mastodon/undo-announce", Undo)
    assert isinstance(undo.inner, Announce)
    assert undo.object == undo.inner.id
    assert undo.inner.object == "https://a.example/posts/1"
    delete = read("mastodon/delete", Delete)
    assert delete.former is not None
    assert delete.object == delete.former.id
    farewell = read("mastodon/delete-person", Delete)
    assert farewell.object == farewell.actor
    flag = read("mastodon/flag", Flag)
    assert flag.objects == ("https://a.example/users/eve", "https://a.example/posts/8")
    move = read("mastodon/move", Move)
    assert (move.object, move.target) == (move.actor, "https://new.example/users/ada")
    assert move.to == ("https://mastodon.example/users/ada/followers",)
    assert read("mastodon/add-featured", Add).target.endswith("/featured")


def test_mastodon_poll_and_outbox() -> None:
    update = read("mastodon/update-question", Update)
    assert isinstance(update.object, Note)
    assert (update.object.type, update.object.content_language) == ("Question", "de")
    assert update.object.updated == datetime(2026, 11, 12, 20, 0, tzinfo=UTC)
    outbox = read("mastodon/outbox", Collection)
    assert (outbox.total_items, outbox.items) == (1200, ())
    assert outbox.first is not None


def test_gotosocial_sends_one_value_without_a_list() -> None:
    note = note_in("gotosocial/create-note")
    assert note.to == (PUBLIC,)
    assert note.cc == ("https://gts.example/users/grace/followers",)
    (tag,) = note.tags
    assert isinstance(tag, Hashtag)
    assert tag.name == "solo"
    assert note.summary is None
    assert note.published == datetime(2026, 11, 12, 18, 0, tzinfo=UTC)


def test_gotosocial_accepts_with_the_follow_inside() -> None:
    accept = read("gotosocial/accept", Accept)
    assert isinstance(accept.inner, Follow)
    assert accept.object == accept.inner.id == "https://a.example/activities/5"


def test_a_key_document_that_is_a_stub_is_no_actor_but_names_its_owner() -> None:
    stub = strictjson.loads((CORPUS / "gotosocial/key-stub.json").read_bytes())
    with pytest.raises(Invalid):
        codec.read(stub)
    assert key_owner(stub) == "https://gts.example/users/grace"


def test_misskey_quotes_and_reacts() -> None:
    note = note_in("misskey/create-note")
    assert note.quote == "https://a.example/posts/3"
    assert note.to == (PUBLIC,)
    assert note.sensitive
    assert read("misskey/like", Like).content == ":loaf:"
    assert read("misskey/person", Actor).manually_approves_followers


def test_pleroma_attaches_by_link_objects_and_reacts_by_its_own_type() -> None:
    note = note_in("pleroma/create-note")
    (file,) = note.attachments
    assert (file.url, file.media_type) == ("https://media.pleroma.example/a.png", "image/png")
    assert note.content == "hello &lt;world&gt;"
    assert read("pleroma/emoji-react", Like).content == "🍞"


def test_lemmy_announces_activities_and_posts_pages() -> None:
    announce = read("lemmy/announce-create", Announce)
    assert announce.object == "https://other.example/activities/create/1"
    page = read("lemmy/page", Note)
    assert (page.type, page.name) == ("Page", "Which flour?")
    (link,) = page.attachments
    assert (link.type, link.url) == ("Link", "https://flour.example/guide")
    assert read("lemmy/group", Actor).type == "Group"


def test_peertube_attributes_to_two_and_links_in_many_ways() -> None:
    video = read("peertube/video", Note)
    assert video.attributed_to == "https://tube.example/accounts/tess"
    assert video.url == "https://tube.example/videos/watch/1a2b"
    assert video.content == "<p>A *slow* film.<br>No music.</p>"
    (media,) = video.attachments
    assert (media.type, media.url) == ("Video", "https://tube.example/static/720.mp4")


def test_mobilizon_event() -> None:
    event = event_in("mobilizon/create-event")
    assert event.attributed_to == "https://mobilizon.example/@bakers"
    assert event.start_time == datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    assert event.end_time is not None
    assert event.end_time - event.start_time == timedelta(hours=2)
    assert (event.status, event.join_mode, event.timezone) == ("CONFIRMED", "free", "Europe/Paris")
    assert event.location is not None
    assert event.location.name == "The Mill"
    assert [attachment.name for attachment in event.attachments] == ["Website", "Banner"]
    assert read("mobilizon/join", Join).role is None


def test_gancio_event() -> None:
    event = event_in("gancio/create-event")
    assert event.location == Location(name="Market hall")
    assert event.end_time is None
    assert event.summary == "Bread swap, Market hall, Saturday 10:00"


def test_takahe_ids_are_kept_verbatim() -> None:
    note = note_in("takahe/create-note")
    assert note.attributed_to == "https://takahe.example/@bob@takahe.example/"
    assert note.id == "https://takahe.example/@bob@takahe.example/posts/1/"


def test_snac_puts_a_fragment_into_the_context() -> None:
    assert note_in("snac/create-note").context == "https://snac.example/sam#ctxt"


def test_mastodon_says_who_may_quote_and_asks_before_it_does() -> None:
    quoting = note_in("mastodon/create-quote")
    assert quoting.quote == "https://a.example/posts/1"
    assert quoting.interaction_policy is not None
    assert quoting.interaction_policy.can_quote == SubPolicy(
        automatic=(Uri("https://mastodon.example/users/ada/followers"),), manual=(PUBLIC,)
    )
    request = read("mastodon/quote-request", InteractionRequest)
    assert (request.type, request.object) == ("QuoteRequest", "https://a.example/posts/1")
    assert isinstance(request.instrument, Note)
    leave = read("mastodon/quote-authorization", Authorization)
    assert leave.interaction_target == "https://mastodon.example/users/ada/statuses/113"


def test_mastodon_collections() -> None:
    page = read("mastodon/replies-page", CollectionPage)
    assert page.posts == ("https://other.example/users/olu/statuses/5",)
    assert page.next is not None
    context = read("mastodon/context", Collection)
    assert context.attributed_to == "https://mastodon.example/users/ada"
    assert len(context.posts) == 2
    assert read("mastodon/featured", Collection).posts == ("https://mastodon.example/users/ada/statuses/120",)


def test_gotosocial_says_who_may_answer_in_strings_and_lists() -> None:
    reply = note_in("gotosocial/create-reply")
    policy = reply.interaction_policy
    assert policy is not None
    grace = "https://gts.example/users/grace"
    assert policy.can_reply == SubPolicy(automatic=(Uri(grace), Uri(f"{grace}/followers")), manual=(PUBLIC,))
    assert (policy.can_announce, policy.can_like) == (SubPolicy(automatic=(PUBLIC,)),) * 2
    (oven,) = reply.attachments
    assert (oven.name, oven.focal) == ("An oven, open", (0.5, -0.5))
    accept = read("gotosocial/accept-reply", Accept)
    assert isinstance(accept.inner, InteractionRequest)
    assert accept.authorization == f"{grace}/authorizations/01HH"
    assert read("gotosocial/like-request", InteractionRequest).type == "LikeRequest"
    assert read("gotosocial/replies-page", CollectionPage).posts == (
        "https://other.example/users/olu/statuses/6",
    )
    assert read("gotosocial/featured", Collection).posts == (f"{grace}/statuses/01HX",)


@pytest.mark.row(52)
@pytest.mark.parametrize(
    ("name", "options", "is_multiple"),
    [
        ("mastodon/create-question", {"yes": 1, "no": 0}, False),
        ("gotosocial/create-question", {"gas": 0, "wood": 0}, False),
        ("misskey/create-question", {"light": 0, "dark": 1}, False),
        ("pleroma/create-question", {"daily": 2, "weekly": 0}, True),
        ("mitra/create-question", {"sea": 3, "rock": 2}, True),
        ("takahe/create-question", {"thick": 0, "thin": 0}, False),
        ("snac/create-question", {"yes": 0, "no": 0}, False),
    ],
)
def test_a_poll_is_one_in_every_dialect(name: str, options: dict[str, int], is_multiple: bool) -> None:
    poll = note_in(name).poll
    assert poll is not None
    assert {option.name: option.votes for option in poll.options} == options
    assert poll.multiple is is_multiple
    assert (poll.end_time or poll.closed) is not None


@pytest.mark.row(89)
@pytest.mark.parametrize(
    "name", ["mastodon/create-quote", "sharkey/create-note", "pleroma/create-quote", "mitra/create-quote"]
)
def test_a_quote_is_one_in_every_dialect(name: str) -> None:
    assert note_in(name).quote == "https://a.example/posts/1"


@pytest.mark.row(56)
@pytest.mark.parametrize(
    ("name", "post"),
    [
        ("gotosocial/delete", "https://gts.example/users/grace/statuses/01HA"),
        ("misskey/delete", "https://misskey.example/notes/9r"),
        ("pleroma/delete", "https://pleroma.example/objects/3a"),
        ("mitra/delete", "https://mitra.example/objects/n2"),
        ("takahe/delete", "https://takahe.example/@bob@takahe.example/posts/2/"),
        ("snac/delete", "https://snac.example/sam/p/2.1"),
        ("wordpress/delete", "https://wordpress.example/?p=32"),
    ],
)
def test_a_deletion_names_its_post_by_an_id_a_tombstone_or_the_post(name: str, post: str) -> None:
    assert read(name, Delete).object == post


@pytest.mark.row(61)
@pytest.mark.parametrize("software", ["mastodon", "misskey", "pleroma", "takahe", "snac", "gotosocial"])
def test_what_is_undone_stands_inside(software: str) -> None:
    undo = read(f"{software}/undo-like", Undo)
    assert isinstance(undo.inner, Like)
    assert undo.object == undo.inner.id


def test_mitra_names_what_it_accepts_and_undoes_by_id_and_lists_keys_both_ways() -> None:
    accept, undo = read("mitra/accept", Accept), read("mitra/undo-announce", Undo)
    assert (accept.object, accept.inner) == ("https://a.example/activities/5", None)
    assert (undo.object, undo.inner) == ("https://mitra.example/activities/announce/b1", None)
    assert [key.kind for key in read("mitra/person", Actor).public_keys] == ["rsa", "ed25519"]
    context = read("mitra/context", Collection)
    assert context.first_page is not None
    assert len(context.posts) == 2


def test_lemmy_says_in_the_summary_why_it_reports() -> None:
    flag = read("lemmy/flag", Flag)
    assert (flag.objects, flag.content) == (("https://a.example/posts/1",), "dull knives")
    inner = read("lemmy/announce-undo-like", Announce).inner
    assert inner is not None
    assert inner.type == "Undo"


def test_wordpress_addresses_by_queries_and_writes_articles() -> None:
    article = note_in("wordpress/create-article")
    assert (article.type, article.id, article.name) == (
        "Article",
        "https://wordpress.example/?p=31",
        "Patience",
    )
    assert (article.likes_claimed, article.shares_claimed) == (4, 2)
    assert [attachment.name for attachment in article.attachments] == ["Dough"]
    assert read("wordpress/person", Actor).webfinger == "wanda@wordpress.example"
    event = event_in("wordpress/create-event")
    assert (event.name, event.join_mode, event.timezone) == ("Tasting", "external", "Europe/Vienna")


def test_peertube_nests_the_films_in_their_playlist() -> None:
    document = strictjson.loads((CORPUS / "peertube/video.json").read_bytes())
    page, playlist, film = document["url"]
    playlist["tag"] += [{**film, "height": 1080, "href": "https://tube.example/1080.mp4"}, film]
    video = codec.read({**document, "url": [page, playlist]})
    assert isinstance(video, Note)
    assert [file.url for file in video.attachments] == ["https://tube.example/static/720.mp4"]


def test_an_event_that_is_no_space_is_a_post_that_says_when_and_where() -> None:
    post = note_in("mobilizon/create-event")
    assert (post.type, post.name) == ("Event", "Sourdough evening")
    assert post.summary == "2026-11-20 15:00 to 17:00 UTC, The Mill"
    assert note_in("gancio/create-event").summary == "Bread swap, Market hall, Saturday 10:00"
    over_night = replace(
        event_in("mobilizon/create-event"), start_time=datetime(2026, 11, 19, 22, 0, tzinfo=UTC)
    )
    assert when_and_where(over_night) == "2026-11-19 22:00 to 2026-11-20 17:00 UTC, The Mill"
    called_off = replace(over_night, status="CANCELLED", start_time=None)
    assert when_and_where(called_off) == "Cancelled, The Mill"
