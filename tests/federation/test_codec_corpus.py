"""What each software really sends, read as it is meant."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from fedispace import strictjson
from fedispace.errors import Invalid
from fedispace.federation import codec
from fedispace.federation.codec_objects import key_owner
from fedispace.federation.vocab.activities import (
    Accept,
    Add,
    Announce,
    Create,
    Delete,
    Flag,
    Follow,
    Join,
    Like,
    Move,
    Undo,
    Update,
)
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.links import Emoji, Hashtag, Location, Mention
from fedispace.federation.vocab.objects import Collection, Event, Note
from fedispace.federation.vocab.uri import PUBLIC

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(CORPUS.glob("*/*.json"))
READABLE = [file for file in FILES if file.stem != "key-stub"]

T = TypeVar("T")


def read(name: str, kind: type[T]) -> T:
    found = codec.read(strictjson.loads((CORPUS / f"{name}.json").read_bytes()))
    assert isinstance(found, kind)
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
    event = read("mobilizon/create-event", Create).object
    assert isinstance(event, Event)
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
    event = read("gancio/create-event", Create).object
    assert isinstance(event, Event)
    assert event.location == Location(name="Market hall")
    assert event.end_time is None
    assert event.summary == "Bread swap, Market hall, Saturday 10:00"


def test_takahe_ids_are_kept_verbatim() -> None:
    note = note_in("takahe/create-note")
    assert note.attributed_to == "https://takahe.example/@bob@takahe.example/"
    assert note.id == "https://takahe.example/@bob@takahe.example/posts/1/"


def test_snac_puts_a_fragment_into_the_context() -> None:
    assert note_in("snac/create-note").context == "https://snac.example/sam#ctxt"
