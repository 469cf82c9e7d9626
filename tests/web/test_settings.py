"""Settings, as a browser without scripts uses them: the profile, moving, deleting, lists. Refusals first."""

from fedispace.accounts.models import Account
from tests.factories import PASSWORD
from tests.web.house import House, Visitor


async def _account(house: House, name: str) -> Account | None:
    async with house.app.db.reading() as tx:
        return await house.app.people.by_handle(tx, name)


async def test_a_stranger_has_no_settings(stranger: Visitor) -> None:
    for page in ("profile", "aliases", "move", "delete"):
        seen = await stranger.get(f"/settings/{page}", follow=False)
        assert (seen.status, seen.headers["Location"][:14]) == (303, "/auth/sign_in?")


async def test_a_refused_profile_keeps_what_was_typed(house: House, alice: Visitor) -> None:
    page = await alice.get("/settings/profile")
    seen = await alice.submit(
        page, "/settings/profile", ("display_name", "x" * 101), ("note", "Hello <b>"), ("privacy", "public")
    )
    assert seen.status == 422
    assert "at most 100 characters" in seen.words
    assert "Hello &lt;b&gt;" in seen.text
    account = await _account(house, "alice")
    assert account is not None
    assert account.note == ""


async def test_a_profile_is_edited_and_seen(alice: Visitor, stranger: Visitor) -> None:
    page = await alice.get("/settings/profile")
    seen = await alice.submit(
        page,
        "/settings/profile",
        ("display_name", "Alice M."),
        ("note", "Likes #tea\n\nand quiet"),
        ("field_name", "Site"),
        ("field_value", "https://alice.example"),
        ("field_name", ""),
        ("field_value", ""),
        ("locked", "1"),
        ("hides_relations", "1"),
        ("privacy", "unlisted"),
        ("language", "de"),
    )
    assert "Saved." in seen.words
    assert "Likes #tea" in seen.text
    profile = await stranger.get("/@alice")
    assert "Alice M." in profile.words
    assert "approves followers" in profile.words
    assert 'href="https://alice.example"' in profile.text
    assert profile.headers["X-Robots-Tag"] == "noindex"
    hidden = await stranger.get("/@alice/followers")
    assert "This list is not shown" in hidden.words
    composing = await alice.get("/compose")
    assert 'value="unlisted" selected' in composing.text or 'value="unlisted" checked' in composing.text


async def test_only_who_lets_search_engines_in_is_indexed(house: House, alice: Visitor, bob: Visitor) -> None:
    page = await alice.get("/settings/profile")
    await alice.submit(page, "/settings/profile", ("indexable", "1"), ("privacy", "public"))
    for visitor, name in ((alice, "alice"), (bob, "bob")):
        home = await visitor.get("/")
        await visitor.submit(home, "/compose", ("post", f"by {name}"), ("visibility", "public"))
        seen = await house.stranger().get(f"/@{name}")
        assert ("X-Robots-Tag" in seen.headers) == (name == "bob")
        path = seen.text.split(f'href="/@{name}/')[1:]
        post = next(part.split('"')[0] for part in path if part[0].isdigit())
        seen = await house.stranger().get(f"/@{name}/{post}")
        assert ("X-Robots-Tag" in seen.headers) == (name == "bob")


async def test_an_account_is_deleted_only_with_its_name_and_password(house: House, alice: Visitor) -> None:
    home = await alice.get("/")
    await alice.submit(home, "/compose", ("post", "Goodbye soon"), ("visibility", "public"))
    for typed, secret in (("bob", PASSWORD), ("alice", "wrong password"), ("", "")):
        page = await alice.get("/settings/delete")
        seen = await alice.submit(page, "/settings/delete", ("name", typed), ("password", secret))
        assert seen.status == 422
    assert "Goodbye soon" in (await house.stranger().get("/@alice")).words
    other = house.stranger()
    assert (await other.sign_in("alice")).status == 303
    page = await alice.get("/settings/delete")
    seen = await alice.submit(page, "/settings/delete", ("name", "@Alice"), ("password", PASSWORD))
    assert "Your account is deleted." in seen.words
    assert (await house.stranger().get("/@alice")).status == 404
    assert (await other.get("/settings/profile", follow=False)).status == 303
    assert (await house.stranger().sign_in("alice")).status == 401
    await house.app.worker.settle()
    assert await _account(house, "alice") is None


async def test_passwords_are_not_guessed_on_the_way_out(alice: Visitor) -> None:
    for _ in range(6):
        page = await alice.get("/settings/delete")
        seen = await alice.submit(page, "/settings/delete", ("name", "alice"), ("password", "a guess"))
    assert seen.status == 429


async def test_moving_needs_the_other_account_and_the_password(
    house: House, alice: Visitor, bob: Visitor
) -> None:
    page = await alice.get("/settings/move")
    seen = await alice.submit(page, "/settings/move", ("target", "@bob"), ("password", "wrong password"))
    assert (seen.status, "not your password" in seen.words) == (422, True)
    seen = await alice.submit(page, "/settings/move", ("target", "@bob"), ("password", PASSWORD))
    assert (seen.status, "as its alias" in seen.words) == (422, True)
    aliases = await bob.get("/settings/aliases")
    named = await bob.submit(aliases, "/settings/aliases", ("alias", "@alice"))
    assert "@alice@" in named.words
    seen = await alice.submit(page, "/settings/move", ("target", "@bob"), ("password", PASSWORD))
    assert "You have moved" in seen.words
    profile = await bob.get("/@alice")
    assert "has moved to" in profile.words
    assert "Go to the new account" in profile.words
    undone = await alice.submit(seen, "/settings/move", ("undo", "1"))
    assert "Move to another account" in undone.words
    account = await _account(house, "bob")
    assert account is not None
    gone = await bob.submit(named, "/settings/aliases", ("remove", account.also_known_as[0]))
    assert "You have named no other account" in gone.words


async def test_somebody_is_muted_and_blocked_from_their_page(alice: Visitor, bob: Visitor) -> None:
    page = await alice.get("/@bob")
    number = page.text.split("/people/")[1].split("/")[0]
    await alice.submit(page, f"/people/{number}/follow")
    listed = await alice.get("/@bob/followers")
    assert "Alice" in listed.words
    muted = await alice.submit(page, f"/people/{number}/mute")
    assert "You will not see what they write." in muted.words
    assert "Unmute" in muted.words
    blocked = await alice.submit(page, f"/people/{number}/block")
    assert "Unblock" in blocked.words
    assert "Alice" not in (await bob.get("/@bob/followers")).words.split("Who follows")[-1]
