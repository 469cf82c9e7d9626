"""Software that is not ours follows alice, receives her posts, and is answered."""

import asyncio
import json
import secrets
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.ground.api import Api, Json
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.ground.peers import ACTIVITYPUB_TESTING, NODE, BovinePeer, FedifyBot, FirstKnock
from tests.ground.recorder import CONTEXT, PUBLIC
from tests.ground.signing import signed_headers
from tests.system.people import befriend, is_told, sees_at_home

pytestmark = pytest.mark.system

CAVAGE: FirstKnock = "draft-cavage-http-signatures-12"
RFC9421: FirstKnock = "rfc9421"


@pytest.fixture(scope="module", params=[CAVAGE, RFC9421])
def bot(ground: Ground, request: pytest.FixtureRequest) -> Iterator[FedifyBot]:
    """A Fedify bot whose first attempt is signed one way or the other."""
    knock: FirstKnock = request.param
    found = ground.fedify("cavage.fedify.test" if knock == CAVAGE else "rfc9421.fedify.test", knock)
    yield found
    print(found.words())


@pytest.fixture(scope="module")
def bovine(ground: Ground) -> Iterator[BovinePeer]:
    """A bovine peer."""
    found = ground.bovine("bovine.test")
    yield found
    print(found.words())


async def _understood(bot: FedifyBot, kind: str, **wanted: str) -> Json:
    """Wait until the bot has verified and understood an activity of `kind`."""

    def matches(entry: Json) -> bool:
        return entry["type"] == kind and all(value in str(entry.get(key)) for key, value in wanted.items())

    entries: list[Json] = await eventually(
        f"the bot understood {kind} {wanted}",
        lambda: bot.desk.read("handled"),
        lambda found: any(matches(entry) for entry in found),
    )
    return next(entry for entry in entries if matches(entry))


async def test_fedify_follows_alice_and_receives_her_post(alpha: Instance, bot: FedifyBot) -> None:
    async with alpha.client("alice") as alice:
        follow = await bot.desk.order("follow", actor=f"@alice@{alpha.name}")
        await _understood(bot, "Accept", object=follow["id"])

        words = f"for those who follow {secrets.token_hex(4)}"
        post = await alice.publish(words)

        create = await _understood(bot, "Create", object=post["uri"])
        assert words in create["content"]


async def test_fedify_is_accepted_at_its_first_knock_whichever_signature_it_uses(
    alpha: Instance, bot: FedifyBot
) -> None:
    async with alpha.client("alice"):
        follow = await bot.desk.order("follow", actor=f"@alice@{alpha.name}")
        await _understood(bot, "Accept", object=follow["id"])

    log = (alpha.home / "nginx" / "access.log").read_text().splitlines()
    posts = [line for line in log if '"POST ' in line and bot.name in line]
    assert posts
    for line in posts:
        assert line.split()[1] == "202", line
        assert ("signature-input" in line or 'input="sig1' in line) == ("rfc9421" in bot.name), line


async def test_fedify_echoes_a_mention_and_the_echo_is_a_reply(alpha: Instance, bot: FedifyBot) -> None:
    async with alpha.client("alice") as alice:
        await alice.account(bot.handle)
        question = await alice.publish(f"{bot.handle} anybody there? {secrets.token_hex(4)}")

        mention = await is_told(alice, "mention", by=f"bot@{bot.name}")

        assert mention["status"]["in_reply_to_id"] == question["id"]
        assert "anybody there?" in mention["status"]["content"]


async def test_alice_follows_fedify_and_is_accepted(alpha: Instance, bot: FedifyBot) -> None:
    async with alpha.client("alice") as alice:
        await befriend(alice, bot.handle)

        note = await bot.desk.order("note", content="<p>news</p>", to=f"https://{alpha.name}/@alice")

        post = await sees_at_home(alice, note["id"])
        assert post["account"]["acct"] == f"bot@{bot.name}"


async def test_a_like_from_fedify_reaches_alice(alpha: Instance, bot: FedifyBot) -> None:
    async with alpha.client("alice") as alice:
        post = await alice.publish(f"likeable {secrets.token_hex(4)}")

        await bot.desk.order("like", object=post["uri"], to=f"@alice@{alpha.name}")

        like = await is_told(alice, "favourite", by=f"bot@{bot.name}")
        assert like["status"]["id"] == post["id"]


