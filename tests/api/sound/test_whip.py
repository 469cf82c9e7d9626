"""WHIP and WHEP over HTTP, with a real SFU behind them and a stock aiortc in front."""

import io
from pathlib import Path
from typing import Any

import pytest

from tests.api.site import Client, Site
from tests.api.sound.doors import AT, SDP, offer, ticket

TRICKLE = {"Content-Type": "application/trickle-ice-sdpfrag"}


async def test_a_speakers_offer_is_answered_and_the_session_ends_when_deleted(
    site: Site, alice: Client, space: dict[str, Any]
) -> None:
    shown = await ticket(alice, space, "speaker")
    status, answer, headers = await site.anyone.call(
        "POST", f"/spaces/{space['id']}/whip", data=await offer("sendonly"), headers=shown
    )
    assert (status, headers["Content-Type"]) == (201, "application/sdp")
    assert answer.startswith("v=0")
    assert "a=ice-lite" in answer
    assert headers["Location"].startswith(f"{site.origin}/spaces/{space['id']}/sessions/")
    assert headers["ETag"].startswith('"')
    assert "Location" in headers["Access-Control-Expose-Headers"]
    session = headers["Location"].removeprefix(site.origin)
    assert (await site.anyone.call("DELETE", session))[0] == 200
    assert (await site.anyone.call("DELETE", session))[0] == 200


async def test_a_visitor_without_an_account_listens(site: Site, space: dict[str, Any]) -> None:
    status, answer, headers = await site.anyone.call(
        "POST", f"/spaces/{space['id']}/whep", data=await offer("recvonly"), headers=SDP
    )
    assert status == 201
    assert answer.count("m=audio") == 1
    assert headers["Access-Control-Allow-Origin"] == "*"


