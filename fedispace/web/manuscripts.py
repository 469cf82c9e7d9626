"""What the composer's form says, and a kept draft as that form shows it.

The form knows less than a draft can hold: other clients give each post its own content warning, say who
may like, or name single people in a policy. What the form does not show, it leaves as it was.
"""

from dataclasses import replace
from datetime import datetime

from fedispace.errors import Invalid
from fedispace.threads.audience import parse_visibility
from fedispace.threads.compose import MAX_POSTS
from fedispace.threads.manuscript import Manuscript
from fedispace.threads.models import ThreadDraft
from fedispace.threads.policies import Kind, Parties
from fedispace.threads.polls import MAX_OPTION, MAX_OPTIONS, PollDraft
from fedispace.threads.written import Draft as Typed
from fedispace.web.cards import Draft, Question
from fedispace.web.interactions import KEPT, chosen_words, quote_word, reply_word
from fedispace.web.origin import safe_next
from fedispace.web.routing import Asked, number

_A_DAY = 86_400
_MAX_TYPED = MAX_OPTION * 4


def typed(asked: Asked, key: str) -> Draft:
    """Return the form as it came; `key` is for one that has none."""
    return Draft(
        posts=tuple(asked.texts("post"))[:MAX_POSTS] or ("",),
        spoiler=asked.text("spoiler").strip(),
        visibility=asked.text("visibility", "public"),
        in_reply_to=number(asked.text("in_reply_to")),
        next=safe_next(asked.text("next")),
        key=asked.text("key")[:64] or key,
        draft_id=number(asked.text("draft")),
        at=asked.text("at")[:32],
        quote=number(asked.text("quote")),
        replies=asked.text("replies")[:16],
        quotes=asked.text("quotes")[:16],
        question=_question(asked),
        label=asked.text("label")[:32] or ("Reply" if asked.text("in_reply_to") else "Post"),
    )


def manuscript(draft: Draft, before: Manuscript | None = None) -> Manuscript:
    """Return what was typed as a thread; raises `Invalid` when that is nothing.

    `before` is the draft that was opened: what the form does not show is taken from there.
    """
    return Manuscript(
        posts=tuple(_posts(draft, before)),
        visibility=parse_visibility(draft.visibility),
        in_reply_to_id=draft.in_reply_to,
        language=before.language if before else None,
        application="Web",
        quiet_continuation=before.quiet_continuation if before else True,
        quoted_id=draft.quote,
        policy=_policy(draft, before) or None,
    )


def opened(row: ThreadDraft, kept: Manuscript, *, visibility: str, key: str, error: str = "") -> Draft:
    """Return a kept draft as the form shows it; `visibility` is for one that does not say."""
    policy = kept.policy or {}
    failure = f"It was not published: {row.failure}" if row.failure else ""
    return Draft(
        posts=tuple(post.text for post in kept.posts) or ("",),
        spoiler=kept.posts[0].spoiler if kept.posts else "",
        visibility=kept.visibility or visibility,
        in_reply_to=kept.in_reply_to_id,
        quote=kept.quoted_id,
        replies=reply_word(policy.get("reply")),
        quotes=quote_word(policy.get("quote")),
        question=_asked_in(kept),
        key=key,
        draft_id=row.id,
        at=_local(row.scheduled_at),
        error=error or failure,
        label="Reply" if kept.in_reply_to_id else "Post",
    )


def _question(asked: Asked) -> Question:
    return Question(
        options=tuple(option.strip()[:_MAX_TYPED] for option in asked.texts("option"))[: MAX_OPTIONS + 1],
        lasts=number(asked.text("lasts")) or _A_DAY,
        several=asked.text("several") == "1",
        secret=asked.text("secret") == "1",
        post=min(number(asked.text("asked_in")) or 0, MAX_POSTS - 1),
    )


def _asked_in(kept: Manuscript) -> Question:
    for index, post in enumerate(kept.posts):
        if post.poll is not None:
            return Question(
                options=post.poll.options,
                lasts=post.poll.expires_in,
                several=post.poll.multiple,
                secret=post.poll.hides_totals,
                post=index,
            )
    return Question()


def _posts(draft: Draft, before: Manuscript | None) -> list[Typed]:
    """Return what was typed, without the boxes left empty."""
    given = tuple(option for option in draft.question.options if option)
    poll = None
    if given:
        poll = PollDraft(
            options=given,
            expires_in=draft.question.lasts,
            multiple=draft.question.several,
            hides_totals=draft.question.secret,
        )
    at = min(draft.question.post, len(draft.posts) - 1)
    earlier = before.posts if before else ()
    posts: list[Typed] = []
    for index, text in enumerate(draft.posts):
        asks = poll if index == at else None
        if text.strip() or asks:
            post = Typed(text=text, spoiler=draft.spoiler, sensitive=bool(draft.spoiler), poll=asks)
            posts.append(_as_warned(post, earlier[0], earlier[index]) if index < len(earlier) else post)
    if not posts and draft.quote:
        return [Typed(text="", spoiler=draft.spoiler, sensitive=bool(draft.spoiler))]
    if not posts:
        raise Invalid("Write something first.")
    return posts


def _as_warned(post: Typed, first: Typed, was: Typed) -> Typed:
    """Return the post with the warning it had when that was not the thread's: the form shows one for all."""
    if was.spoiler == first.spoiler:
        return replace(post, sensitive=post.sensitive or (was.sensitive and not was.spoiler))
    return replace(post, spoiler=was.spoiler, sensitive=was.sensitive)


def _policy(draft: Draft, before: Manuscript | None) -> dict[Kind, Parties]:
    kept = dict(before.policy or {}) if before else {}
    for kind, word in (("reply", draft.replies), ("quote", draft.quotes)):
        if word != KEPT:
            kept.pop(kind, None)  # type: ignore[call-overload]
    return {**kept, **chosen_words(draft.replies, draft.quotes)}


def _local(at: datetime | None) -> str:
    return f"{at:%Y-%m-%dT%H:%M}" if at else ""