@pytest.mark.row(8, 10, 85)
async def test_fedify_takes_our_proof_and_takes_it_no_more_when_anything_is_changed(
    alpha: Instance, bot: FedifyBot
) -> None:
    async with alpha.client("alice") as alice:
        follow = await bot.desk.order("follow", actor=f"@alice@{alpha.name}")
        await _understood(bot, "Accept", object=follow["id"])
        post = await alice.publish(f"Grüße, 世界 {secrets.token_hex(4)} #proof")

        async def arrived() -> list[Json]:
            wire = await bot.desk.read("wire")
            bodies = [entry["body"] for entry in wire if entry["method"] == "POST" and entry["body"]]
            return [
                body for body in bodies if body["type"] == "Create" and body["object"]["id"] == post["uri"]
            ]

        (create, *_) = await eventually("the post arrived", arrived, bool)
    assert (await bot.desk.order("proven", activity=create))["proven"] is True
    changed = [
        {**create, "object": {**create["object"], "content": "something else"}},
        {**create, "actor": f"https://{bot.name}/users/bot"},
        {**create, "proof": {**create["proof"], "created": "2026-01-01T00:00:00Z"}},
        {name: value for name, value in create.items() if name != "proof"},
    ]
    for activity in changed:
        assert (await bot.desk.order("proven", activity=activity))["proven"] is False, activity


@pytest.mark.row(84, 85)
async def test_a_reply_proven_by_fedify_is_believed_whoever_brings_it_and_a_changed_one_is_not(
    ground: Ground, alpha: Instance, bot: FedifyBot
) -> None:
    async with (
        alpha.client("alice") as alice,
        ground.recorder(f"carrier-{secrets.token_hex(3)}.test") as carrier,
    ):
        inbox = (await alice.document((await alice.me())["uri"]))["inbox"]
        mallory = carrier.actor("mallory")
        post = await alice.publish("what do you think?")
        words = f"well {secrets.token_hex(4)}"
        await bot.desk.order("note", content=f"<p>{words}</p>", to=mallory, inReplyTo=post["uri"])

        async def brought() -> list[Json]:
            return carrier.received("Create")

        (sealed,) = await eventually("the carrier has it", brought, bool)
        forged = {**sealed, "object": {**sealed["object"], "content": "what the bot never said"}}
        for activity, status in ((forged, 401), (sealed, 202)):
            body = json.dumps(activity).encode()
            answer = await carrier.post(
                inbox, body, signed_headers(carrier.key(mallory), "POST", inbox, body)
            )
            assert answer.status == status, answer

        async def replies() -> list[Json]:
            context = await alice.get(f"/api/v1/statuses/{post['id']}/context")
            return [each for each in context["descendants"] if words in each["content"]]

        (reply,) = await eventually("the reply is there", replies, bool)
        assert reply["account"]["acct"] == f"bot@{bot.name}"


async def _bovine_received(bovine: BovinePeer, kind: str, text: str = "") -> Json:
    """Wait until bovine has verified an activity of `kind` that contains `text`."""

    def matches(entry: Json) -> bool:
        return entry["activity"]["type"] == kind and text in json.dumps(entry["activity"])

    entries: list[Json] = await eventually(
        f"bovine received {kind} with {text}",
        lambda: bovine.desk.read("received"),
        lambda found: any(matches(entry) for entry in found),
    )
    return next(entry for entry in entries if matches(entry))


async def _actor_of(alpha: Instance, bovine: BovinePeer, user: str) -> Json:
    """Let bovine fetch one of our people, signed, as it would before writing to them."""
    async with alpha.client() as stranger:
        found = await stranger.get("/.well-known/webfinger", resource=f"acct:{user}@{alpha.name}")
    uri = next(link["href"] for link in found["links"] if link["rel"] == "self")
    actor: Json = await bovine.desk.read("fetch", uri=uri)
    assert actor["id"] == uri
    return actor


async def _post(bovine: BovinePeer, inbox: str, activity: dict[str, Any]) -> Json:
    answer: Json = await bovine.desk.order(
        "post", inbox=inbox, activity={"@context": CONTEXT, "actor": bovine.actor, **activity}
    )
    return answer


