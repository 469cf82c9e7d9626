"""People of other servers sign in by their own server: OAuth, MiAuth, and homes that lie."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import func, select

from fedispace.accounts.models import Account
from fedispace.config import Spaces as Limits
from fedispace.moderation.rules import set_rule
from fedispace.spaces.models import Space
from fedispace.spaces.visit_models import Errand, HomeApp, Visit
from tests.web.homes import Home, Homes
from tests.web.house import House, Seen, Visitor


@pytest.fixture
async def homes() -> AsyncIterator[Homes]:
    async with Homes() as opened:
        yield opened


@pytest.fixture
async def house(tmp_path: Path, homes: Homes) -> AsyncIterator[House]:
    async with House(tmp_path, names=homes.names) as opened:
        yield opened


@pytest.fixture
def mastodon(homes: Homes) -> Home:
    home = homes.host("m.test")
    home.lives("dan")
    return home


async def _space(house: House) -> Space:
    host = await house.account("alice")
    space = await house.app.hosting.create(host, title="An open floor")
    return await house.app.hosting.open(host, space.id)


async def _depart(visitor: Visitor, address: str, **fields: str) -> str:
    """Ask to sign in at home, and return where the browser is sent."""
    page = await visitor.post("/visit", {"address": address, **fields}, follow=False)
    assert page.status == 200, page.words
    delay, _, url = page.headers["Refresh"].partition("; url=")
    assert delay == "0"
    return url


async def _return(visitor: Visitor, url: str, *, follow: bool = False) -> Seen:
    assert url.startswith(visitor.origin), url
    return await visitor.get(url.removeprefix(visitor.origin), follow=follow)


async def _keep_house(house: House) -> None:
    for chore in house.app.housekeeping.chores:
        await chore()


async def _visits(house: House) -> int:
    async with house.app.db.reading() as tx:
        return await tx.scalar(select(func.count()).select_from(Visit)) or 0


async def test_dan_of_a_mastodon_server_is_known_in_the_space_after_signing_in_at_home(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    space = await _space(house)
    url = await _depart(stranger, "@dan@m.test", space=str(space.id))

    back = await _return(stranger, mastodon.agrees(url, "dan"))

    assert (back.status, back.headers["Location"]) == (303, f"/@alice/spaces/{space.id}")
    cookie = back.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Max-Age=43200" in cookie
    page = await stranger.get("/visit")
    assert "You are here as Dan @dan@m.test" in page.words
    assert page.headers["Cache-Control"] == "private, no-store"
    async with house.app.db.reading() as tx:
        account = (await tx.scalars(select(Account).where(Account.uri == mastodon.actor("dan")))).one()
    assert (account.username, account.domain) == ("dan", "m.test")


async def test_only_identity_is_asked_for_and_the_token_is_given_back_at_once(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    url = await _depart(stranger, "m.test")
    assert [app["scopes"] for app in mastodon.apps.values()] == ["profile"]

    await _return(stranger, mastodon.agrees(url, "dan"))

    assert mastodon.tokens == {}
    assert len(mastodon.revoked) == 1
    [token] = mastodon.revoked
    async with house.app.db.reading() as tx:
        for table in (HomeApp, Visit, Errand):
            for row in (await tx.scalars(select(table))).all():
                assert token not in repr(vars(row))


async def test_a_host_is_registered_with_once(house: House, mastodon: Home, stranger: Visitor) -> None:
    for _ in range(3):
        await _return(stranger, mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan"))
    assert len(mastodon.apps) == 1


async def test_two_who_are_the_first_of_their_server_at_once_both_come_in(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    """Each has us register; a code is for the registration its browser was sent with."""
    mastodon.lives("eve")
    other = house.stranger()
    sent = await asyncio.gather(_depart(stranger, "@dan@m.test"), _depart(other, "@eve@m.test"))

    for visitor, url, name in ((stranger, sent[0], "dan"), (other, sent[1], "eve")):
        assert (await _return(visitor, mastodon.agrees(url, name))).status == 303
        assert f"@{name}@m.test" in (await visitor.get("/visit")).words


async def test_what_a_browser_says_of_an_error_costs_others_nothing(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    answer = mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan")
    mallory = house.stranger()
    state = parse_qs(urlsplit(await _depart(mallory, "m.test")).query)["state"][0]
    told = f"{house.origin}/visit/from/m.test?{urlencode({'state': state, 'error': 'invalid_client'})}"
    assert (await _return(mallory, told)).status == 403

    assert (await _return(stranger, answer)).status == 303


async def test_a_registration_is_not_kept_for_ever(house: House, mastodon: Home, stranger: Visitor) -> None:
    await _return(stranger, mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan"))
    await _keep_house(house)
    async with house.app.db.reading() as tx:
        assert await tx.scalar(select(func.count()).select_from(HomeApp)) == 1
    house.clock.advance(days=91)
    await _keep_house(house)
    async with house.app.db.reading() as tx:
        assert await tx.scalar(select(func.count()).select_from(HomeApp)) == 0


async def test_a_home_that_forgot_us_is_registered_with_again(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    await _depart(stranger, "@dan@m.test")
    mastodon.apps.clear()

    back = await _return(stranger, mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan"))

    assert back.status == 303
    assert len(mastodon.apps) == 1


async def test_a_home_that_forgets_us_while_somebody_is_there_is_told_of_and_works_the_next_time(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    url = await _depart(stranger, "@dan@m.test")
    answer = mastodon.agrees(url, "dan")
    mastodon.apps.clear()

    assert (await _return(stranger, answer)).status == 502
    again = await _return(stranger, mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan"))

    assert again.status == 303


async def test_an_older_mastodon_without_userinfo_is_asked_by_verify_credentials(
    house: House, homes: Homes, stranger: Visitor
) -> None:
    old = homes.host("old.test", "old")
    old.lives("erin")

    back = await _return(stranger, old.agrees(await _depart(stranger, "@erin@old.test"), "erin"))

    assert back.status == 303
    assert [app["scopes"] for app in old.apps.values()] == ["read:accounts"]
    assert "@erin@old.test" in (await stranger.get("/visit")).words
    assert len(old.revoked) == 1


async def test_fio_of_a_misskey_server_signs_in_by_miauth_without_any_permission(
    house: House, homes: Homes, stranger: Visitor
) -> None:
    misskey = homes.host("mk.test", "misskey")
    misskey.lives("fio")

    back = await _return(stranger, misskey.agrees(await _depart(stranger, "mk.test"), "fio"))

    assert back.status == 303
    assert "@fio@mk.test" in (await stranger.get("/visit")).words


async def test_a_session_somebody_else_agreed_to_signs_nobody_in(
    house: House, homes: Homes, stranger: Visitor
) -> None:
    """Fio said yes to another program. Whoever knows that session must not come in here with it as her,
    beside an errand of their own."""
    misskey = homes.host("mk.test", "misskey")
    misskey.lives("fio")
    misskey.sessions["a-session-of-another-program"] = "fio"
    departure = await _depart(stranger, "mk.test")
    own = departure.partition("/miauth/")[2].partition("?")[0]

    back = await _return(
        stranger, f"{house.origin}/visit/from/mk.test?state={own}&session=a-session-of-another-program"
    )

    assert back.status == 502
    assert "@fio@mk.test" not in (await stranger.get("/visit")).words
    assert not any("another-program" in path for path in misskey.paths())


async def test_another_instance_of_ours_is_a_home_too(
    tmp_path: Path, stranger: Visitor, house: House
) -> None:
    """The whole of our own authorization server, with its consent page, from its front."""
    (tmp_path / "other").mkdir()
    async with House(tmp_path / "other") as other:
        bob = await other.person("bob")
        url = await _depart(stranger, f"@bob@127.0.0.1:{other.port}")
        consent = await bob.get(url.removeprefix(other.origin))
        assert "See your name and picture" in consent.words
        allowed = await bob.submit(consent, "/oauth/authorize", ("decision", "allow"), follow=False)

        back = await _return(stranger, allowed.headers["Location"])

        assert back.status == 303
        assert f"@bob@127.0.0.1:{other.port}" in (await stranger.get("/visit")).words


async def test_a_visitor_leaves_and_the_browser_is_not_known_any_more(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    await _return(stranger, mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan"))
    page = await stranger.get("/visit")

    assert (await stranger.post("/visit/end", {"csrf": "guessed"}, follow=False)).status == 403
    left = await stranger.submit(page, "/visit/end", follow=False)

    assert left.status == 303
    assert "You are here as" not in (await stranger.get("/visit")).words


async def test_leaving_everywhere_ends_the_visits_of_all_browsers(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    other = house.stranger()
    for browser in (stranger, other):
        await _return(browser, mastodon.agrees(await _depart(browser, "@dan@m.test"), "dan"))
    page = await stranger.get("/visit")
    assert "You are known in 2 browsers" in page.words

    await stranger.submit(page, "/visit/end_all")

    assert "You are here as" not in (await other.get("/visit")).words


# Hostile homes and forged answers ---------------------------------------------------------------------------


async def test_a_home_cannot_speak_for_the_people_of_another_server(
    house: House, homes: Homes, stranger: Visitor, mastodon: Home
) -> None:
    evil = homes.host("evil.test")
    evil.lives("mallory")
    evil.sub = mastodon.actor("dan")

    back = await _return(stranger, evil.agrees(await _depart(stranger, "evil.test"), "mallory"))

    assert back.status == 502
    assert await _visits(house) == 0
    assert len(evil.revoked) == 1


@pytest.mark.parametrize(
    "sub",
    [
        "http://evil.test:81/users/mallory",
        "https://evil.test/users/mallory",
        "http://evil.test@m.test/users/dan",
        "http://m.test/users/dan#http://evil.test/",
        "http://sub.evil.test/users/mallory",
        "mallory",
        "javascript:alert(1)",
    ],
)
async def test_a_subject_that_is_not_an_actor_of_that_very_origin_is_nobody(
    house: House, homes: Homes, stranger: Visitor, mastodon: Home, sub: str
) -> None:
    evil = homes.host("evil.test")
    evil.lives("mallory")
    evil.sub = sub
    back = await _return(stranger, evil.agrees(await _depart(stranger, "evil.test"), "mallory"))
    assert back.status in (403, 502)
    assert await _visits(house) == 0


async def test_an_older_home_cannot_speak_for_others_by_the_address_of_a_profile(
    house: House, homes: Homes, stranger: Visitor, mastodon: Home
) -> None:
    evil = homes.host("evil.test", "old")
    evil.lives("dan")
    evil.sub = "http://m.test/@dan"
    back = await _return(stranger, evil.agrees(await _depart(stranger, "evil.test"), "dan"))
    assert back.status == 502
    assert await _visits(house) == 0


async def test_a_misskey_server_cannot_speak_for_a_remote_user(
    house: House, homes: Homes, stranger: Visitor
) -> None:
    misskey = homes.host("mk.test", "misskey")
    misskey.lives("fio")
    misskey.sub = "m.test"
    back = await _return(stranger, misskey.agrees(await _depart(stranger, "mk.test"), "fio"))
    assert back.status == 502
    assert await _visits(house) == 0


async def test_an_answer_is_good_once(house: House, mastodon: Home, stranger: Visitor) -> None:
    answer = mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan", code="the-code")
    assert (await _return(stranger, answer)).status == 303
    mastodon.codes["the-code"] = {}

    assert (await _return(stranger, answer)).status == 403
    assert await _visits(house) == 1


async def test_an_answer_from_another_browser_signs_nobody_in(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    """Login CSRF: somebody has another person's browser open the end of their own sign-in."""
    victim = house.stranger()
    answer = mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan")

    assert (await _return(victim, answer)).status == 403
    await _depart(victim, "@dan@m.test")
    assert (await _return(victim, answer)).status == 403

    assert await _visits(house) == 0
    assert (await _return(stranger, answer)).status == 303


