"""A reply from another server is heard in the room."""

from sqlalchemy import select

from fedispace.spaces.models import Space
from tests.api.listener import Listener
from tests.federation.fediverse import Fediverse, Server

AT = "/api/fedispace/v1/spaces"


async def test_a_reply_an_edit_and_a_deletion_of_another_server_are_told_in_the_room(
    fediverse: Fediverse, alpha: Server, beta: Server
) -> None:
    alice, bob = await alpha.person("alice"), await beta.person("bob")
    made = await alice.post(AT, {"title": "An open floor"}, expect=201)
    await alice.post(f"{AT}/{made['id']}/open")
    await fediverse.settle()
    async with alpha.app.db.reading() as tx:
        announced = await tx.scalar(select(Space.announcement_id).where(Space.id == int(made["id"])))
    uri = f"{alpha.origin}/users/alice/statuses/{announced}"
    found = await bob.get("/api/v2/search", q=uri, resolve="true", type="statuses")
    [post] = found["statuses"]
    async with Listener(f"http://127.0.0.1:{alpha.port}", made["id"]) as visitor:
        fediverse.clock.advance(seconds=130)
        reply = {"status": "hello from beta", "in_reply_to_id": post["id"]}
        posted = await bob.post("/api/v1/statuses", reply)
        await fediverse.settle()
        told = await visitor.event("post")
        assert (told["offset"], told["is_after"]) == (130, False)
        [shown] = await alice.get(f"{AT}/{made['id']}/replies")
        assert (shown["status"]["id"], shown["status"]["account"]["acct"]) == (told["id"], "bob@b.test")
        fediverse.clock.advance(seconds=10)
        await bob.call("PUT", f"/api/v1/statuses/{posted['id']}", json={"status": "edited"})
        await fediverse.settle()
        assert (await visitor.event("post_edited"))["id"] == told["id"]
        await bob.delete(f"/api/v1/statuses/{posted['id']}")
        await fediverse.settle()
        assert (await visitor.event("post_removed"))["id"] == told["id"]