async def test_bovine_follows_alice_and_receives_her_post(alpha: Instance, bovine: BovinePeer) -> None:
    async with alpha.client("alice") as alice:
        actor = await _actor_of(alpha, bovine, "alice")

        follow = await _post(bovine, actor["inbox"], {"type": "Follow", "object": actor["id"]})

        assert follow["status"] == 202
        accept = await _bovine_received(bovine, "Accept", follow["id"])
        assert accept["signer"] == accept["activity"]["actor"] == actor["id"]

        post = await alice.publish(f"moo {secrets.token_hex(4)}")
        create = await _bovine_received(bovine, "Create", post["uri"])
        assert create["signer"] == create["activity"]["object"]["attributedTo"] == actor["id"]
        assert post["content"] == create["activity"]["object"]["content"]


async def test_bovine_writes_to_alice_and_is_answered(alpha: Instance, bovine: BovinePeer) -> None:
    async with alpha.client("alice") as alice:
        actor = await _actor_of(alpha, bovine, "alice")
        note = {
            "id": f"https://{bovine.name}/notes/{secrets.token_hex(8)}",
            "type": "Note",
            "attributedTo": bovine.actor,
            "content": "<p>How do you do?</p>",
            "to": [actor["id"]],
            "cc": [PUBLIC],
            "published": "2026-11-12T19:00:00Z",
            "tag": [{"type": "Mention", "href": actor["id"], "name": f"@alice@{alpha.name}"}],
        }

        sent = await _post(bovine, actor["inbox"], {"type": "Create", "object": note, "to": note["to"]})

        assert sent["status"] == 202
        mention = await is_told(alice, "mention", by=f"buttercup@{bovine.name}")
        words = f"very well {secrets.token_hex(4)}"
        await alice.publish(f"{bovine.handle} {words}", in_reply_to_id=mention["status"]["id"])
        answer = await _bovine_received(bovine, "Create", words)
        assert answer["activity"]["object"]["inReplyTo"] == note["id"]
        assert bovine.actor in answer["activity"]["to"] + answer["activity"]["cc"]


async def test_a_vote_a_reaction_and_a_reply_of_bovine_count_until_they_are_taken_back(
    alpha: Instance, bovine: BovinePeer
) -> None:
    async with alpha.client("alice") as alice:
        actor = await _actor_of(alpha, bovine, "alice")
        poll = await alice.publish("hay or grass?", poll={"options": ["hay", "grass"], "expires_in": 300})
        to_alice = {"attributedTo": bovine.actor, "to": [actor["id"]], "inReplyTo": poll["uri"]}

        def note(**more: Any) -> Json:
            return {
                "type": "Note",
                "id": f"https://{bovine.name}/notes/{secrets.token_hex(8)}",
                **to_alice,
                **more,
            }

        async def sends(activity: dict[str, Any]) -> Json:
            sent = await _post(bovine, actor["inbox"], {"to": [actor["id"]], **activity})
            assert sent["status"] == 202, sent
            return sent

        async def counted() -> tuple[int, int, list[tuple[str, int]]]:
            post = await alice.status(poll["id"])
            found = await alice.get(f"/api/fedispace/v1/statuses/{poll['id']}/reactions")
            reactions = [(each["name"], each["count"]) for each in found]
            return post["poll"]["votes_count"], post["replies_count"], reactions

        answer = note(content="<p>Moo.</p>", cc=[PUBLIC])
        await sends({"type": "Create", "object": note(name="grass")})
        await sends({"type": "Create", "object": note(name="hay")})
        reacted = {"type": "EmojiReact", "actor": bovine.actor, "object": poll["uri"], "content": "🐄"}
        reaction = await sends(reacted)
        await sends({"type": "Create", "object": answer, "cc": [PUBLIC]})
        await eventually("all three count, the vote once", counted, lambda now: now == (1, 1, [("🐄", 1)]))

        await sends({"type": "Undo", "object": {**reacted, "id": reaction["id"]}})
        await sends({"type": "Delete", "object": {"type": "Tombstone", "id": answer["id"]}})
        await eventually("only the vote is left", counted, lambda now: now == (1, 0, []))


