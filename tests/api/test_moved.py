"""Who moved away is shown with whom they became, in every list that shows them."""

from typing import Any

from sqlalchemy import update

from fedispace.accounts.models import Account
from tests.api.site import Client, Site


def moved(accounts: list[Any]) -> list[Any]:
    """Return whom those of the accounts that are bob have become."""
    return [each["moved"] and each["moved"]["acct"] for each in accounts if each["acct"] == "bob"]


async def test_every_list_of_people_says_whom_somebody_who_moved_became(
    site: Site, alice: Client, bob: Client
) -> None:
    mine = await alice.post("/api/v1/statuses", {"status": "mine"})
    locked = await site.person("dora", locked=True)
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    await alice.post(f"/api/v1/accounts/{bob.id}/follow")
    await bob.post(f"/api/v1/accounts/{locked.id}/follow")
    await bob.post(f"/api/v1/statuses/{mine['id']}/favourite")
    await bob.post(f"/api/v1/statuses/{mine['id']}/reblog")
    await bob.post("/api/v1/statuses", {"status": "@alice psst", "visibility": "direct"})
    carol = await site.person("carol")
    async with site.home.db.transaction() as tx:
        await tx.execute(
            update(Account).where(Account.id == bob.account.id).values(moved_to_uri=carol.account.uri)
        )
    lists = [
        await alice.get(f"/api/v1/accounts/{alice.id}/followers"),
        await alice.get(f"/api/v1/accounts/{alice.id}/following"),
        await locked.get("/api/v1/follow_requests"),
        await alice.get(f"/api/v1/statuses/{mine['id']}/favourited_by"),
        await alice.get(f"/api/v1/statuses/{mine['id']}/reblogged_by"),
        await alice.get("/api/v1/accounts/search", q="bob"),
        await alice.get("/api/v1/accounts", **{"id[]": bob.id}),
        (await alice.get("/api/v2/search", q="bob"))["accounts"],
        [each["account"] for each in await alice.get("/api/v1/notifications", **{"types[]": "follow"})],
        (await alice.get("/api/v2/notifications"))["accounts"],
        (await alice.get("/api/v1/conversations"))[0]["accounts"],
    ]
    await alice.post(f"/api/v1/accounts/{bob.id}/mute")
    lists.append(await alice.get("/api/v1/mutes"))
    await alice.post(f"/api/v1/accounts/{bob.id}/block")
    lists.append(await alice.get("/api/v1/blocks"))
    assert [moved(each) for each in lists] == [["carol"]] * len(lists)
