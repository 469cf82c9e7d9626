"""A post of ours as peers read it."""

import html
from collections.abc import Iterable, Sequence
from typing import Final

from fedispace.accounts import emojis
from fedispace.accounts.models import Account
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.activities import Announce, Create, Like
from fedispace.federation.vocab.links import Hashtag, LinkTag, Mention, Tag
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.polls import Poll
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.threads import policy_wire
from fedispace.threads.audience import Addressees, addressees, parse_visibility
from fedispace.threads.models import Favourite, Status

OBJECT_LINK: Final = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
"""The media type that makes a Link tag a reference to another object (FEP-e232)."""


QUOTE_REL: Final = "https://misskey-hub.net/ns#_misskey_quote"
"""The relation by which such a Link is a quote (FEP-044f)."""


def addressees_of(
    status: Status, author: Account, mentioned: Iterable[Account], addresses: Addresses
) -> Addressees:
    """Return the `to` and `cc` of a post of ours."""
    return addressees(
        parse_visibility(status.visibility),
        addresses.collection(author.uri, "followers"),
        (Uri(account.uri) for account in mentioned),
    )


def note_of(
    status: Status,
    author: Account,
    mentioned: Sequence[Account],
    addresses: Addresses,
    *,
    poll: Poll | None = None,
) -> Note:
    """Return a post of ours as a Note, or as a Question if it asks one; `mentioned` are those it names."""
    told = addressees_of(status, author, mentioned, addresses)
    return Note(
        id=parse_uri(status.uri),
        type="Note" if poll is None else "Question",
        attributed_to=parse_uri(author.uri),
        content=quoting_link(status) + status.content,
        content_language=status.language,
        summary=status.spoiler or None,
        sensitive=status.sensitive,
        in_reply_to=parse_uri(status.in_reply_to_uri) if status.in_reply_to_uri else None,
        to=told.to,
        cc=told.cc,
        published=status.created_at,
        updated=status.edited_at,
        url=parse_uri(status.url),
        context=parse_uri(status.context_uri) if status.context_uri else None,
        conversation=status.context_uri,
        replies=parse_uri(f"{status.uri}/replies"),
        likes=parse_uri(f"{status.uri}/likes"),
        likes_claimed=status.favourites_count,
        shares=parse_uri(f"{status.uri}/shares"),
        shares_claimed=status.boosts_count,
        tags=_tags(status, mentioned, addresses),
        poll=poll,
        quote=quote_of(status),
        quote_is_for_all=status.quote_state != "pending",
        quote_authorization=parse_uri(status.quote_approved_by) if status.quote_approved_by else None,
        reply_authorization=parse_uri(status.approved_by) if status.approved_by else None,
        interaction_policy=policy_wire.write(status, author, mentioned, addresses),
    )


def quote_of(status: Status) -> Uri | None:
    """Return what a post of ours says it quotes: nothing where leave was refused or taken back."""
    if status.quote_uri is None or status.quote_state not in ("accepted", "pending"):
        return None
    return parse_uri(status.quote_uri)


def quoting_link(status: Status) -> str:
    """Return the line by which servers that know no quotes show one; others hide it by its class."""
    quoted = quote_of(status)
    if quoted is None:
        return ""
    link = html.escape(quoted)
    return f'<p class="quote-inline">RE: <a href="{link}">{link}</a></p>'


def create_of(note: Note) -> Create:
    """Return the activity that published a note of ours; its id follows from the note's."""
    return Create(
        id=parse_uri(f"{note.id}/activity"),
        actor=note.attributed_to,
        object=note,
        to=note.to,
        cc=note.cc,
        published=note.published,
    )


def announce_of(
    boost: Status, by: Account, original: Status, author: Account, addresses: Addresses
) -> Announce:
    """Return the activity that a boost of ours is."""
    told = addressees_of(boost, by, [author], addresses)
    return Announce(
        id=parse_uri(boost.uri),
        actor=parse_uri(by.uri),
        object=parse_uri(original.uri),
        to=told.to,
        cc=told.cc,
        authorization=Uri(boost.approved_by) if boost.approved_by else None,
        published=boost.created_at,
    )


def like_of(
    favourite: Favourite, by: Account, status: Status, author: Account, *, authorization: Uri | None = None
) -> Like:
    """Return the activity that a favourite of ours is; only the author is told."""
    return Like(
        id=parse_uri(favourite.uri),
        actor=parse_uri(by.uri),
        object=parse_uri(status.uri),
        authorization=authorization,
        to=(parse_uri(author.uri),),
    )


def _tags(status: Status, mentioned: Sequence[Account], addresses: Addresses) -> tuple[Tag, ...]:
    tags: list[Tag] = [
        Mention(href=parse_uri(account.uri), name=f"@{account.username}@{_domain(account, addresses)}")
        for account in mentioned
    ]
    tags += [
        Hashtag(name=tag["name"], href=addresses.tag(tag["name"].lower()))
        for tag in status.tags
        if tag["type"] == "Hashtag"
    ]
    tags += emojis.tags_of(status.emojis, addresses)
    if status.subject_uri:
        tags.append(
            LinkTag(href=parse_uri(status.subject_uri), media_type=OBJECT_LINK, name=status.subject_uri)
        )
    quoted = quote_of(status)
    if quoted is not None and status.quote_state == "accepted":
        tags.append(LinkTag(href=quoted, media_type=OBJECT_LINK, name=f"RE: {quoted}", rel=QUOTE_REL))
    return tuple(tags)


def _domain(account: Account, addresses: Addresses) -> str:
    return account.domain or addresses.account_domain
