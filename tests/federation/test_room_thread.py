"""A reply from another server is heard in the room."""

from sqlalchemy import select

from fedispace.spaces.models import Space
from tests.api.listener import Listener
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server

AT = "/api/fedispace/v1/spaces"


async def opened(fediverse: Fediverse, alice: Client, bob: Client) -> tuple[str, str]:
    """Let alice open a Space; return its id there, and the id of its post where bob is."""
    made = await alice.post(AT, {"title": "An open floor"}, expect=201)
    await alice.post(f"{AT}/{made['id']}/open")
    await fediverse.settle()
    async with fediverse.alpha.app.db.reading() as tx:
        announced = await tx.scalar(select(Space.announcement_id).where(Space.id == int(made["id"])))
    uri = f"{fediverse.alpha.origin}/users/alice/statuses/{announced}"
    found = await bob.get("/api/v2/search", q=uri, resolve="true", type="statuses")
    [post] = found["statuses"]
    return made["id"], post["id"]


async def test_a_reply_an_edit_and_a_deletion_of_another_server_are_told_in_the_room(
    fediverse: Fediverse, alpha: Server, beta: Server
) -> None:
    alice, bob = await alpha.person("alice"), await beta.person("bob")
    room, post = await opened(fediverse, alice, bob)
    async with Listener(f"http://127.0.0.1:{alpha.port}", room) as visitor:
        fediverse.clock.advance(seconds=130)
        reply = {"status": "hello from beta", "in_reply_to_id": post}
        posted = await bob.post("/api/v1/statuses", reply)
        await fediverse.settle()
        told = await visitor.event("post")
        assert (told["offset"], told["is_after"]) == (130, False)
        [shown] = await alice.get(f"{AT}/{room}/replies")
        assert (shown["status"]["id"], shown["status"]["account"]["acct"]) == (told["id"], "bob@b.test")
        fediverse.clock.advance(seconds=10)
        await bob.call("PUT", f"/api/v1/statuses/{posted['id']}", json={"status": "edited"})
        await fediverse.settle()
        assert (await visitor.event("post_edited"))["id"] == told["id"]
        await bob.delete(f"/api/v1/statuses/{posted['id']}")
        await fediverse.settle()
        assert (await visitor.event("post_removed"))["id"] == told["id"]


async def test_a_reply_of_another_server_waits_until_a_paused_room_goes_on(
    fediverse: Fediverse, alpha: Server, beta: Server
) -> None:
    alice, bob = await alpha.person("alice"), await beta.person("bob")
    room, post = await opened(fediverse, alice, bob)
    fediverse.clock.advance(seconds=60)
    async with Listener(f"http://127.0.0.1:{alpha.port}", room) as visitor:
        await alice.post(f"{AT}/{room}/room/pause")
        await visitor.event("paused")
        fediverse.clock.advance(seconds=60)
        posted = await bob.post("/api/v1/statuses", {"status": "raid!", "in_reply_to_id": post})
        await fediverse.settle()
        assert await alice.get(f"{AT}/{room}/replies") == []
        kept = await alice.get("/api/v2/search", q=posted["uri"], type="statuses")
        assert [each["uri"] for each in kept["statuses"]] == [posted["uri"]], "it is an ordinary post"
        await alice.post(f"{AT}/{room}/room/resume")
        await visitor.event("paused")
        assert "post" not in [said["event"] for said in visitor.heard]
    [shown] = await alice.get(f"{AT}/{room}/replies")
    assert (shown["status"]["uri"], shown["offset_seconds"]) == (posted["uri"], 120)
