"""Every page drawn with invented data: full, empty, with names that are long or run right to left.

The browser checks look at these, and so may you: `python -m tests.web.gallery DIRECTORY` writes
them with their assets.
"""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from markupsafe import Markup

from fedispace.threads.completeness import Completeness
from fedispace.threads.models import Poll
from fedispace.threads.polls import PollView
from fedispace.web.assets import Assets
from fedispace.web.branches import Branch
from fedispace.web.cards import (
    AskerCard,
    Draft,
    DraftCard,
    FileCard,
    GuestCard,
    Happening,
    Message,
    OnStage,
    PinCard,
    PostCard,
    Profile,
    Question,
    QuoteCard,
    ReactionCard,
    Reader,
    RoomCard,
    Seat,
    Side,
    SpaceCard,
)
from fedispace.web.embedding import Embed
from fedispace.web.faces import Face, hue_of, initials_of
from fedispace.web.history import StateCard
from fedispace.web.poll_cards import PollCard, poll_card
from fedispace.web.reporting import CATEGORIES
from fedispace.web.settings import LANGUAGES
from fedispace.web.stage import BLANK, BLANK_PIN
from fedispace.web.templates import Templates
from fedispace.web.words import happened, quote_in_words

NOW = datetime(2026, 11, 12, 19, 24, tzinfo=UTC)
_PROSE = (
    "<p>There is a kind of reading that only happens when nobody is waiting. "
    'I went back to <a href="https://books.example/slow" rel="nofollow">the slow shelf</a>'
    " this week and found three margins full of my own questions.</p><p>Some of them have answers now.</p>"
)
_RTL = "<p>مساء الخير للجميع. هذه أول مرة أفتح فيها غرفة صوتية هنا، وأتمنى أن تسمعوني جيدًا.</p>"
_LONG = "Aleksandra Wiśniewska-Kowalczyk of the Department of Extraordinarily Long Names and Titles"


def person(number: int, name: str, username: str, host: str = "a.example") -> Face:
    handle = f"@{username}@{host}"
    path = f"/@{username}" if host == "a.example" else f"/@{username}@{host}"
    return Face(
        id=number,
        name=name,
        handle=handle,
        path=path,
        host=host,
        initials=initials_of(name) or "?",
        hue=hue_of(handle),
        picture=None,
    )


ALICE = person(1, "Alice Moreau", "alice")
BOB = person(2, "Bob", "bob", "b.example")
CAROL = person(3, _LONG, "carol_with_a_very_long_name_01", "a-long-instance-name.social.example")
DALIA = person(4, "داليا عبد الرحمن", "dalia", "m.example")
KENJI = person(5, "渡辺 健二", "kenji")
ODD = person(6, "✨", "spark", "b.example")
READER = Reader(face=ALICE, csrf="token")


def post(number: int, by: Face, html: str = _PROSE, **facts: object) -> PostCard:
    values: dict[str, object] = {
        "id": number,
        "uri": f"https://{by.host}/users/x/statuses/{number}",
        "path": f"{by.path}/{number}",
        "author": by,
        "html": Markup(html),
        "title": "",
        "spoiler": "",
        "language": "en",
        "visibility": "public",
        "created_at": NOW - timedelta(minutes=7 * number),
        "edited": False,
        "replies": number % 4,
        "boosts": number * 3 % 7,
        "favourites": number * 331 % 2500,
        "thread_path": f"{by.path}/{number}",
    }
    return PostCard(**{**values, **facts})  # type: ignore[arg-type]


