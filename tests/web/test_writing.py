"""Posting, answering, boosting and deleting, as a browser without scripts does it."""

import re

from tests.web.house import House, Visitor


async def _post(visitor: Visitor, *texts: str, visibility: str = "public") -> str:
    """Post a thread and return the path of its first post."""
    page = await visitor.get("/")
    typed = [("post", text) for text in texts]
    seen = await visitor.submit(page, "/compose", *typed, ("visibility", visibility))
    assert seen.status == 200, seen.words
    first: str = re.findall(r'href="(/@\w+/\d+)"', seen.text)[0]
    return first


async def test_a_thread_is_posted_and_read_without_scripts(alice: Visitor, stranger: Visitor) -> None:
    page = await alice.get("/")
    one_more = await alice.submit(
        page, "/compose", ("post", "First."), ("visibility", "public"), ("add", "1")
    )
    assert one_more.text.count('<textarea name="post"') == 2
    assert "First." in one_more.text
    home = await alice.submit(
        one_more, "/compose", ("post", "First."), ("post", "Second."), ("visibility", "public")
    )
    assert "2 posts · read on" in home.words
    assert "Second." not in home.text
    [path] = re.findall(r'class="readon" href="([^"]+)"', home.text)
    thread = await stranger.get(path)
    assert thread.words.index("First.") < thread.words.index("Second.")
    assert "A thread of 2 posts" in thread.words


async def test_a_refused_post_keeps_what_was_typed(alice: Visitor) -> None:
    page = await alice.get("/")
    seen = await alice.submit(page, "/compose", ("post", "x" * 5001), ("visibility", "public"))
    assert seen.status == 422
    assert "A post has at most 5000 characters." in seen.words
    assert "x" * 5001 in seen.text


async def test_nothing_is_not_posted(alice: Visitor) -> None:
    seen = await alice.submit(await alice.get("/"), "/compose", ("post", "  "), ("visibility", "public"))
    assert (seen.status, "Write something first." in seen.words) == (422, True)


async def test_a_form_sent_twice_posts_once(alice: Visitor) -> None:
    page = await alice.get("/")
    for _ in range(2):
        home = await alice.submit(page, "/compose", ("post", "only once"), ("visibility", "public"))
    assert home.text.count("only once") == 1


async def test_a_post_is_answered_on_its_page(alice: Visitor, bob: Visitor) -> None:
    path = await _post(alice, "What do you think?")
    seen = await bob.submit(
        await bob.get(path), "/compose", ("post", "I think so."), ("visibility", "public")
    )
    assert seen.path.split("#")[0] == path
    assert "1 reply" in seen.words
    assert "I think so." in seen.words
    assert "wrote to you" in (await alice.get("/notifications")).words


async def test_what_somebody_wrote_cannot_become_markup(alice: Visitor, stranger: Visitor) -> None:
    path = await _post(alice, '<script>alert(1)</script><img src=x onerror="alert(1)">')
    seen = await stranger.get(path)
    assert "<script>alert" not in seen.text
    assert "<img src=x" not in seen.text


async def test_a_press_is_shown_and_taken_back(alice: Visitor, bob: Visitor) -> None:
    path = await _post(alice, "Something to like.")
    number = path.rpartition("/")[2]
    for verb, word in (("favourite", "Like"), ("boost", "Boost")):
        page = await bob.get(path)
        pressed = await bob.submit(page, f"/posts/{number}/{verb}")
        assert re.search(rf'aria-pressed="true" aria-label="{word}, 1 so far"', pressed.text)
        back = await bob.submit(pressed, f"/posts/{number}/un{verb}")
        assert re.search(rf'aria-pressed="false" aria-label="{word}"', back.text)


async def test_a_script_gets_the_one_post_that_changed(alice: Visitor) -> None:
    path = await _post(alice, "Something to like.")
    number = path.rpartition("/")[2]
    page = await alice.get(path)
    action = f"/posts/{number}/favourite"
    seen = await alice.post(action, page.fields(action), headers={"X-Piece": "post"})
    assert seen.text.count("<article") == 1
    assert "<html" not in seen.text
    assert 'aria-pressed="true"' in seen.text


async def test_deleting_asks_first_and_names_what_is_lost(alice: Visitor, stranger: Visitor) -> None:
    path = await _post(alice, "One.", "Two.")
    asks = await alice.get(f"/posts/{path.rpartition('/')[2]}/delete")
    assert "Delete all 2 posts" in asks.words
    await alice.submit(asks, f"/posts/{path.rpartition('/')[2]}/delete", ("what", "thread"))
    assert (await stranger.get(path)).status == 404


async def test_nobody_deletes_the_post_of_another(house: House, alice: Visitor, bob: Visitor) -> None:
    path = await _post(alice, "Mine.")
    number = path.rpartition("/")[2]
    assert (await bob.get(f"/posts/{number}/delete")).status == 403
    token = (await bob.get("/")).fields("/compose")["csrf"]
    assert (await bob.post(f"/posts/{number}/delete", {"csrf": token, "what": "post"})).status in (403, 404)
    assert (await bob.get(path)).status == 200


async def test_what_one_may_not_see_looks_like_what_is_not_there(alice: Visitor, stranger: Visitor) -> None:
    path = await _post(alice, "Only for followers.", visibility="private")
    number = path.rpartition("/")[2]
    hidden, absent = await stranger.get(path), await stranger.get(path.replace(number, "1"))
    assert hidden.status == absent.status == 404
    assert hidden.text.replace(number, "1").replace("//1", "/1") == absent.text
    assert "Only for followers." not in (await stranger.get("/@alice")).text


async def test_a_machine_is_sent_to_the_object(alice: Visitor, house: House) -> None:
    path = await _post(alice, "For machines too.")
    for page in (path, "/@alice"):
        seen = await house.stranger().get(page, follow=False, accept="application/activity+json")
        assert seen.status == 302
        assert seen.headers["Location"].startswith(f"{house.origin}/users/alice")


async def test_following_fills_the_home(alice: Visitor, bob: Visitor) -> None:
    await _post(alice, "Good evening.")
    assert "Good evening." not in (await bob.get("/")).words
    page = await bob.get("/@alice")
    [action] = re.findall(r'action="(/people/\d+/follow)"', page.text)
    followed = await bob.submit(page, action)
    assert "You follow them now." in followed.words
    assert "Good evening." in (await bob.get("/")).words
    assert "follows you" in (await alice.get("/notifications")).words
    await bob.submit(followed, action.replace("/follow", "/unfollow"))
    assert "Good evening." not in (await bob.get("/")).words


async def test_a_name_is_found_and_a_search_is_escaped(alice: Visitor, stranger: Visitor) -> None:
    assert "Alice Moreau" in (await stranger.get("/search?q=ali")).words
    seen = await stranger.get('/search?q="><script>alert(1)</script>')
    assert "<script>alert" not in seen.text
