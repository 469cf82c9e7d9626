"""A draft opened on the web and kept again is what it was, but for what was changed."""

import re
from dataclasses import replace

import pytest

from fedispace.accounts.models import Account
from fedispace.threads.drafts import own
from fedispace.threads.manuscript import Manuscript, packed, unpacked
from fedispace.threads.models import ThreadDraft
from fedispace.threads.policies import NOBODY, Parties
from fedispace.threads.polls import PollDraft
from fedispace.threads.written import Draft
from tests.web.house import House, Seen, Visitor

WHOLE = Manuscript(
    posts=(
        Draft(text="One.", spoiler="Tea", sensitive=True),
        Draft(text="Two?", poll=PollDraft(options=("yes", "no"), expires_in=7200, hides_totals=True)),
        Draft(text="Three.", spoiler="Coffee", sensitive=True),
    ),
    visibility="unlisted",
    language="fr",
    application="Another",
    policy={
        "reply": Parties(automatic=frozenset({"author", "following"}), manual=frozenset({"public"})),
        "quote": Parties(automatic=frozenset({"https://b.example/users/bob", "author"})),
        "favourite": NOBODY,
    },
)


async def _alice(house: House) -> Account:
    async with house.app.db.reading() as tx:
        found = await house.app.people.by_handle(tx, "alice")
    assert found is not None
    return found


async def _kept(house: House, draft_id: int) -> Manuscript:
    async with house.app.db.reading() as tx:
        return unpacked((await own(tx, (await _alice(house)).id, draft_id)).thread)


def typed(page: Seen) -> list[tuple[str, str]]:
    """Return what a browser sends of the composer when nothing is changed."""
    form = re.search(r'<form class="compose".*?</form>', page.text, re.DOTALL)
    assert form is not None
    found: list[tuple[str, str]] = []
    for tag in re.findall(r"<input[^>]*>", form[0]):
        facts = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if facts.get("type") != "checkbox" or " checked" in tag:
            found.append((facts["name"], facts.get("value", "")))
    for name, inside in re.findall(r'<select name="(\w+)"[^>]*>(.*?)</select>', form[0], re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', inside)
        found.append((name, chosen[1] if chosen else ""))
    found += [("post", text) for text in re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", form[0], re.DOTALL)]
    return found


async def test_nothing_of_a_draft_of_another_client_is_lost_by_opening_it(
    house: House, alice: Visitor
) -> None:
    alice_id = (await _alice(house)).id
    now = house.clock.now()
    async with house.app.db.transaction() as tx:
        tx.add(
            ThreadDraft(
                id=7, account_id=alice_id, name="", thread=packed(WHOLE), created_at=now, updated_at=now
            )
        )
    page = await alice.get("/drafts/7")
    assert "As it was set elsewhere" in page.text
    kept = await alice.post("/compose", [*typed(page), ("do", "save")])
    assert "Kept as a draft" in kept.words
    assert await _kept(house, 7) == replace(WHOLE, application="Web")


async def test_a_draft_is_finished_on_another_device(house: House, alice: Visitor) -> None:
    page = await alice.get("/compose")
    fields = [field for field in typed(page) if field[0] not in ("post", "option")]
    await alice.post(
        "/compose",
        [*fields, ("post", "Half"), ("post", "done"), ("option", "a"), ("option", "b"), ("do", "save")],
    )
    phone = house.stranger()
    await phone.sign_in("alice")
    [path] = re.findall(r'href="(/drafts/\d+)"', (await phone.get("/drafts")).text)
    opened = await phone.get(path)
    assert "Half" in opened.text
    home = await phone.post("/compose", typed(opened))
    assert "Posted." in home.words
    assert "2 posts · read on" in home.words
    assert 'value="0"' in (await (await _read_by_bob(house)).get("/@alice")).text


async def _read_by_bob(house: House) -> Visitor:
    return await house.person("bob")


async def test_a_question_with_one_answer_is_told_and_nothing_is_lost(alice: Visitor) -> None:
    page = await alice.get("/compose")
    seen = await alice.submit(page, "/compose", ("post", "Tea?"), ("option", "yes"), ("several", "1"))
    assert seen.status == 422
    assert "2 to 8 options" in seen.words
    assert 'value="yes"' in seen.text


async def test_more_ways_to_post_keep_what_was_typed_at_home(alice: Visitor) -> None:
    home = await alice.get("/")
    assert 'name="option"' not in home.text
    more = await alice.submit(
        home, "/compose", ("post", "Started"), ("visibility", "private"), ("do", "more")
    )
    assert "Started" in more.text
    assert 'name="option"' in more.text
    assert re.search(r'value="private" selected', more.text)


@pytest.mark.privacy("P-17")
async def test_choosing_followers_says_that_other_servers_are_only_asked(alice: Visitor) -> None:
    assert "They cannot be made to." in (await alice.get("/compose")).words
