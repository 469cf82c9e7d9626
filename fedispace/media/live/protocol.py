"""What the web process and the SFU say to each other over their socket.

Each frame is a four-byte length and one JSON object. The SFU speaks first, with a challenge; the
client proves that it knows the secret, and the SFU's welcome proves the same; then requests are
answered by id, in any order, and events come whenever they happen. Both sides carry `VERSION` and
part at once when it differs.
"""

import asyncio
import hashlib
import hmac

import msgspec

from fedispace.errors import (
    Busy,
    Conflict,
    FedispaceError,
    Forbidden,
    Invalid,
    NotFound,
    Outdated,
    TooLarge,
    Unavailable,
)
from fedispace.media.live import messages

VERSION = 3
MAX_FRAME = 64 * 1024

_encoder = msgspec.json.Encoder()
_from_client = msgspec.json.Decoder(
    messages.Proof
    | messages.Open
    | messages.TakeStream
    | messages.Patch
    | messages.HangUp
    | messages.Silence
    | messages.Mute
    | messages.Expel
    | messages.Readmit
    | messages.CloseRoom
    | messages.StartRecording
    | messages.StopRecording
    | messages.Drain
    | messages.TakeClip
    | messages.OpenUpstream
    | messages.ConnectUpstream
    | messages.AskStatus
)
_from_sfu = msgspec.json.Decoder(
    messages.Challenge
    | messages.Welcome
    | messages.Answer
    | messages.Patched
    | messages.Done
    | messages.SfuStatus
    | messages.ClipPiece
    | messages.Failed
    | messages.SessionEvent
    | messages.RecordingEvent
)

_ERRORS: dict[str, type[FedispaceError]] = {
    kind.__name__: kind
    for kind in (TooLarge, Invalid, Forbidden, Conflict, NotFound, Outdated, Busy, Unavailable)
}


def frame(message: messages.FromClient | messages.FromSfu) -> bytes:
    """Return `message` as it goes on the socket."""
    body = _encoder.encode(message)
    return len(body).to_bytes(4, "big") + body


def heard_by_sfu(body: bytes) -> messages.FromClient:
    """Parse what a client sent; raises `msgspec.DecodeError`."""
    message: messages.FromClient = _from_client.decode(body)
    return message


def heard_by_client(body: bytes) -> messages.FromSfu:
    """Parse what the SFU sent; raises `msgspec.DecodeError`."""
    message: messages.FromSfu = _from_sfu.decode(body)
    return message


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """Return the next frame's body; raise `ConnectionError` at the end or when it is too long."""
    try:
        length = int.from_bytes(await reader.readexactly(4), "big")
        if length > MAX_FRAME:
            raise ConnectionError("frame too long")
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the socket closed") from error


def proof_for(challenge: messages.Challenge, secret: bytes, binding: str = "") -> str:
    """Return what only a holder of `secret` can answer to `challenge`, on the channel of this `binding`."""
    text = f"fedispace control v{challenge.version}\n{challenge.boot}\n{challenge.nonce}\n{binding}"
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def welcome_for(proof: messages.Proof, secret: bytes, binding: str = "") -> str:
    """Return what only a holder of `secret` can say to the sender of `proof`."""
    text = f"fedispace welcome v{proof.version}\n{proof.nonce}\n{binding}"
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def failure(id_: int, error: FedispaceError) -> messages.Failed:
    """Return `error` as it travels."""
    kind = next((kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _ERRORS), "Unavailable")
    return messages.Failed(
        id=id_,
        error=kind,
        detail=error.detail,
        field=getattr(error, "field", None),
        retry_after=getattr(error, "retry_after", 0),
    )


def raised(failed: messages.Failed) -> FedispaceError:
    """Return the error that `failed` carried."""
    kind = _ERRORS.get(failed.error, Unavailable)
    if issubclass(kind, Invalid):
        return kind(failed.detail, field=failed.field)
    if issubclass(kind, Busy):
        return kind(failed.detail, retry_after=failed.retry_after)
    return kind(failed.detail)