async def test_activitypub_testing_finds_no_fault_with_our_actors(ground: Ground, alpha: Instance) -> None:
    async with alpha.client("alice") as alice:
        await alice.publish("so that the outbox is not empty")
        actor = await alice.me()
    command = [str(NODE), str(ACTIVITYPUB_TESTING), "test", "actor", actor["uri"]]

    ran = await asyncio.to_thread(
        subprocess.run,
        ground.names.wrap(command),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", **ground.authority.environment()},
    )

    assertions = list(_json_objects(ran.stdout))
    outcomes = {each["test"]["slug"]: each["result"] for each in assertions}
    assert len(outcomes) >= 10, ran.stdout + ran.stderr
    failed = {slug: result for slug, result in outcomes.items() if result["outcome"] == "failed"}
    assert not failed
    passed = [slug for slug, result in outcomes.items() if result["outcome"] == "passed"]
    assert len(passed) >= 5, {slug: result["outcome"] for slug, result in outcomes.items()}


def _json_objects(text: str) -> Iterator[Json]:
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        found, end = decoder.raw_decode(text)
        yield found
        text = text[end:]


async def test_every_note_of_the_pasture_is_ingested_or_refused_with_a_reason(
    alpha: Instance, bovine: BovinePeer
) -> None:
    examples: list[Json] = await bovine.desk.read("notes")
    assert len(examples) == 262
    async with alpha.client("pasture") as reader:
        inbox = (await _actor_of(alpha, bovine, "pasture"))["inbox"]
        cow = await _follow_bovine(reader, bovine, inbox)
        taken: dict[str, str] = {}
        refused: list[Json] = []
        for example in examples:
            create = _create_of(bovine, example["example"])
            answer = await _post(bovine, inbox, create)
            assert answer["status"] < 500, (example, answer)
            if answer["status"] == 202:
                taken[create["id"]] = create["object"].get("id", "")
            else:
                assert json.loads(answer["body"])["title"], (example, answer)
                refused.append(example)

        async def unexplained() -> list[str]:
            """Return the activities that are neither a post at the reader's server nor a line of its log."""
            stored = await _uris_of(reader, cow)
            log = alpha.log.read_text()
            return [
                activity for activity, note in taken.items() if note not in stored and activity not in log
            ]

        await eventually("each note has an outcome", unexplained, lambda left: not left, within=60)
        stored = await _uris_of(reader, cow)
    assert len(stored) >= 230, f"only {len(stored)} became posts; refused at the door: {refused[:5]}"


async def _follow_bovine(reader: Api, bovine: BovinePeer, inbox: str) -> str:
    """Follow bovine, which accepts when it is told to; return its account at the reader's server."""
    account = await reader.account(bovine.handle)
    await reader.follow(account["id"])
    me = await reader.me()
    follow = (await _bovine_received(bovine, "Follow", me["uri"]))["activity"]
    assert (await _post(bovine, inbox, {"type": "Accept", "object": follow}))["status"] == 202
    await eventually(
        "the follow is accepted",
        lambda: reader.relationship(account["id"]),
        lambda relationship: bool(relationship["following"]),
    )
    return str(account["id"])


def _create_of(bovine: BovinePeer, example: Json) -> Json:
    """Wrap an example of the pasture as its own sender does: null removes a property."""
    own = json.loads(
        json.dumps(example)
        .replace("http://pasture-one-actor/actor", bovine.actor)
        .replace("http://pasture-one-actor", f"https://{bovine.name}")
    )
    note = {
        "id": f"https://{bovine.name}/notes/{secrets.token_hex(8)}",
        "type": "Note",
        "attributedTo": bovine.actor,
        "to": [PUBLIC],
        "cc": [f"https://{bovine.name}/followers"],
        "published": "2026-11-12T19:00:00Z",
        **own,
    }
    context = note.pop("@context", CONTEXT)
    return {
        "@context": context or CONTEXT,
        "id": f"https://{bovine.name}/activities/{secrets.token_hex(8)}",
        "type": "Create",
        "to": note["to"],
        "cc": note["cc"],
        "object": {name: value for name, value in note.items() if value is not None},
    }


async def _uris_of(reader: Api, account_id: str) -> set[str]:
    """Return the URIs of every post of an account, page by page."""
    uris: set[str] = set()
    page: dict[str, str] = {"limit": "40"}
    while posts := await reader.get(f"/api/v1/accounts/{account_id}/statuses", **page):
        uris |= {post["uri"] for post in posts}
        page["max_id"] = posts[-1]["id"]
    return uris
