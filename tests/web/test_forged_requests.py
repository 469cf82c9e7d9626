"""A page of another site must not be able to act as somebody who is signed in here."""

import re

import pytest

from fedispace.web.origin import safe_next
from tests.web.house import House, Visitor

_LEADS_ELSEWHERE = [
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "evil",
    "",
    "/" + "a" * 3000,
]


@pytest.mark.parametrize("path", _LEADS_ELSEWHERE)
def test_what_is_not_plainly_a_page_of_ours_is_not_followed(path: str) -> None:
    assert safe_next(path) == "/"


@pytest.mark.parametrize(
    "path", ["/", "/@alice", "/search?q=a%2F%2Fb", "/oauth/authorize?redirect_uri=https%3A%2F%2Fx"]
)
def test_a_page_of_ours_is_followed(path: str) -> None:
    assert safe_next(path) == path


async def _forms(house: House) -> list[str]:
    """Every address that takes a form, with a number for its id."""
    return sorted(
        {
            re.sub(r"\{[^}]+\}", "1", route.path)
            for route in house.app.pages.routes()
            if route.method == "POST"
        }
    )


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://127.0.0.1"])
async def test_a_form_of_another_site_is_refused_everywhere(
    house: House, alice: Visitor, origin: str | None
) -> None:
    for path in await _forms(house):
        seen = await alice.post(path, {"post": "not mine", "name": "alice"}, origin=origin)
        assert seen.status == 403, path
    assert "not mine" not in (await alice.get("/")).text


def _is_for_strangers(path: str) -> bool:
    """Tell whether a form is there for who has no session: signing in, here or at home."""
    return path == "/auth/sign_in" or path.startswith("/visit")


async def test_a_form_without_the_sessions_secret_is_refused_everywhere(house: House, alice: Visitor) -> None:
    for path in await _forms(house):
        if _is_for_strangers(path):
            continue
        for fields in ({}, {"csrf": ""}, {"csrf": "guess"}):
            assert (await alice.post(path, fields)).status == 403, path


async def test_a_stranger_can_send_no_form_but_to_sign_in(house: House, stranger: Visitor) -> None:
    for path in await _forms(house):
        if not _is_for_strangers(path):
            assert (await stranger.post(path, {"csrf": ""})).status == 401, path


async def test_what_strangers_may_send_they_send_from_our_pages(house: House, stranger: Visitor) -> None:
    for path in filter(_is_for_strangers, await _forms(house)):
        answer = await stranger.post(path, {"address": "@dan@m.test"}, origin="https://evil.example")
        assert answer.status == 403, path


async def test_json_is_not_a_form(alice: Visitor) -> None:
    async with alice.session.post(
        alice.origin + "/compose", json={"post": "x"}, headers={"Origin": alice.origin}
    ) as answer:
        assert answer.status == 403


async def test_signing_in_again_gives_a_new_session_and_ends_the_old_one(
    house: House, alice: Visitor
) -> None:
    def cookie() -> str:
        return next(morsel.value for morsel in alice.session.cookie_jar)

    before = cookie()
    await alice.sign_in("alice")
    assert cookie() != before
    assert await house.app.sign_in.visitor(before) is None
    assert await house.app.sign_in.visitor(cookie()) is not None


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(house: House) -> None:
    await house.account("carol")
    said = (await house.stranger().sign_in("carol")).headers["Set-Cookie"]
    assert "HttpOnly" in said
    assert "SameSite=Lax" in said
    assert "Path=/" in said
    assert "Domain" not in said


async def test_signing_out_ends_the_session(house: House, alice: Visitor) -> None:
    token = next(morsel.value for morsel in alice.session.cookie_jar)
    page = await alice.get("/@alice")
    await alice.submit(page, "/auth/sign_out")
    assert await house.app.sign_in.visitor(token) is None
    assert "Sign in" in (await alice.get("/")).words


@pytest.mark.parametrize("next", ["//evil.example", "https://evil.example/", "/\\evil.example"])
async def test_signing_in_leads_nowhere_else(house: House, next: str) -> None:
    await house.account("carol")
    seen = await house.stranger().sign_in("carol", next=next)
    assert (seen.status, seen.headers["Location"]) == (303, "/")


async def test_a_wrong_password_and_an_unknown_name_are_told_alike(house: House, stranger: Visitor) -> None:
    await house.account("carol")
    wrong = await stranger.sign_in("carol", "not the password")
    unknown = await stranger.sign_in("nobody", "not the password")
    assert wrong.status == unknown.status == 401
    assert "The name or the password is not right." in wrong.words
    assert wrong.text.replace('value="carol"', "") == unknown.text.replace('value="nobody"', "")


async def test_guessing_passwords_is_slowed_down(house: House, stranger: Visitor) -> None:
    for _ in range(25):
        await stranger.sign_in("nobody", "guess")
    seen = await stranger.sign_in("nobody", "guess")
    assert seen.status == 429
    assert int(seen.headers["Retry-After"]) > 0
