"""Nobody's address, ticket, password or session description is ever written to a log."""

import asyncio
import re
import secrets
import socket
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from tests.api.site import Client, Site
from tests.api.sound.doors import AT, SDP
from tests.api.sounding import site_of
from tests.ground.eventually import eventually
from tests.media.peers import Sound
from tests.media.studio import Studio

_SECRET_LINE = re.compile(r"a=(?:ice-ufrag|ice-pwd|fingerprint:sha-256|candidate):?\s?(\S+)")
_STRANGER = "127.66.0.1"


class _Story:
    """Somebody's connection, and all of it that no log may hold."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()

    async def enter(self, site: Site, path: str, peer: RTCPeerConnection, bearer: str) -> str:
        """Connect; return the session's address."""
        await peer.setLocalDescription(await peer.createOffer())
        offered = peer.localDescription.sdp
        headers = {**SDP, "Authorization": f"Bearer {bearer}"}
        status, answer, told = await site.anyone.call("POST", path, data=offered, headers=headers)
        assert status == 201, answer
        self.secrets |= {bearer, *_secrets_of(offered), *_secrets_of(answer)}
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        async with asyncio.timeout(20):
            while peer.connectionState != "connected":
                await asyncio.sleep(0.02)
        address = str(told["Location"]).removeprefix(site.origin)
        self.secrets.add(address.rsplit("/", 1)[1])
        return address


def _secrets_of(sdp: str) -> set[str]:
    found = set(_SECRET_LINE.findall(sdp))
    # A candidate's foundation is a hash of its address: short ones could be any number.
    return {text for text in found if len(text) > 3} | {"v=0", "a=candidate", "ice-pwd"}


async def _ticket(who: Client, space: dict[str, Any], role: str) -> str:
    return str((await who.post(f"{AT}/{space['id']}/join", {"role": role}))["ticket"])


async def _besiege(site: Site, port: int, space: dict[str, Any], spent: str, names: str) -> None:
    """Offers, tickets, datagrams and connections that are to be refused."""
    for body in ("v=0\r\nice-pwd nonsense", "a=ice-pwd:" + "x" * 20_000, "", "\0"):
        for bearer in (spent, "made-up-bearer"):
            headers = {**SDP, "Authorization": f"Bearer {bearer}"}
            await site.anyone.call("POST", f"/spaces/{space['id']}/whip", data=body, headers=headers)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((_STRANGER, 0))
        for size in (0, 1, 19, 40, 200, 1400):
            sock.sendto(secrets.token_bytes(size), ("127.0.0.1", port))
        name = names.encode()
        check = b"\x00\x06" + len(name).to_bytes(2, "big") + name + bytes(-len(name) % 4)
        integrity = b"\x00\x08\x00\x14" + bytes(20)
        head = b"\x00\x01" + (len(check) + 24).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12)
        sock.sendto(head + check + integrity, ("127.0.0.1", port))
    for junk in (b"\xff\xff" + bytes(10), b"GET / HTTP/1.1\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(_STRANGER, 0))
        writer.write(junk)
        await writer.drain()
        async with asyncio.timeout(10):
            await reader.read()
        writer.close()


@pytest.mark.attack(111)
@pytest.mark.privacy("P-08")
async def test_a_whole_evening_leaves_no_secret_and_no_address_in_the_logs(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    story = _Story()
    async with Studio(tmp_path, recordings=tmp_path / "kept") as studio, site_of(studio, tmp_path) as site:
        alice, bob = await site.person("alice"), await site.person("bob")
        space = await alice.post(AT, {"title": "An evening"}, expect=201)
        await alice.post(f"{AT}/{space['id']}/open")
        speaking = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        listening = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        speaking.addTrack(Sound.tone(440))
        listening.addTransceiver("audio", direction="recvonly")
        first, second = await _ticket(alice, space, "speaker"), await _ticket(bob, space, "listener")
        session = await story.enter(site, f"/spaces/{space['id']}/whip", speaking, first)
        await story.enter(site, f"/spaces/{space['id']}/whep", listening, second)
        await studio.client.start_recording(str(space["id"]), "evening.opus")

        transport = speaking.getSenders()[0].transport.transport._connection
        names = f"{transport.remote_username}:{transport.local_username}"
        await _besiege(site, studio.process.port, space, first, names)

        await site.anyone.call("DELETE", session)
        await listening.close()
        await eventually("all have left", studio.client.status, lambda status: not status.rooms)
        await speaking.close()
        await alice.post(f"{AT}/{space['id']}/close")
    out, err = capfd.readouterr()

    assert "sfu.session_ended" in err
    assert "space.entered" in out
    for line in [*err.splitlines(), *out.splitlines()]:
        held = [text for text in story.secrets if text in line]
        assert not held, f"{held} in {line}"
        assert _STRANGER not in line
    assert not re.search(r"\b127\.0\.0\.\d+\b|::1\b", err), "the audio server names no address"