async def test_an_answer_that_comes_too_late_is_refused(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    answer = mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan")
    house.clock.advance(minutes=11)
    assert (await _return(stranger, answer)).status == 403


async def test_an_answer_that_should_come_from_one_server_is_not_taken_from_another(
    house: House, homes: Homes, mastodon: Home, stranger: Visitor
) -> None:
    """A mix-up: the code of an honest server must not reach the attacker's."""
    evil = homes.host("evil.test")
    evil.lives("mallory")
    url = await _depart(stranger, "@dan@m.test")
    honest = urlsplit(mastodon.agrees(url, "dan"))
    evil.asked.clear()

    crossed = await stranger.get(f"/visit/from/evil.test?{honest.query}")

    assert crossed.status == 403
    assert evil.asked == []


@pytest.mark.parametrize("iss", ["http://evil.test/", "https://m.test/", "", "m.test"])
async def test_an_answer_that_names_another_issuer_is_refused(
    house: House, mastodon: Home, stranger: Visitor, iss: str
) -> None:
    answer = mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan")
    assert (await _return(stranger, f"{answer}&{urlencode({'iss': iss})}")).status == 502
    assert await _visits(house) == 0
    assert mastodon.tokens == {}


async def test_an_answer_that_names_the_right_issuer_is_taken(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    answer = mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan")
    assert (await _return(stranger, f"{answer}&iss=http%3A%2F%2Fm.test%2F")).status == 303


async def test_a_parameter_that_comes_twice_is_refused(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    answer = mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan")
    assert (await _return(stranger, f"{answer}&code=another")).status == 422


async def test_who_says_no_at_home_is_told_so_here(house: House, mastodon: Home, stranger: Visitor) -> None:
    url = await _depart(stranger, "@dan@m.test")
    state = parse_qs(urlsplit(url).query)["state"][0]
    back = await stranger.get(f"/visit/from/m.test?error=access_denied&state={state}")
    assert back.status == 403
    assert "you said no there" in back.words


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "http://m.test/"},
        {"issuer": "https://evil.test/"},
        {"issuer": None},
        {"token_endpoint": "http://m.test/oauth/token"},
        {"authorization_endpoint": "http://m.test/oauth/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": "http://m.test/oauth/userinfo"},
        {"app_registration_endpoint": "http://127.0.0.1:1/api/v1/apps"},
        {"token_endpoint": ["http://evil.test/oauth/token"]},
    ],
)
async def test_metadata_that_leads_to_another_server_is_refused(
    house: House, homes: Homes, mastodon: Home, stranger: Visitor, lie: dict[str, object]
) -> None:
    evil = homes.host("evil.test")
    evil.lives("mallory")
    evil.metadata.update(lie)
    page = await stranger.post("/visit", {"address": "evil.test"})
    assert page.status == 502
    assert "Refresh" not in page.headers
    assert mastodon.asked == []
    assert evil.apps == {}


