"""What is brought to the doors of sound: an offer, and the ticket that opens."""

from typing import Any

from aiortc import RTCPeerConnection

from tests.api.site import Client

AT = "/api/fedispace/v1/spaces"
SDP = {"Content-Type": "application/sdp"}


async def offer(direction: str = "sendonly") -> str:
    peer = RTCPeerConnection()
    peer.addTransceiver("audio", direction=direction)
    await peer.setLocalDescription(await peer.createOffer())
    sdp = peer.localDescription.sdp
    await peer.close()
    return sdp


async def ticket(who: Client, space: dict[str, Any], role: str) -> dict[str, str]:
    """Return the headers of somebody who comes with a ticket."""
    found = await who.post(f"{AT}/{space['id']}/join", {"role": role})
    return {"Authorization": f"Bearer {found['ticket']}", **SDP}
