"""Changing a post, telling the moderators of one, adding to a thread, and listening less or more."""

import re

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.moderation.models import Report
from fedispace.threads.polls import PollDraft
from fedispace.threads.written import Draft
from tests.web.house import House, Visitor


async def _known(house: House, name: str) -> Account:
    async with house.app.db.reading() as tx:
        found = await house.app.people.by_handle(tx, name)
    assert found is not None
    return found


async def _post(house: House, text: str = "Frist!", poll: PollDraft | None = None) -> int:
    alice = await _known(house, "alice")
    (status,) = await house.app.publishing.publish(alice, [Draft(text=text, poll=poll)])
    return status.id


async def test_a_post_is_changed_and_its_history_shows_both(house: House, alice: Visitor) -> None:
    id_ = await _post(house)
    form = await alice.get(f"/posts/{id_}/edit")
    assert "Frist!" in form.text
    seen = await alice.submit(form, f"/posts/{id_}/edit", ("post", "First!"), ("spoiler", "News"))
    assert "Changed." in seen.words
    assert "First!" in seen.words
    said = (await alice.get(f"/@alice/{id_}/history")).words
    assert "First!" in said
    assert "Frist!" in said


async def test_nobody_changes_a_post_of_somebody_else(house: House, alice: Visitor, bob: Visitor) -> None:
    id_ = await _post(house)
    assert (await bob.get(f"/posts/{id_}/edit")).status == 403
    page = await bob.get(f"/@alice/{id_}")
    forged = await bob.submit(page, "/compose", ("post", "hello"))
    token = forged.fields("/compose")["csrf"]
    assert (await bob.post(f"/posts/{id_}/edit", {"csrf": token, "post": "Bob was here"})).status == 403
    assert "Bob was here" not in (await bob.get(f"/@alice/{id_}")).text


async def test_an_edit_leaves_a_question_and_its_votes_alone(
    house: House, alice: Visitor, bob: Visitor
) -> None:
    id_ = await _post(house, "Tee?", PollDraft(options=("yes", "no"), expires_in=3600))
    page = await bob.get(f"/@alice/{id_}")
    await bob.submit(page, f"/posts/{id_}/vote", ("choice", "0"))
    form = await alice.get(f"/posts/{id_}/edit")
    assert "Its question stays as it is." in form.words
    seen = await alice.submit(form, f"/posts/{id_}/edit", ("post", "Tea?"))
    assert "Tea?" in seen.words
    assert "1 person voted" in seen.words
    assert "100 %" in seen.words


async def test_an_empty_edit_is_told_and_the_post_stays(house: House, alice: Visitor) -> None:
    id_ = await _post(house)
    form = await alice.get(f"/posts/{id_}/edit")
    assert (await alice.submit(form, f"/posts/{id_}/edit", ("post", " "))).status == 422
    assert "Frist!" in (await alice.get(f"/@alice/{id_}")).words


async def test_a_post_is_reported_with_a_form(house: House, alice: Visitor, bob: Visitor) -> None:
    id_ = await _post(house)
    form = await bob.get(f"/posts/{id_}/report")
    path = f"/posts/{id_}/report"
    assert (await bob.submit(form, path)).status == 422
    thanks = await bob.submit(form, path, ("category", "spam"), ("comment", "Again."), ("forward", "1"))
    assert "The moderators will look at it." in thanks.words
    async with house.app.db.reading() as tx:
        (report,) = (await tx.scalars(select(Report))).all()
    assert (report.category, report.comment, report.forwarded) == ("spam", "Again.", False)
    assert [uri.rpartition("/")[2] for uri in report.objects] == [str(id_)]
    assert (await alice.get(f"/posts/{id_}/report")).status == 403


@pytest.mark.privacy("P-03")
async def test_a_post_one_may_not_see_is_neither_reported_nor_followed(
    house: House, alice: Visitor, bob: Visitor
) -> None:
    author = await _known(house, "alice")
    (status,) = await house.app.publishing.publish(author, [Draft(text="Psst.")], visibility="private")
    token = (await bob.get("/")).fields("/compose")["csrf"]
    assert (await bob.get(f"/posts/{status.id}/report")).status == 404
    for what in ("follow", "mute"):
        seen = await bob.post(f"/posts/{status.id}/attention", {"csrf": token, "what": what})
        assert seen.status == 404


async def test_a_conversation_is_followed_and_muted_from_its_page(
    house: House, alice: Visitor, bob: Visitor
) -> None:
    id_ = await _post(house)
    path, form = f"/@alice/{id_}", f"/posts/{id_}/attention"
    seen = await bob.submit(await bob.get(path), form, ("what", "author"))
    assert "You will be told of new replies." in seen.words
    assert "Stop following" in seen.words
    seen = await bob.submit(seen, form, ("what", "unfollow"))
    assert "Stop following" not in seen.words
    seen = await bob.submit(seen, form, ("what", "mute"))
    assert "Unmute conversation" in seen.words
    assert (await bob.submit(seen, form, ("what", "nonsense"))).status == 422


async def test_a_thread_is_continued_and_stays_one_thread(house: House, alice: Visitor, bob: Visitor) -> None:
    id_ = await _post(house, "Day one.")
    form = await alice.get(f"/compose?add_to={id_}")
    assert "Add to thread" in form.words
    await alice.submit(form, "/compose", ("post", "Day two."), ("visibility", "public"))
    assert "A thread of 2 posts" in (await alice.get(f"/@alice/{id_}")).words
    assert (await bob.get(f"/compose?add_to={id_}")).status == 403


async def test_a_hashtag_is_followed_on_its_page(alice: Visitor) -> None:
    page = await alice.get("/tags/tea")
    seen = await alice.submit(page, "/tags/tea/follow")
    assert "Following" in seen.words
    assert "Following" not in (await alice.submit(seen, "/tags/tea/unfollow")).words


async def test_somebody_is_muted_for_an_hour(house: House, alice: Visitor, bob: Visitor) -> None:
    page, her = await bob.get("/@alice"), (await _known(house, "alice")).id
    await bob.submit(page, f"/people/{her}/mute", ("seconds", "3600"))
    assert "Unmute" in (await bob.get("/@alice")).words
    house.clock.advance(seconds=3601)
    assert "Unmute" not in (await bob.get("/@alice")).words


async def test_many_likes_are_one_line(house: House, alice: Visitor) -> None:
    id_ = await _post(house)
    for name in ("bob", "carol"):
        visitor = await house.person(name)
        await visitor.submit(await visitor.get(f"/@alice/{id_}"), f"/posts/{id_}/favourite")
    said = (await alice.get("/notifications")).words
    assert "Carol and 1 other like your post" in said
    assert len(re.findall("like your post", said)) == 1
