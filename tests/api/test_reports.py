"""Filing a report with a Mastodon client."""

from tests.api.site import Client, Site


async def test_a_report_names_a_person_and_their_posts(alice: Client, bob: Client) -> None:
    post = await bob.post("/api/v1/statuses", {"status": "Rude"})
    report = await alice.post(
        "/api/v1/reports",
        {
            "account_id": bob.id,
            "status_ids": [post["id"]],
            "comment": "Rude",
            "category": "violation",
            "rule_ids": ["1"],
            "forward": True,
        },
    )
    assert set(report) == {
        "id",
        "action_taken",
        "action_taken_at",
        "category",
        "comment",
        "forwarded",
        "created_at",
        "status_ids",
        "rule_ids",
        "target_account",
    }
    assert report["status_ids"] == [post["id"]]
    assert report["target_account"]["acct"] == "bob"
    assert report["forwarded"] is False


async def test_a_report_cannot_name_what_one_may_not_see(alice: Client, bob: Client) -> None:
    secret = await bob.post("/api/v1/statuses", {"status": "Secret", "visibility": "private"})
    for id_ in (secret["id"], "7"):
        status, _, _ = await alice.call(
            "POST", "/api/v1/reports", json={"account_id": bob.id, "status_ids": [id_]}
        )
        assert status == 422


async def test_an_unknown_person_cannot_be_reported(alice: Client, site: Site) -> None:
    status, _, _ = await alice.call("POST", "/api/v1/reports", json={"account_id": "7"})
    assert status == 404