def space(number: int, by: Face, title: str, state: str = "live", **facts: object) -> SpaceCard:
    started = NOW - timedelta(minutes=24, seconds=10) if state in ("live", "ended") else None
    values: dict[str, object] = {
        "id": number,
        "uri": f"https://{by.host}/spaces/{number}",
        "path": f"{by.path}/spaces/{number}",
        "title": title,
        "description": "",
        "host": by,
        "state": state,
        "access": "public",
        "starts_at": NOW + timedelta(days=1),
        "started_at": started,
        "ended_at": NOW if state == "ended" else None,
        "listeners": 84,
        "speakers": (by, ALICE, CAROL, DALIA, KENJI) if state == "live" else (),
        "announcement_id": 40,
    }
    return SpaceCard(**{**values, **facts})  # type: ignore[arg-type]


LIVE = space(
    50,
    BOB,
    "Rust in the browser: what we learned shipping it to people with old phones",
    description="An hour with the people who did it. Bring questions.",
)
MINE = space(51, ALICE, "Reading slowly", mine=True, speakers=(ALICE,), listeners=3)
SOON = space(52, DALIA, "لقاء القراءة الأسبوعي", "scheduled")
PLANNED = space(53, ALICE, "Reading slowly, part two", "scheduled", mine=True)
OVER = space(54, KENJI, "昨日の話", "ended")
OFF = space(55, KENJI, "An evening that is not to be", "cancelled")
FULL = space(56, BOB, "Everybody on stage", topics=("reading", "translation"), language="en", paused=True)
CROWD = (
    BOB,
    ALICE,
    CAROL,
    DALIA,
    KENJI,
    ODD,
    *(
        person(20 + at, name, name.lower(), f"{name.lower()}.example")
        for at, name in enumerate(("Mira", "Noor", "Otto", "Pia", "Quentin", "Rosa", "Sol"))
    ),
)
EMBED = Embed(
    code='<iframe src="https://a.example/embed/spaces/50" width="400" height="200"></iframe>',
    oembed="https://a.example/api/oembed?url=x",
)
PINS = (
    PinCard(id=1, href="/@dalia@m.example/4", title="داليا: مساء الخير للجميع", is_ours=True),
    PinCard(id=2, href="https://books.example/slow", title="The slow shelf", is_ours=False),
)


def inside(card: SpaceCard, *people: Face, **facts: object) -> RoomCard:
    """Return the room of a Space with these people on stage, the first of whom hosts."""
    seats = tuple(
        Seat(
            face=one,
            role="host" if at == 0 else "cohost" if at == 1 else "speaker",
            is_muted=at % 3 == 1,
            is_here=at != 5,
        )
        for at, one in enumerate(people)
    )
    values: dict[str, object] = {
        "seats": seats,
        "limit": 13,
        "api": f"/api/fedispace/v1/spaces/{card.id}",
        "signal": f"/spaces/{card.id}/signal",
        "whep": f"/spaces/{card.id}/whep",
        "whip": f"/spaces/{card.id}/whip",
        "key": f"/stage/{card.id}/pass",
        "domain": "a.example",
        "ics": f"/spaces/{card.id}.ics",
        "pins": PINS if card.is_live else (),
    }
    return RoomCard(**{**values, **facts})  # type: ignore[arg-type]


SIDE = Side(live=(LIVE, MINE), coming=(SOON,))

