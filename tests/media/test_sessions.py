"""One session at the transport's level: keys, identities, reports, and what a publisher may pour in."""

import asyncio
import contextlib
import re
import socket
import struct
from typing import Any

import pytest
from aioice import stun
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80, SRTPProtectionProfile

from fedispace.errors import Invalid, NotFound, Outdated
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media.hearing import purity
from tests.media.peers import Listener, Peer, Sound, Speaker
from tests.media.studio import Studio


@pytest.mark.parametrize("profile", [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80])
async def test_both_srtp_profiles_are_heard(studio: Studio, profile: SRTPProtectionProfile) -> None:
    async with Speaker(studio) as speaker, Listener(studio) as listener:
        for peer in (speaker, listener):
            _only_profile(peer, profile)
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        await listener.listen(0.5)

        assert purity(await listener.listen(1), RATE, 440) > 0.95


@pytest.mark.parametrize(("offered", "ours"), [("active", "passive"), ("passive", "active")])
async def test_the_offered_dtls_role_is_honoured(studio: Studio, offered: str, ours: str) -> None:
    """A peer that can only be one side of the handshake, as some encoders are, speaks and hears."""
    async with Speaker(studio) as speaker, Listener(studio) as listener:
        speaker.connection.addTrack(Sound.tone(440))
        for peer, role in ((speaker, "publish"), (listener, "subscribe")):
            text = await (peer.offer() if peer is speaker else listener.offer_to_listen())
            text = text.replace("a=setup:actpass", f"a=setup:{offered}")
            ask = studio.client.publish if role == "publish" else studio.client.subscribe
            answer = await ask(studio.grant(role), text)
            assert f"a=setup:{ours}\r\n" in answer.sdp
            await peer.accept(answer.sdp)
            await peer.connected()
        await listener.listen(0.5)

        assert purity(await listener.listen(1), RATE, 440) > 0.95


async def test_the_stronger_profile_is_chosen_where_the_peer_has_both(studio: Studio) -> None:
    async with Listener(studio) as listener:
        await listener.subscribe()
        transport = listener.connection.getTransceivers()[0].receiver.transport

        assert transport._ssl is not None
        assert transport._ssl.get_selected_srtp_profile() == b"SRTP_AEAD_AES_128_GCM"


@pytest.mark.parametrize("address", ["[::1]", "[::]"])
async def test_ipv6_is_heard_and_serves_ipv4_too(
    tmp_path_factory: pytest.TempPathFactory, address: str
) -> None:
    async with (
        Studio(tmp_path_factory.mktemp("sfu"), address=address) as studio,
        Speaker(studio) as speaker,
        Listener(studio) as listener,
    ):
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        await listener.listen(0.5)

        assert purity(await listener.listen(1), RATE, 440) > 0.95


async def test_a_peer_with_another_certificate_than_it_offered_is_refused(studio: Studio) -> None:
    """Whoever changed the offer on its way, or stole the ICE password, does not own the key."""
    async with studio.events() as events, Listener(studio) as listener:
        listener.connection.addTransceiver("audio", direction="recvonly")
        offer = await listener.offer()
        forged = "\r\n".join(
            "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)
            if line.startswith("a=fingerprint:sha-256")
            else line
            for line in offer.splitlines()
            if not line.startswith(("a=fingerprint:sha-384", "a=fingerprint:sha-512"))
        )
        answer = await studio.client.subscribe(studio.grant("subscribe"), forged + "\r\n")
        await listener.accept(answer.sdp)

        event = await events.get()

    assert (event.kind, event.reason) == ("disconnected", "handshake")


async def test_both_sides_are_told_how_it_arrives(studio: Studio) -> None:
    async with Speaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))

        sent = await _report(speaker, "remote-inbound-rtp")
        received = await _report(listener, "remote-outbound-rtp")

    assert sent.packetsLost == 0
    assert sent.roundTripTime is None or sent.roundTripTime < 1
    assert received.packetsSent > 0


async def test_what_a_publisher_pours_in_is_policed_and_others_are_heard(studio: Studio) -> None:
    """Ten times the packets, sources without number, other payload types: all his own loss."""
    async with Speaker(studio) as flooder, Speaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        await listener.listen(0.5)
        await flooder.publish(Sound.tone(880))

        flood = asyncio.create_task(_flood(flooder))
        heard = await listener.listen(2)
        await flood
        status = await studio.client.status()

    assert purity(heard, RATE, 440) > 0.95
    for reason in ("publisher_rate", "sources", "payload_type"):
        assert status.packets_refused[reason] > 0, reason


