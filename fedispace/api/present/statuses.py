"""Posts, as Mastodon's clients read them."""

from collections.abc import Iterable
from typing import Any

from msgspec import UNSET

from fedispace.accounts.models import Account
from fedispace.api.entities import status as entities
from fedispace.api.present.accounts import AccountPresenter, acct_of
from fedispace.api.present.emojis import emojis_of
from fedispace.api.present.polls import poll_of
from fedispace.clock import Clock, iso
from fedispace.federation.addresses import Addresses
from fedispace.threads.history import State
from fedispace.threads.models import Status
from fedispace.threads.quote_views import SHOWN
from fedispace.threads.sanitize import safe_html
from fedispace.threads.views import QuoteView, StatusView

_KINDS = frozenset({"image", "gifv", "video", "audio"})


class StatusPresenter:
    """Presents posts with everything a client shows of them."""

    def __init__(self, addresses: Addresses, accounts: AccountPresenter, clock: Clock) -> None:
        self._addresses = addresses
        self._clock = clock
        self._accounts = accounts

    def status(self, view: StatusView, *, text: str | None = None, shallow: bool = False) -> entities.Status:
        """Return one post; `text` is what its author wrote, told when it was deleted."""
        row = view.status
        boosted = self.status(view.boost) if view.boost is not None else None
        shown = view.boost if view.boost is not None else view
        return entities.Status(
            id=str(row.id),
            uri=row.uri,
            url=row.url or None,
            created_at=iso(row.created_at),
            edited_at=iso(row.edited_at) if row.edited_at else None,
            account=self._accounts.account(view.account, view.moved),
            content=boosted.content if boosted else safe_html(row.content),
            text=text,
            visibility=row.visibility,
            sensitive=shown.status.sensitive,
            spoiler_text=shown.status.spoiler,
            language=shown.status.language,
            in_reply_to_id=_id(row.in_reply_to_id),
            in_reply_to_account_id=_id(row.in_reply_to_account_id),
            reblog=boosted,
            application=_application(row.application),
            media_attachments=boosted.media_attachments if boosted else attachments_of(row),
            mentions=[
                entities.StatusMention(id=str(who.id), username=who.username, url=who.url, acct=acct_of(who))
                for who in shown.mentions
            ],
            tags=self._tags(shown.status),
            emojis=emojis_of(shown.status.emojis),
            card=None,
            poll=poll_of(shown.poll, self._clock.now(), shown.status.emojis)
            if shown.poll is not None
            else None,
            quote=self._quote(view.quote, shallow=shallow, deleting=text is not None),
            quote_approval=entities.QuoteApproval(
                automatic=list(shown.quotable.automatic),
                manual=list(shown.quotable.manual),
                current_user=shown.quotable.viewer,
            ),
            quotes_count=shown.status.quotes_count,
            replies_count=shown.status.replies_count,
            reblogs_count=max(shown.status.boosts_count, shown.status.shares_claimed or 0),
            favourites_count=max(shown.status.favourites_count, shown.status.likes_claimed or 0),
            favourited=shown.favourited,
            reblogged=shown.boosted,
            bookmarked=shown.bookmarked,
            muted=shown.muted,
            pinned=view.pinned,
            filtered=[],
        )

    def _quote(self, quote: QuoteView | None, *, shallow: bool, deleting: bool) -> entities.Quote | None:
        """Return a quote; one of a quoted post is named only. Who deletes a post gets all it had back."""
        if quote is None:
            return None
        is_shown = quote.state in SHOWN or deleting
        if shallow:
            quoted_id = _id(quote.quoted_id) if is_shown else None
            return entities.Quote(state=quote.state, quoted_status=UNSET, quoted_status_id=quoted_id)
        quoted = self.status(quote.view, shallow=True) if is_shown and quote.view is not None else None
        return entities.Quote(state=quote.state, quoted_status=quoted, quoted_status_id=UNSET)

    def _tags(self, row: Status) -> list[entities.StatusTag]:
        named = [str(tag["name"]).removeprefix("#") for tag in row.tags if tag.get("type") == "Hashtag"]
        return [entities.StatusTag(name=name, url=self._addresses.tag(name)) for name in named]

    def edit(self, state: State, author: Account) -> entities.StatusEdit:
        """Return what a post said at some time."""
        options = state.poll_options
        return entities.StatusEdit(
            content=safe_html(state.content),
            spoiler_text=state.spoiler,
            sensitive=state.sensitive,
            created_at=iso(state.since),
            account=self._accounts.account(author),
            poll=None
            if options is None
            else entities.PollTitles(options=[entities.PollOptionTitle(title=each) for each in options]),
            media_attachments=_files("edit", state.attachments),
            emojis=emojis_of(state.emojis),
            quote=None,
        )

    def statuses(self, views: Iterable[StatusView]) -> list[entities.Status]:
        return [self.status(view) for view in views]


def attachments_of(row: Status) -> list[entities.MediaAttachment]:
    """Return the files of a post; another server's stay where they are."""
    return _files(str(row.id), row.attachments)


def _files(prefix: str, attachments: list[Any]) -> list[entities.MediaAttachment]:
    return [
        _attachment(f"{prefix}-{position}", stored)
        for position, stored in enumerate(attachments)
        if isinstance(stored, dict) and stored.get("url")
    ]


def _attachment(id_: str, stored: dict[str, Any]) -> entities.MediaAttachment:
    kind = str(stored.get("media_type") or "").partition("/")[0]
    original = {name: stored[name] for name in ("width", "height", "duration") if stored.get(name)}
    return entities.MediaAttachment(
        id=id_,
        type=kind if kind in _KINDS else "unknown",
        url=stored["url"],
        preview_url=stored["url"] if kind == "image" else None,
        remote_url=stored["url"],
        preview_remote_url=None,
        text_url=None,
        meta={"original": original} if original else {},
        description=stored.get("name") or None,
        blurhash=stored.get("blurhash") or None,
    )


def _application(name: str | None) -> entities.StatusApplication | None:
    return entities.StatusApplication(name=name, website=None) if name else None


def _id(row_id: int | None) -> str | None:
    return None if row_id is None else str(row_id)
