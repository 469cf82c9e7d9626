"""Letting a client program in: told exactly, decided by the person, answered where it registered."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from fedispace.accounts.redirects import OUT_OF_BAND
from tests.web.house import House, Seen, Visitor

CALLBACK = "https://client.example/callback?kept=1"
VERIFIER = "v" * 60
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


async def _asks(house: House, *, redirects: tuple[str, ...] = (CALLBACK,), **changed: str) -> str:
    app, _ = await house.app.oauth.register_app("Pocket <b>", redirects, "read write:statuses", None)
    fields = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": redirects[0],
        "scope": "read write:statuses",
        "state": "a&b=c/é",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changed,
    }
    return f"/oauth/authorize?{urlencode(fields)}"


async def _decide(visitor: Visitor, page: Seen, decision: str) -> Seen:
    return await visitor.submit(page, "/oauth/authorize", ("decision", decision), follow=False)


async def test_the_page_says_who_asks_for_what_and_where_it_leads(house: House, alice: Visitor) -> None:
    seen = await alice.get(await _asks(house))
    assert "Let Pocket <b> use your account?" in seen.words
    assert "client.example" in seen.words
    assert "Change your posts" in seen.words
    assert "form-action 'self' https://client.example" in seen.headers["Content-Security-Policy"]


async def test_allowing_sends_a_code_that_can_be_exchanged(house: House, alice: Visitor) -> None:
    asks = await _asks(house)
    answer = await _decide(alice, await alice.get(asks), "allow")
    assert answer.status == 303
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert answer.headers["Location"].startswith("https://client.example/callback?")
    assert (query["kept"], query["state"]) == (["1"], ["a&b=c/é"])
    issued = await house.app.oauth.exchange_code(
        client_id=parse_qs(urlsplit(asks).query)["client_id"][0],
        client_secret=None,
        code=query["code"][0],
        redirect_uri=CALLBACK,
        verifier=VERIFIER,
    )
    assert issued.scopes == {"read", "write:statuses"}


async def test_denying_gives_nothing(house: House, alice: Visitor) -> None:
    answer = await _decide(alice, await alice.get(await _asks(house)), "deny")
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["error"] == ["access_denied"]
    assert "code" not in query


async def test_a_code_can_be_shown_to_be_copied(house: House, alice: Visitor) -> None:
    page = await alice.get(await _asks(house, redirects=(OUT_OF_BAND,)))
    shown = await _decide(alice, page, "allow")
    assert shown.status == 200
    assert "Copy this code into your program" in shown.words


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "https://client.example/callback"},
        {"redirect_uri": "https://client.example/callback?kept=1/../x"},
        {"redirect_uri": "javascript:alert(1)"},
        {"client_id": "unknown"},
        {"response_type": "token"},
        {"scope": "write"},
        {"scope": "everything"},
        {"code_challenge_method": "plain"},
    ],
)
async def test_a_wrong_request_is_told_here_and_redirects_nowhere(
    house: House, alice: Visitor, changed: dict[str, Any]
) -> None:
    seen = await alice.get(await _asks(house, **changed), follow=False)
    assert seen.status == 400
    assert "Location" not in seen.headers


async def test_an_altered_form_is_checked_again(house: House, alice: Visitor) -> None:
    page = await alice.get(await _asks(house))
    fields = {**page.fields("/oauth/authorize"), "redirect_uri": "https://evil.example/", "decision": "allow"}
    seen = await alice.post("/oauth/authorize", fields, follow=False)
    assert (seen.status, "Location" in seen.headers) == (400, False)


async def test_a_stranger_signs_in_first_and_returns_to_the_question(house: House) -> None:
    await house.account("carol")
    visitor = house.stranger()
    asks = await _asks(house)
    door = await visitor.get(asks)
    assert "Sign in" in door.words
    entered = await visitor.sign_in("carol", next=door.fields("/auth/sign_in")["next"])
    back = urlsplit(entered.headers["Location"])
    assert (back.netloc, back.path) == ("", "/oauth/authorize")
    assert parse_qs(back.query) == parse_qs(urlsplit(asks).query)
    assert "use your account?" in (await visitor.get(entered.headers["Location"])).words
