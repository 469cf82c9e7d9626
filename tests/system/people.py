"""What people do in these stories, in one call each."""

from dataclasses import dataclass

from tests.ground.api import Api, Json
from tests.ground.eventually import eventually
from tests.ground.instance import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two servers that know nothing of each other until somebody looks."""

    a: Instance
    b: Instance


async def befriend(follower: Api, address: str) -> str:
    """Let `follower` find and follow `address`; return the account's id at the follower's server."""
    account = await follower.account(address)
    await follower.follow(account["id"])
    await eventually(
        f"{address} accepted the follow",
        lambda: follower.relationship(account["id"]),
        lambda relationship: bool(relationship["following"]),
    )
    return str(account["id"])


async def sees_at_home(reader: Api, uri: str, *, within: float = 60.0) -> Json:
    """Wait until the post with this `uri` stands in the reader's home timeline, and return it."""
    home = await eventually(
        f"{uri} stands in the home timeline",
        reader.home,
        lambda posts: any(post["uri"] == uri for post in posts),
        within=within,
    )
    return next(post for post in home if post["uri"] == uri)


async def is_told(reader: Api, kind: str, *, by: str, about: str | None = None, within: float = 60.0) -> Json:
    """Wait for a notification of `kind` by the account `by` (user@host), newest first.

    `about` is the address of the post it has to be about.
    """

    def matches(notification: Json) -> bool:
        meant = about is None or (notification["status"] or {}).get("uri") == about
        return bool(notification["type"] == kind and notification["account"]["acct"] == by and meant)

    told = await eventually(
        f"a {kind} by {by} is notified",
        reader.notifications,
        lambda notifications: any(matches(notification) for notification in notifications),
        within=within,
    )
    return next(notification for notification in told if matches(notification))
