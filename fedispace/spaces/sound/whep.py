"""A room anywhere, by its WHEP address: what a `Cascade` may take its sound from."""

from collections.abc import Mapping
from typing import Final

from fedispace.errors import Forbidden, Invalid, NotFound, Unavailable
from fedispace.hosts import origin_of
from fedispace.media.live.whep_answer import read_answer
from fedispace.net import Net

_SDP: Final = "application/sdp"


class WhepAddress:
    """Listens at `url`, with a ticket where the room asks for one.

    All of the answer is a stranger's word: it is read before it goes to an SFU, and names no address
    that must not be sent to (our own network's).
    """

    def __init__(self, net: Net, url: str, bearer: str | None = None) -> None:
        self._net = net
        self._url = url
        self._bearer = bearer

    async def answer(self, offer: str) -> str:
        """Return the answer to a listener's offer; raises what kept us out."""
        response = await self._net.post(self._url, offer.encode(), content_type=_SDP, sign=self._ticket_shown)
        if response.status != 201:
            raise _refusal(response.status)
        try:
            answer = response.body.decode()
        except UnicodeDecodeError:
            raise Invalid("the answer is not text", field="sdp") from None
        for address, _ in read_answer(answer).addresses:
            if not self._net.may_reach(address):
                raise Forbidden("the answer names an address that may not be reached")
        return answer

    def _ticket_shown(self, _method: str, url: str, _body: bytes | None) -> Mapping[str, str]:
        """Show the ticket to the server it is for, and to none it redirects to."""
        if self._bearer is None or origin_of(url) != origin_of(self._url):
            return {}
        return {"Authorization": f"Bearer {self._bearer}"}


def _refusal(status: int) -> Exception:
    if status in (404, 409, 410):
        return NotFound("there is no such room, or it is over")
    if status in (401, 403):
        return Forbidden("the room lets us not in")
    return Unavailable(f"the room's server answered {status}")