QUOTED = post(60, DALIA, _RTL)
QUOTING = [
    post(61, BOB, "<p>This is worth a whole evening.</p>", quote=QuoteCard(post=QUOTED)),
    post(62, CAROL, "<p>So is this.</p>", quote=QuoteCard(post=post(63, CAROL)), may_quote="automatic"),
    *(
        post(64 + number, KENJI, "<p>Look.</p>", quote=QuoteCard(words=quote_in_words(state)))
        for number, state in enumerate(("pending", "rejected", "revoked", "deleted", "unauthorized"))
    ),
    post(70, ALICE, quote=QuoteCard(words=quote_in_words("muted_account"), post=post(71, BOB))),
    post(72, BOB, "<p>May I say something?</p>", waits=True, may_quote="manual"),
]
WAITING = [
    AskerCard(
        id=number,
        by=by,
        wants=wants,
        at=NOW - timedelta(minutes=number),
        target_path=f"{ALICE.path}/1",
        post=post(number, by),
    )
    for number, (by, wants) in enumerate(
        (
            (BOB, "asks to reply to your post"),
            (CAROL, "wants to quote your post"),
            (DALIA, "wants to boost your post"),
        ),
        2,
    )
]
FEED = [
    post(
        1,
        KENJI,
        "<p>The tram was empty and the snow was loud.</p>",
        favourited=True,
        boosted=True,
        bookmarked=True,
        muted=True,
        may_quote="automatic",
        reactions=(
            ReactionCard(emoji="❄️", label="❄️", count=12, mine=True),
            ReactionCard(emoji="tram@b.example", label=":tram:", count=1300, mine=False),
            *(ReactionCard(emoji=one, label=one, count=1, mine=False) for one in "👍😂🎉🦊🌍🍵🚋🧣"),
        ),
    ),
    post(2, ALICE, length=5, mine=True),
    post(3, CAROL, _PROSE, boosted_by=BOB, visibility="unlisted"),
    post(4, DALIA, _RTL, language="ar", answers=KENJI),
    post(5, BOB, "<p>🔴 Live now: Rust in the browser. Listen, no account needed.</p>", space=LIVE),
    post(6, ODD, _PROSE, spoiler="The end of a film that is forty years old"),
    post(
        7,
        BOB,
        "<p>A picture from the window, and " + "averyveryverylongword" * 8 + "</p>",
        files=(
            FileCard(
                url="https://b.example/f/1.jpg",
                kind="image",
                description="Rooftops after rain",
                is_ours=False,
            ),
        ),
        visibility="private",
        may_boost=False,
    ),
    post(8, KENJI, "<p>昨日の続き。</p><pre><code>for x in range(10): print(x)</code></pre>", space=OVER),
]


def asked(number: int, *tallies: int, chosen: int | None = None, **facts: object) -> PollCard:
    """Return a poll that is still open, or not: `minutes` from now it ends."""
    options = (
        "Every morning, before anybody else is up",
        "Only where there is snow, and then for as long as it lasts",
        "أبدًا",
        "Never",
    )
    given: dict[str, object] = {"minutes": 90, "multiple": False, "hides_totals": False, **facts}
    poll = Poll(
        id=number,
        options=list(options[: len(tallies)]),
        tallies=list(tallies),
        multiple=given["multiple"],
        hides_totals=given["hides_totals"],
        voters_count=sum(tallies),
        expires_at=NOW + timedelta(minutes=int(str(given["minutes"]))),
        closed=False,
    )
    view = PollView(poll=poll, own_votes=() if chosen is None else (chosen,), mine=False)
    card = poll_card(view)
    assert card is not None
    return card


ASKING = [
    post(31, BOB, "<p>How often do you walk to work?</p>", poll=asked(31, 12, 30, 3, 0), edited=True),
    post(32, KENJI, "<p>And how often should one?</p>", poll=asked(32, 1, 2, 0, multiple=True)),
    post(33, CAROL, "<p>Asked last week.</p>", poll=asked(33, 12, 30, 3, 999, chosen=1, minutes=-600)),
    post(34, DALIA, _RTL, language="ar", poll=asked(34, 5, 6, chosen=0, hides_totals=True)),
]
STATES = [
    StateCard(since=NOW - timedelta(minutes=3), html=Markup(_PROSE), language="en"),
    StateCard(
        since=NOW - timedelta(hours=3),
        html=Markup("<p>There is a kind of reading.</p>"),
        spoiler="Books",
        language="en",
        options=("Yes", "No"),
    ),
    StateCard(since=NOW - timedelta(days=2), html=Markup(_RTL), language="ar"),
]