async def test_a_secret_follows_no_redirect_to_another_server(
    house: House, homes: Homes, mastodon: Home, stranger: Visitor
) -> None:
    evil = homes.host("evil.test")
    answer = mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan")
    mastodon.redirects["/oauth/token"] = "http://evil.test/oauth/token"
    assert (await _return(stranger, answer)).status == 502
    assert evil.asked == []


async def test_a_domain_whose_server_is_below_it_leads_there(
    house: House, homes: Homes, mastodon: Home, stranger: Visitor
) -> None:
    domain = homes.host("plain.test", "plain")
    domain.redirects["/.well-known/oauth-authorization-server"] = (
        "http://m.test/.well-known/oauth-authorization-server"
    )
    for _ in range(2):
        back = await _return(stranger, mastodon.agrees(await _depart(stranger, "plain.test"), "dan"))
        assert back.status == 303
    assert len(mastodon.apps) == 1
    assert domain.paths() == ["/.well-known/oauth-authorization-server"] * 2


async def test_a_blocked_server_is_not_asked_either_when_another_leads_there(
    house: House, homes: Homes, mastodon: Home, stranger: Visitor
) -> None:
    domain = homes.host("plain.test", "plain")
    domain.redirects["/.well-known/oauth-authorization-server"] = (
        "http://m.test/.well-known/oauth-authorization-server"
    )
    async with house.app.db.transaction() as tx:
        await set_rule(tx, house.clock, "m.test", "suspend")
    house.app.policy.forget()
    assert (await stranger.post("/visit", {"address": "plain.test"})).status == 403
    assert mastodon.asked == []