async def test_a_listener_with_a_ticket_listens_once(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    shown, offered = await ticket(bob, space, "listener"), await offer("recvonly")
    path = f"/spaces/{space['id']}/whep"
    assert (await site.anyone.call("POST", path, data=offered, headers=shown))[0] == 201
    status, problem, headers = await site.anyone.call("POST", path, data=offered, headers=shown)
    assert (status, headers["Content-Type"]) == (401, "application/problem+json")
    assert problem["detail"]


async def test_nobody_speaks_without_a_speakers_ticket(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    path, offered = f"/spaces/{space['id']}/whip", await offer("sendonly")
    for headers in (
        SDP,
        {**SDP, "Authorization": "Bearer nonsense"},
        {**SDP, "Authorization": "Basic YTpi"},
        await ticket(bob, space, "listener"),
    ):
        assert (await site.anyone.call("POST", path, data=offered, headers=headers))[0] == 401
    # Whoever is known by a token of ours, and not on stage, is told so.
    known = {**SDP, "Authorization": f"Bearer {bob.token}"}
    assert (await site.anyone.call("POST", path, data=offered, headers=known))[0] == 403


async def test_what_is_no_offer_is_refused_and_the_ticket_stays_good(
    site: Site, alice: Client, space: dict[str, Any]
) -> None:
    shown = await ticket(alice, space, "speaker")
    path = f"/spaces/{space['id']}/whip"
    for body in (b"", b"hello", b"v=0\r\n", b"\xff\xfe", b"v=0\r\n" + b"a" * 70_000):
        status, problem, _ = await site.anyone.call("POST", path, data=body, headers=shown)
        assert 400 <= status < 500, body[:20]
        assert problem["detail"]
    answered = await site.anyone.call("POST", path, data=await offer("sendonly"), headers=shown)
    assert answered[0] == 201


@pytest.mark.attack(96)
async def test_an_offer_of_more_than_sound_is_told_what_to_leave_out(
    site: Site, space: dict[str, Any]
) -> None:
    """As OBS does by default. The refusal is the whole answer: no session is left behind."""
    video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 H264/90000\r\n"
    status, problem, _ = await site.anyone.call(
        "POST", f"/spaces/{space['id']}/whep", data=await offer("recvonly") + video, headers=SDP
    )
    assert (status, problem["detail"]) == (422, "this server takes sound only: leave video out")


@pytest.mark.attack(97)
async def test_an_offer_that_is_too_large_is_refused_unread(site: Site, space: dict[str, Any]) -> None:
    for body in (io.BytesIO(b"v=0\r\na=" + b"x" * (1 << 20)), b"v=0\r\n" + b"a\r\n" * 401, b"a" * 17_000):
        status, problem, _ = await site.anyone.call(
            "POST", f"/spaces/{space['id']}/whep", data=body, headers=SDP
        )
        assert (status, problem["title"]) == (413, "Too large")


async def test_another_type_than_sdp_is_refused(site: Site, space: dict[str, Any]) -> None:
    status, _, headers = await site.anyone.call("POST", f"/spaces/{space['id']}/whep", json={})
    assert (status, headers["Accept-Post"]) == (415, "application/sdp")


async def test_candidates_that_trickle_are_taken_and_not_needed(site: Site, space: dict[str, Any]) -> None:
    _, _, headers = await site.anyone.call(
        "POST", f"/spaces/{space['id']}/whep", data=await offer("recvonly"), headers=SDP
    )
    session = headers["Location"].removeprefix(site.origin)
    trickle = {**TRICKLE, "If-Match": headers["ETag"]}
    assert (await site.anyone.call("PATCH", session, data="a=end-of-candidates\r\n", headers=trickle))[
        0
    ] == 204
    assert (await site.anyone.call("PATCH", session, json={}))[0] == 415
    assert (await site.anyone.call("GET", session))[0] == 405


async def test_ice_is_restarted_within_the_session(site: Site, space: dict[str, Any]) -> None:
    _, answer, headers = await site.anyone.call(
        "POST", f"/spaces/{space['id']}/whep", data=await offer("recvonly"), headers=SDP
    )
    session = headers["Location"].removeprefix(site.origin)
    names = "a=ice-ufrag:anew\r\na=ice-pwd:" + "p" * 22 + "\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
    status, fragment, restarted = await site.anyone.call(
        "PATCH", session, data=names, headers={**TRICKLE, "If-Match": "*"}
    )
    assert (status, restarted["Content-Type"]) == (200, TRICKLE["Content-Type"])
    assert restarted["ETag"] not in ("", headers["ETag"])
    for name in ("ice-ufrag", "ice-pwd"):
        assert _line(fragment, name) != _line(answer, name)
    assert fragment.count("a=candidate:") == answer.count("a=candidate:") > 0

    for tag, expected in ((headers["ETag"], 412), ('"nonsense"', 412), (restarted["ETag"], 204)):
        shown = {**TRICKLE, "If-Match": tag}
        assert (await site.anyone.call("PATCH", session, data=names, headers=shown))[0] == expected
    assert (await site.anyone.call("PATCH", session, data=names, headers=TRICKLE))[0] == 428
    elsewhere = session.replace(space["id"], "7")
    shown = {**TRICKLE, "If-Match": "*"}
    assert (await site.anyone.call("PATCH", elsewhere, data=names, headers=shown))[0] == 404
    await site.anyone.call("DELETE", session)
    assert (await site.anyone.call("PATCH", session, data=names, headers=shown))[0] == 404


def _line(sdp: str, name: str) -> str:
    return next(line for line in sdp.splitlines() if line.startswith(f"a={name}:"))


@pytest.mark.attack(111)
@pytest.mark.privacy("P-08")
async def test_no_page_or_document_of_a_space_tells_where_people_are(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    """What was offered, and where from, is in no answer to anybody else."""
    shown = await ticket(alice, space, "speaker")
    marker = "a=candidate:9 1 udp 2113937151 192.168.7.7 50000 typ host\r\n"
    marked = (await offer("sendonly")).replace("a=end-of-candidates\r\n", marker)
    assert marker in marked
    entered = await site.anyone.call("POST", f"/spaces/{space['id']}/whip", data=marked, headers=shown)
    assert entered[0] == 201
    texts = [
        entered[1],
        (
            await site.anyone.call(
                "POST", f"/spaces/{space['id']}/whep", data=await offer("recvonly"), headers=SDP
            )
        )[1],
    ]
    for path in (f"{AT}/{space['id']}", AT, f"{AT}/{space['id']}/participants"):
        texts.append(repr(await bob.call("GET", path)))
    activity = {"Accept": "application/activity+json"}
    texts.append(repr(await site.anyone.call("GET", f"/spaces/{space['id']}", headers=activity)))

    assert "Event" in texts[-1]
    for text in texts:
        assert "192.168.7.7" not in text


async def test_a_browser_of_another_origin_may_offer(site: Site, space: dict[str, Any]) -> None:
    asked = {
        "Origin": "https://player.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    for path in (
        f"/spaces/{space['id']}/whip",
        f"/spaces/{space['id']}/whep",
        f"/spaces/{space['id']}/sessions/x",
    ):
        status, _, headers = await site.anyone.call("OPTIONS", path, headers=asked)
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, "*")
    status, _, headers = await site.anyone.call("GET", f"/spaces/{space['id']}/whip")
    assert (status, headers["Allow"]) == (405, "POST, OPTIONS")


async def test_there_is_no_space_of_a_name_nobody_gave_out(site: Site) -> None:
    for id_ in ("x", "%00", "9" * 30, "0", "-1", "1.0"):
        path = f"/spaces/{id_}/whep"
        assert (await site.anyone.call("POST", path, data="v=0\r\n", headers=SDP))[0] == 404
        assert (await site.anyone.call("DELETE", f"/spaces/{id_}/sessions/x"))[0] == 404
        assert (await site.anyone.call("DELETE", f"/spaces/1/sessions/{id_}"))[0] == 404


async def test_without_the_sfu_it_is_told_to_come_back(tmp_path: Path) -> None:
    async with Site(tmp_path) as silent:
        alice = await silent.person("alice")
        made = await alice.post(AT, {"title": "An open floor"}, expect=201)
        await alice.post(f"{AT}/{made['id']}/open")
        status, problem, _ = await silent.anyone.call(
            "POST", f"/spaces/{made['id']}/whep", data=await offer("recvonly"), headers=SDP
        )
        assert (status, problem["title"]) == (503, "Not available now")
