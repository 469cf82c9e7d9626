"""Polls and edits, read and answered without scripts."""

from fedispace.accounts.models import Account
from fedispace.threads.polls import PollDraft
from fedispace.threads.written import Draft
from tests.web.house import House, Visitor

TEA = PollDraft(options=("tea <b>", "coffee"), expires_in=3600)


async def _alice(house: House) -> Account:
    async with house.app.db.reading() as tx:
        found = await house.app.people.by_handle(tx, "alice")
    assert found is not None
    return found


async def _ask(house: House, poll: PollDraft = TEA) -> str:
    """Ask as alice, and return the path of the post."""
    author = await _alice(house)
    (status,) = await house.app.publishing.publish(author, [Draft(text="Which?", poll=poll)])
    return f"/@{author.username}/{status.id}"


async def test_a_poll_is_answered_with_a_form_and_shows_how_it_stands(
    house: House, alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    path = await _ask(house)
    vote = f"/posts/{path.rpartition('/')[2]}/vote"
    page = await bob.get(path)
    assert page.text.count('type="radio"') == 2
    assert "tea &lt;b&gt;" in page.text
    nothing = await bob.submit(page, vote)
    assert nothing.status == 422
    after = await bob.submit(page, vote, ("choice", "0"))
    assert 'type="radio"' not in after.text
    assert "100 %" in after.words
    assert "1 person voted" in after.words
    again = await bob.submit(page, vote, ("choice", "1"))
    assert "You have already voted on this poll." in again.words
    seen = await stranger.get(path)
    assert 'type="radio"' not in seen.text
    assert "sign in to vote" in seen.words
    own = await alice.get(path)
    assert 'type="radio"' not in own.text


async def test_a_poll_that_keeps_its_counts_shows_none_before_its_end(
    house: House, alice: Visitor, bob: Visitor
) -> None:
    path = await _ask(house, PollDraft(options=("a", "b"), expires_in=300, hides_totals=True))
    vote = f"/posts/{path.rpartition('/')[2]}/vote"
    voted = await bob.submit(await bob.get(path), vote, ("choice", "0"))
    assert " %" not in voted.words
    assert "results are shown when it ends" in voted.words
    house.clock.advance(minutes=6)
    over = await bob.get(path)
    assert "100 %" in over.words
    assert "ended" in over.words


async def test_an_edited_post_links_to_what_it_said(house: House, alice: Visitor, stranger: Visitor) -> None:
    author = await _alice(house)
    (status,) = await house.app.publishing.publish(author, [Draft(text="Before <i>")])
    path = f"/@{author.username}/{status.id}"
    assert "edited" not in (await stranger.get(path)).words
    house.clock.advance(minutes=1)
    await house.app.editing.edit(author, status.id, Draft(text="After"))
    assert f'href="{path}/history"' in (await stranger.get(path)).text
    seen = await stranger.get(f"{path}/history")
    assert seen.words.index("After") < seen.words.index("Before <i>")


async def test_what_one_may_not_see_has_no_history(house: House, alice: Visitor, stranger: Visitor) -> None:
    author = await _alice(house)
    (status,) = await house.app.publishing.publish(
        author, [Draft(text="For followers")], visibility="private"
    )
    missing = await stranger.get("/@alice/12345/history")
    hidden = await stranger.get(f"/@alice/{status.id}/history")
    assert (hidden.status, missing.status) == (404, 404)
    assert hidden.words == missing.words