async def test_servers_that_lead_in_a_circle_are_given_up(
    house: House, homes: Homes, stranger: Visitor
) -> None:
    one, two = homes.host("plain.test", "plain"), homes.host("old.test", "plain")
    path = "/.well-known/oauth-authorization-server"
    one.redirects[path], two.redirects[path] = f"http://old.test{path}", f"http://plain.test{path}"
    assert (await stranger.post("/visit", {"address": "plain.test"})).status == 502


async def test_a_blocked_server_is_asked_nothing(house: House, mastodon: Home, stranger: Visitor) -> None:
    async with house.app.db.transaction() as tx:
        await set_rule(tx, house.clock, "m.test", "suspend")
    house.app.policy.forget()
    for address in ("@dan@m.test", "m.test", "http://m.test/@dan", "M.TEST."):
        page = await stranger.post("/visit", {"address": address})
        assert page.status == 403, address
        assert "That server is blocked here." in page.words
    assert mastodon.asked == []


async def test_a_server_that_is_blocked_meanwhile_is_not_asked_for_the_token(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    answer = mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan")
    async with house.app.db.transaction() as tx:
        await set_rule(tx, house.clock, "m.test", "suspend")
    house.app.policy.forget()
    mastodon.asked.clear()
    assert (await _return(stranger, answer)).status == 403
    assert mastodon.asked == []


async def test_a_block_ends_the_visits_that_are(house: House, mastodon: Home, stranger: Visitor) -> None:
    await _return(stranger, mastodon.agrees(await _depart(stranger, "@dan@m.test"), "dan"))
    async with house.app.db.transaction() as tx:
        await set_rule(tx, house.clock, "m.test", "suspend")
    house.app.policy.forget()
    assert "You are here as" not in (await stranger.get("/visit")).words


async def test_a_visit_form_of_another_site_does_nothing(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    page = await stranger.post("/visit", {"address": "@dan@m.test"}, origin="https://evil.example")
    assert page.status == 403
    assert mastodon.asked == []


@pytest.mark.parametrize(
    "address", ["", "dan", "@dan@", "@@m.test", "localhost", "http://", "dan m.test", "\0.test", "x" * 4000]
)
async def test_what_is_no_address_is_told(house: House, stranger: Visitor, address: str) -> None:
    page = await stranger.post("/visit", {"address": address})
    assert page.status == 422, page.words


async def test_ones_own_server_is_no_home_elsewhere(house: House, stranger: Visitor) -> None:
    page = await stranger.post("/visit", {"address": f"@alice@127.0.0.1:{house.port}"})
    assert page.status == 422
    assert "sign in with your account here" in page.words


async def test_a_server_without_any_way_to_sign_in_is_told_with_the_other_way(
    house: House, homes: Homes, stranger: Visitor
) -> None:
    homes.host("plain.test", "plain")
    page = await stranger.post("/visit", {"address": "plain.test"})
    assert page.status == 502
    assert "Have a link sent instead." in page.words


async def test_where_a_visit_leads_is_never_another_site(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    for wanted in ("//evil.test", "https://evil.test/", "1e9", "-1", "99999999999999999999"):
        url = await _depart(stranger, "@dan@m.test", space=wanted)
        back = await _return(stranger, mastodon.agrees(url, "dan"))
        assert back.headers["Location"] == "/visit"


async def test_many_questions_to_one_server_are_not_asked(
    house: House, mastodon: Home, stranger: Visitor
) -> None:
    statuses = [(await stranger.post("/visit", {"address": "@dan@m.test"})).status for _ in range(31)]
    assert statuses == [200] * 30 + [429]


async def test_where_it_is_switched_off_nothing_leads_there_and_the_page_says_so(
    tmp_path: Path, homes: Homes, house: House, alice: Visitor, stranger: Visitor
) -> None:
    on = await stranger.get(await _live(alice))
    assert "/visit?space=" in on.text
    (tmp_path / "off").mkdir()
    async with House(tmp_path / "off", names=homes.names, spaces=Limits(fediverse_sign_in=False)) as off:
        visitor = off.stranger()
        room = await visitor.get(await _live(await off.person("alice")))
        assert "To speak you need a name" in room.words
        assert "/visit" not in room.text
        for path in ("/visit", "/visit?space=1", "/visit/from/m.test", "/visit/link/abc"):
            seen = await visitor.get(path)
            assert seen.status == 404
            assert "Accounts of other servers cannot be used on this server." in seen.words
        for path in ("/visit", "/visit/link"):
            refused = await visitor.post(path, {"address": "m.test"})
            assert refused.status == 404
            assert "Accounts of other servers cannot be used on this server." in refused.words


async def _live(host: Visitor) -> str:
    page = await host.get("/start-a-space")
    fields = (("title", "Reading slowly"), ("access", "public"), ("when", "now"))
    return (await host.submit(page, "/start-a-space", *fields)).path.split("?")[0]