@pytest.mark.reliability("L4")
async def test_a_listener_whose_network_changed_goes_on_hearing(studio: Studio) -> None:
    """His next check comes from another address and proves the password: the sound follows it."""
    async with Speaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        await listener.listen(0.5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
            elsewhere.setblocking(False)
            elsewhere.sendto(_check(listener), ("127.0.0.1", studio.process.port))

            arrived = [await _receive(elsewhere) for _ in range(20)]

    assert sum(1 for data in arrived if 127 < data[0] < 192) >= 15


@pytest.mark.reliability("L4")
async def test_after_a_restart_the_sound_goes_on_and_follows_the_new_names(studio: Studio) -> None:
    async with Speaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        await listener.listen(0.5)
        fragment = "a=ice-ufrag:anew\r\na=ice-pwd:" + "p" * 22 + "\r\n"
        restarted = await studio.client.patch(listener.session, ["*"], fragment)
        assert purity(await listener.listen(1), RATE, 440) > 0.95, "by the old way until the new one works"

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
            elsewhere.setblocking(False)
            check = _check_of(restarted.fragment, "anew")
            elsewhere.sendto(check, ("127.0.0.1", studio.process.port))
            arrived = [await _receive(elsewhere) for _ in range(20)]

    assert sum(1 for data in arrived if 127 < data[0] < 192) >= 15


async def test_a_restart_is_of_the_session_that_the_client_knows(studio: Studio) -> None:
    async with Listener(studio) as listener:
        await listener.subscribe()
        fragment = "a=ice-ufrag:anew\r\na=ice-pwd:" + "p" * 22 + "\r\n"
        with pytest.raises(Outdated):
            await studio.client.patch(listener.session, ["another"], fragment)
        first = await studio.client.patch(listener.session, ["*"], fragment)
        again = await studio.client.patch(listener.session, [first.etag], fragment)
        assert (again.etag, again.fragment) == (first.etag, ""), "the same names are no restart"
        candidates = await studio.client.patch(listener.session, [first.etag], "a=end-of-candidates\r\n")
        assert candidates.fragment == ""
        for broken in ("a=ice-ufrag:anew\r\n", "a=ice-pwd:x\r\n", "hello", "a=ice-ufrag:\0\r\n"):
            with pytest.raises(Invalid):
                await studio.client.patch(listener.session, ["*"], broken)
        with pytest.raises(NotFound):
            await studio.client.patch("nobody", ["*"], fragment)


def _check(peer: Peer) -> bytes:
    """Return the connectivity check of this peer's session."""
    theirs = _attribute(peer.connection.localDescription.sdp, "ice-ufrag")
    return _check_of(peer.connection.remoteDescription.sdp, theirs)


def _check_of(ours: str, theirs: str) -> bytes:
    """Return the check that somebody called `theirs` sends to who wrote `ours`."""
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={
            "USERNAME": f"{_attribute(ours, 'ice-ufrag')}:{theirs}",
            "PRIORITY": 1,
            "ICE-CONTROLLING": 1,
            "USE-CANDIDATE": None,
        },
    )
    message.add_message_integrity(_attribute(ours, "ice-pwd").encode())
    return bytes(message)


def _attribute(sdp: str, name: str) -> str:
    found = re.search(rf"a={name}:(\S+)", sdp)
    assert found is not None
    return found[1]


async def _receive(sock: socket.socket) -> bytes:
    async with asyncio.timeout(5):
        return await asyncio.get_running_loop().sock_recv(sock, 2000)


async def _flood(speaker: Speaker) -> None:
    transport = speaker.connection.getSenders()[0].transport
    answer = speaker.connection.remoteDescription.sdp
    payload_type = int(re.findall(r"a=rtpmap:(\d+) opus", answer)[0])
    for number in range(4000):
        kind = payload_type if number % 4 else 5
        header = struct.pack("!BBHII", 0x80, kind, number & 0xFFFF, number * 960, 1000 + number % 100)
        with contextlib.suppress(ConnectionError):
            await transport._send_rtp(header + bytes(1000 if number % 7 == 0 else 3))
        if number % 50 == 0:
            await asyncio.sleep(0.02)


def _only_profile(peer: Peer, profile: SRTPProtectionProfile) -> None:
    """Let the stock client offer one SRTP profile only."""
    offer = peer.connection.createOffer

    async def create() -> Any:
        for transceiver in peer.connection.getTransceivers():
            transceiver.sender.transport._srtp_profiles = [profile]
        return await offer()

    peer.connection.createOffer = create  # type: ignore[method-assign]


async def _report(peer: Peer, kind: str) -> Any:
    async def ask() -> Any:
        stats = await peer.connection.getStats()
        return next((entry for entry in stats.values() if entry.type == kind), None)

    return await eventually(f"a {kind} report", ask, lambda entry: entry is not None)
