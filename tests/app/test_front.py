"""Who asks is who really asks, and a broken handler shows nobody its insides."""

from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from fedispace.front import Health, TrueAddress, apologise, unsigned
from tests.factories import make_database


async def seen_as(trusted: list[str], forwarded: str | None) -> str:
    async def who(request: web.Request) -> web.Response:
        return web.Response(text=str(request.remote))

    application = web.Application(middlewares=[TrueAddress(trusted).middleware])
    application.router.add_get("/", who)
    async with TestClient(TestServer(application)) as client:
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        async with client.get("/", headers=headers) as answer:
            return await answer.text()


async def test_a_stranger_cannot_choose_an_address() -> None:
    assert await seen_as([], "198.51.100.7") == "127.0.0.1"


async def test_a_trusted_proxy_names_the_client() -> None:
    assert await seen_as(["127.0.0.1"], "198.51.100.7") == "198.51.100.7"


async def test_what_a_client_put_before_its_own_address_does_not_count() -> None:
    assert await seen_as(["127.0.0.1"], "203.0.113.9, 198.51.100.7") == "198.51.100.7"


async def test_a_chain_of_trusted_proxies_is_looked_through() -> None:
    assert await seen_as(["127.0.0.1", "10.0.0.0/8"], "198.51.100.7, 10.1.2.3") == "198.51.100.7"


async def test_nonsense_leaves_the_proxy_s_address() -> None:
    assert await seen_as(["127.0.0.1"], "unknown") == "127.0.0.1"
    assert await seen_as(["127.0.0.1"], None) == "127.0.0.1"


async def test_a_broken_handler_answers_in_the_form_of_its_path_and_tells_nothing() -> None:
    async def broken(_request: web.Request) -> web.Response:
        raise RuntimeError("secret inside")

    application = web.Application(middlewares=[apologise])
    application.router.add_get("/api/v1/broken", broken)
    application.router.add_get("/broken", broken)
    async with TestClient(TestServer(application)) as client:
        async with client.get("/api/v1/broken") as answer:
            assert answer.status == 500
            assert "secret" not in await answer.text()
            assert set(await answer.json()) == {"error"}
        async with client.get("/broken") as answer:
            assert answer.status == 500
            assert "secret" not in await answer.text()


async def test_nobody_is_told_the_versions_of_our_parts() -> None:
    application = web.Application()
    application.on_response_prepare.append(unsigned)
    async with TestClient(TestServer(application)) as client, client.get("/nothing") as answer:
        assert answer.headers["Server"] == "fedispace"


async def test_health_follows_the_database(tmp_path: Path) -> None:
    db = await make_database(tmp_path)
    application = web.Application()
    application.add_routes(Health(db).routes())
    async with TestClient(TestServer(application)) as client:
        for path in ("/livez", "/readyz", "/health"):
            async with client.get(path) as answer:
                assert answer.status == 200
        await db.close()
        for file in tmp_path.glob("fedispace.sqlite3*"):
            file.unlink()
        (tmp_path / "fedispace.sqlite3").mkdir()
        async with client.get("/readyz") as answer:
            assert answer.status == 503
        async with client.get("/livez") as answer:
            assert answer.status == 200
    await db.close()