def pages() -> dict[str, str]:
    """Return every page by the name of its picture."""
    templates = Templates(Assets(), instance="Lantern", account_domain="a.example", version="0.1.0")
    new, answer = Draft(key="k"), Draft(key="k", in_reply_to=1, label="Reply", next="/")
    drawn: dict[str, str] = {}

    def page(picture: str, template: str, here: str, **values: object) -> None:
        reader = values.pop("reader", READER)
        side = values.pop("side", SIDE)
        drawn[picture] = templates.page(
            template,
            now=NOW,
            here=here,
            reader=reader,  # type: ignore[arg-type]
            side=side,  # type: ignore[arg-type]
            **values,  # type: ignore[arg-type]
        )

    size = {"limit": 5000, "most": 25}
    bar = (OnStage(face=BOB, space=LIVE), OnStage(face=DALIA, space=LIVE), OnStage(face=ALICE, space=MINE))
    page("home", "home.html", "/", bar=bar, draft=new, cards=FEED, more="/?max_id=8", **size)
    page("home-empty", "home.html", "/", bar=(), draft=new, cards=[], more="", side=Side(), **size)
    page(
        "welcome",
        "welcome.html",
        "/",
        reader=None,
        description="d",
        live=(LIVE,),
        coming=(SOON,),
        cards=FEED,
        more="",
    )
    page(
        "welcome-empty",
        "welcome.html",
        "/",
        reader=None,
        side=Side(),
        description="d",
        live=(),
        coming=(),
        cards=[],
        more="",
    )
    page("public", "public.html", "/public", local=False, cards=FEED, more="")
    page(
        "tag",
        "tag.html",
        "/tags/tea",
        name="slowreading",
        is_followed=True,
        cards=FEED,
        more="/tags/tea?max_id=8",
    )
    long_tag = "a" * 90
    page("tag-empty", "tag.html", f"/tags/{long_tag}", name=long_tag, is_followed=False, cards=[], more="")
    page(
        "compose",
        "compose.html",
        "/compose",
        draft=Draft(
            posts=("First things first.", "And then, at some length, the second.", ""),
            error="A post may have 5000 characters.",
            spoiler="Length",
        ),
        answered=None,
        quoted=QUOTED,
        **size,
    )
    page(
        "compose-asking",
        "compose.html",
        "/drafts/7",
        draft=Draft(
            posts=("How often do you walk to work?",),
            visibility="private",
            draft_id=7,
            at="2026-11-14T09:00",
            replies="circle",
            quotes="kept",
            question=Question(options=("Every morning", "أبدًا", "Never"), lasts=7200, several=True),
        ),
        answered=None,
        quoted=None,
        **size,
    )
    page(
        "compose-more",
        "compose.html",
        "/compose",
        draft=Draft(key="k", in_reply_to=2, label="Add to thread"),
        answered=FEED[1],
        quoted=None,
        **size,
    )
    page(
        "edit",
        "edit.html",
        "/posts/31/edit",
        draft=Draft(posts=("How often do you walk to work?",), error="A post may have 5000 characters."),
        post=ASKING[0],
        limit=5000,
    )
    about = {"categories": CATEGORIES, "chosen": "spam", "comment": "", "most": 5000}
    page("report", "report.html", "/x", face=BOB, post=FEED[6], is_remote=True, error="", **about)
    wrong = {"post": None, "is_remote": False, "error": "Say what kind of thing it is."}
    page("report-person", "report.html", "/x", face=CAROL, **wrong, **about)
    drafts = [
        DraftCard(id=1, path="/drafts/1", name="", opening="In two hours.", posts=3, changed_at=NOW),
        DraftCard(
            id=2,
            path="/drafts/2",
            name="The long one",
            opening=_LONG + ", " + "averyveryverylongword" * 5,
            posts=1,
            changed_at=NOW - timedelta(days=3),
            failure="The post it answers is gone.",
        ),
    ]
    later = [replace(drafts[0], id=3, scheduled_at=NOW + timedelta(hours=2))]
    page("drafts", "drafts.html", "/drafts", scheduled=later, drafts=drafts, more="/drafts?before=1")
    page("drafts-empty", "drafts.html", "/drafts", scheduled=[], drafts=[], more="")
    page("bookmarks", "bookmarks.html", "/bookmarks", cards=FEED[:2], more="")
    page("bookmarks-empty", "bookmarks.html", "/bookmarks", cards=[], more="")
    liked = {"heading": "Liked by", "post": FEED[1], "more": ""}
    page("liked-by", "people.html", "/x", people=[BOB, CAROL, DALIA], **liked)
    page("liked-by-nobody", "people.html", "/x", people=[], **liked)
    page("requests", "requests.html", "/requests", waiting=WAITING, more="/requests?max_id=2")
    page("requests-empty", "requests.html", "/requests", waiting=[], more="")
    page("quotes", "home.html", "/", bar=(), draft=new, cards=QUOTING, more="", **size)
    line = [
        post(20, ALICE, position=1, length=3, mine=True),
        post(21, ALICE, position=2, length=3, mine=True),
        post(22, ALICE, "<p>That is all.</p>", position=3, length=3, mine=True),
    ]
    replies = [
        post(30, BOB, "<p>I have the same margins.</p>"),
        post(31, CAROL, depth=1),
        post(32, DALIA, _RTL, depth=2),
        post(33, BOB, depth=3),
        post(34, KENJI),
    ]
    deep = Branch(fate="here", card=replies[3], further=7, path="/@bob@b.example/33")
    own = Branch(fate="here", card=post(35, ALICE, "<p>So do I.</p>"), by_author=True, replies=(deep,))
    gone = Branch(fate="deleted", replies=(own, Branch(fate="here", card=replies[2])))
    tree = [
        Branch(fate="here", card=replies[0], replies=(Branch(fate="here", card=replies[1]), gone)),
        Branch(fate="here", card=replies[4]),
    ]
    partly = Completeness(known=38, claimed=40, unavailable=2, is_being_fetched=False)
    alone = Completeness(known=1, claimed=1, unavailable=0, is_being_fetched=False)
    thread = {"before": [], "follows": "", "indexable": True, "draft": answer, "order": "oldest", **size}
    page(
        "thread", "thread.html", "/x", focus=line[0], line=line, replies=tree, total=13, how=partly, **thread
    )
    page(
        "post-alone",
        "thread.html",
        "/x",
        focus=FEED[0],
        line=[FEED[0]],
        replies=[],
        total=0,
        how=alone,
        reader=None,
        **thread,
    )
    page("read", "read.html", "/x/read", line=line, author=ALICE, indexable=True)
    profile = Profile(
        face=CAROL,
        html=Markup("<p>Writes about weather and soft tools.</p>"),
        fields=(
            ("Site", Markup('<a href="https://carol.example">carol.example</a>')),
            ("Pronouns", Markup("she")),
        ),
        posts=1288,
        following=310,
        followers=23_400,
        joined=NOW - timedelta(days=800),
        locked=True,
        bot=False,
        url="https://a.example/@carol",
        uri="https://a.example/users/carol",
        relation="none",
        follows_you=True,
        live=None,
        proven=frozenset({"Site"}),
        moved=KENJI,
    )
    page(
        "profile",
        "profile.html",
        CAROL.path,
        profile=profile,
        pinned=[],
        cards=[post(n, CAROL) for n in (3, 4)],
        more="",
        replies=False,
        indexable=False,
    )
    own = Profile(
        face=ALICE,
        html=Markup(""),
        fields=(),
        posts=0,
        following=0,
        followers=0,
        joined=NOW,
        locked=False,
        bot=False,
        url="https://a.example/@alice",
        uri="https://a.example/users/alice",
        relation="self",
        live=MINE,
    )
    page(
        "profile-own",
        "profile.html",
        ALICE.path,
        profile=own,
        pinned=[],
        cards=[],
        more="",
        replies=False,
        indexable=True,
    )
    mine = SimpleNamespace(
        username="alice", locked=True, discoverable=True, indexable=False, hides_relations=False
    )
    usual = SimpleNamespace(default_visibility="public", default_language="en", default_sensitive=False)
    typed = {
        "name": "Alice Moreau",
        "note": "Reads slowly.\n\n#margins",
        "most": 2000,
        "languages": LANGUAGES,
    }
    pairs = [("Site", "https://alice.example"), ("الضمائر", "هي"), *[("", "")] * 4]
    page(
        "settings",
        "settings.html",
        "/settings/profile",
        account=mine,
        user=usual,
        fields=pairs,
        error="",
        **typed,
    )
    named = [("https://b.example/users/bob", BOB), ("https://gone.example/users/alice", None)]
    page("settings-aliases", "settings_aliases.html", "/settings/aliases", aliases=named, typed="", error="")
    moving = {"typed": "", "error": "That is not your password."}
    page("settings-move", "settings_move.html", "/settings/move", has_moved=False, now_at=None, **moving)
    moved = {"typed": "", "error": ""}
    page("settings-moved", "settings_move.html", "/settings/move", has_moved=True, now_at=BOB, **moved)
    page("settings-delete", "settings_delete.html", "/settings/delete", account=mine, error="")
    listed = {"heading": f"Who follows {BOB.name}", "face": BOB, "url": "https://b.example/@bob", "more": ""}
    everybody = [ALICE, CAROL, DALIA, KENJI, ODD]
    page(
        "relations",
        "relations.html",
        "/x",
        people=everybody,
        is_hidden=False,
        is_remote=True,
        **listed,
    )
    page("relations-hidden", "relations.html", "/x", people=[], is_hidden=True, is_remote=False, **listed)
    page("spaces", "spaces.html", "/spaces", live=(LIVE, MINE), coming=(SOON, PLANNED), ended=(OVER,))
    page("spaces-empty", "spaces.html", "/spaces", live=(), coming=(), ended=(), side=Side())
    form: dict[str, object] = {
        "error": "",
        "action": "/start-a-space",
        "editing": False,
        "title": "",
        "description": "",
        "access": "public",
        "speaks": "request",
        "topics": "",
        "language": "en",
        "starts_at": "",
        "about": None,
        "horizon": 14,
        "back": "/spaces",
    }
    page("start", "start.html", "/start-a-space", **form)
    again: dict[str, object] = {
        **form,
        "topics": "#tea",
        "error": "A Space has at most 3 topics.",
        "about": 7,
    }
    page("start-wrong", "start.html", "/start-a-space", **again)
    change: dict[str, object] = {**form, "editing": True, "title": "Reading slowly", "planned": NOW}
    page("space-edit", "start.html", "/stage/53/edit", **change)

    def room(picture: str, card: SpaceCard, reader: Reader | None, inside: RoomCard, **facts: object) -> None:
        page(
            picture,
            "space.html",
            card.path,
            reader=reader,
            space=card,
            room=inside,
            link=f"https://a.example{card.path}",
            embed=EMBED,
            announcement=post(40, card.host) if card.started_at else None,
            replies=[post(90 + at, one.author, str(one.html)) for at, one in enumerate(replies[:3])]
            if card in (LIVE, FULL)
            else [],
            draft=answer,
            known=reader is not None,
            csrf=reader.csrf if reader else "",
            standing=False,
            blank=BLANK,
            blank_pin=BLANK_PIN,
            **size,
            **facts,
        )

    room("space-live", LIVE, None, inside(LIVE, BOB, ALICE, CAROL, DALIA, KENJI, listeners=(ALICE, ODD)))
    room("space-listening", LIVE, READER, inside(LIVE, BOB, CAROL, KENJI))
    room("space-host", MINE, READER, inside(MINE, ALICE, is_on_stage=True, is_host=True))
    room("space-full", FULL, READER, inside(FULL, *CROWD, is_on_stage=True))
    room("space-planned", PLANNED, READER, inside(PLANNED))
    room("space-soon", SOON, None, inside(SOON, interested=1240))
    room("space-coming", SOON, READER, inside(SOON, is_reminded=True))
    room("space-over", OVER, READER, inside(OVER, pins=()))
    room("space-off", OFF, READER, inside(OFF))
    shared: dict[str, object] = {"link": "https://a.example/@bob/spaces/50", "embed": EMBED, "standing": True}
    page("space-share", "share.html", "/stage/50/share", space=LIVE, room=inside(LIVE), **shared)
    framed: dict[str, object] = {
        "reader": None,
        "side": None,
        "link": "https://a.example/@bob/spaces/50",
        "plays": True,
    }
    for name, card in (("live", LIVE), ("soon", SOON), ("over", OVER)):
        page(f"embed-{name}", "embed.html", "/embed/spaces/50", space=card, **framed)
    page("embed-known", "embed.html", "/embed/spaces/50", space=LIVE, **{**framed, "plays": False})
    page(
        "sign-in",
        "sign_in.html",
        "/auth/sign_in",
        reader=None,
        side=None,
        next="/",
        name="",
        error="",
        app="",
    )
    page(
        "sign-in-wrong",
        "sign_in.html",
        "/auth/sign_in",
        reader=None,
        side=None,
        next="/",
        name="alice",
        error="That name and password do not belong together.",
        app="",
    )
    outside: dict[str, object] = {"reader": None, "side": None}
    nothing: dict[str, object] = {"space": LIVE, "address": "", "error": "", "visits": []}
    page("visit", "visit.html", "/visit", **outside, **nothing)
    blocked = {**nothing, "space": None, "address": "@dan@m.example", "error": "That server is blocked here."}
    page("visit-refused", "visit.html", "/visit", **outside, **blocked)
    guest = GuestCard(face=CAROL, csrf="c")
    known = [
        SimpleNamespace(created_at=NOW - timedelta(hours=number), via=via)
        for number, via in ((1, "link"), (5, "oauth"))
    ]
    page("visit-known", "visit.html", "/visit", **outside, **{**nothing, "guest": guest, "visits": known})
    home = {"host": "a-long-name-for-a-server.example", "url": "https://m.example/oauth/authorize"}
    page("visit-leaving", "visit_leaving.html", "/visit", **outside, **home)
    page("visit-sent", "visit_sent.html", "/visit/link", **outside, handle=CAROL.handle, space=LIVE)
    page("visit-link", "visit_link.html", "/visit/link", **outside, action="/", person=CAROL, space=LIVE)
    keys = [
        SimpleNamespace(id=1, label="OBS at home", used_at=NOW - timedelta(minutes=4)),
        SimpleNamespace(id=2, label="", used_at=None),
    ]
    whip = {"whip_url": "https://a.example/spaces/50/whip", "fresh": "fsk_" + "x" * 43, "error": ""}
    page("stream-keys", "stream_keys.html", "/stage/50/stream_keys", side=None, space=LIVE, keys=keys, **whip)
    app = type("App", (), {"name": "Phanpy"})()
    scopes = [("read", "Read everything you can read"), ("write", "Write posts as you")]
    page(
        "authorize",
        "authorize.html",
        "/x",
        side=None,
        app=app,
        destination="phanpy.example",
        hidden={"a": "b"},
        scopes=scopes,
    )
    page("code", "code.html", "/x", side=None, code="Zk3J0d9cQm")
    nothing: dict[str, object] = {"error": "", "people": [], "cards": [], "found_spaces": []}
    page("search", "search.html", "/search", query="", **nothing)
    page(
        "search-found",
        "search.html",
        "/search",
        query="a",
        **{**nothing, "people": [BOB, CAROL, DALIA], "cards": FEED[:1]},
    )
    page("search-none", "search.html", "/search", query="<script>alert(1)</script>", **nothing)
    events = [
        Happening(id=1, kind="follow", by=CAROL, at=NOW, words="follows you", path=CAROL.path),
        Happening(
            id=2,
            kind="mention",
            by=DALIA,
            at=NOW - timedelta(hours=3),
            words="answered you",
            path="/x",
            excerpt="مساء الخير للجميع",
        ),
        Happening(
            id=3,
            kind="favourite",
            by=BOB,
            at=NOW - timedelta(days=2),
            words="likes your post",
            path="/x",
            excerpt="There is a kind of reading that only happens when nobody is waiting.",
        ),
        Happening(id=4, kind="follow_request", by=KENJI, at=NOW, words="asks to follow you", path="/x"),
        Happening(
            id=5,
            kind="favourite",
            by=CAROL,
            at=NOW - timedelta(days=2),
            words=happened("favourite", many=True),
            path="/x",
            excerpt="Snow.",
            others=331,
            faces=(CAROL, BOB, DALIA, KENJI, ODD),
        ),
        Happening(
            id=6, kind="poll", by=ALICE, at=NOW, words=happened("poll", own=True), path="/x", excerpt="Tea?"
        ),
        *(
            Happening(
                id=10 + number,
                kind=kind,
                by=BOB,
                at=NOW - timedelta(days=3),
                words=happened(kind),
                path="/x",
                excerpt="There is a kind of reading.",
            )
            for number, kind in enumerate(
                (
                    "reblog",
                    "pleroma:emoji_reaction",
                    "status",
                    "update",
                    "poll",
                    "quote",
                    "quoted_update",
                    "pending.reply",
                    "pending.quote",
                )
            )
        ),
    ]
    page("notifications", "notifications.html", "/notifications", events=events, more="")
    said = {"others": 0, "unread": False, "at": NOW, "path": "/x", "excerpt": "See you there.", "mine": False}
    messages = [
        Message(id=1, faces=(CAROL,), **{**said, "unread": True}),
        Message(id=2, faces=(KENJI, CAROL), **{**said, "others": 1, "mine": True}),
    ]
    page("messages", "messages.html", "/messages", messages=messages, more="/messages?max_id=1")
    page("messages-empty", "messages.html", "/messages", messages=[], more="")
    page(
        "confirm",
        "confirm.html",
        "/x",
        question="Delete this thread?",
        loss="All 5 posts go, here and on other servers. Replies by others stay.",
        action="/posts/1/delete",
        next="/",
        back="/",
        choices=[("thread", "Delete all 5 posts"), ("post", "Delete only this post")],
        post=line[0],
    )
    asked_too = [Branch(fate="here", card=card) for card in ASKING[1:]]
    page(
        "polls",
        "thread.html",
        "/x",
        focus=ASKING[0],
        line=[ASKING[0]],
        replies=asked_too,
        total=3,
        how=alone,
        **thread,
    )
    page(
        "history",
        "history.html",
        "/@bob@b.example/31/history",
        author=BOB,
        path="/@bob@b.example/31",
        states=STATES,
    )
    page(
        "error",
        "error.html",
        "/x",
        heading="Nothing here",
        detail="It was deleted, or it never was, or it is not for you.",
        way_on="/",
        way_word="Go home",
    )
    return drawn


def write(directory: Path) -> list[str]:
    """Write the pages and their assets so that a plain file server can show them."""
    assets = Assets()
    (directory / "assets").mkdir(parents=True, exist_ok=True)
    for asset in assets.all():
        (directory / asset.url.lstrip("/")).write_bytes(asset.body)
    drawn = pages()
    for name, html in drawn.items():
        (directory / f"{name}.html").write_text(html)
    return list(drawn)


if __name__ == "__main__":
    print("\n".join(write(Path(sys.argv[1]))))
