"""An instance on a fresh SQLite, and remote people with keys, for the benchmarks."""

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from fedispace.accounts.models import Follow
from fedispace.app import App
from fedispace.cli.setup import bring_to_head
from fedispace.config import Config, load
from fedispace.config_text import config_text
from fedispace.federation.keys import LocalKey, new_key_pair
from fedispace.federation.models import ActorRow
from fedispace.federation.vocab.actors import Actor, PublicKeyRef
from fedispace.federation.vocab.uri import Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """Somebody on another server, with the private key to sign as them and the public one as PEM."""

    uri: Uri
    key: LocalKey
    public: str


async def instance(
    directory: Path, port: int, rtc_port: int, database: str = "sqlite:///bench.sqlite3"
) -> tuple[Path, Config]:
    """Write a configuration for loopback trials and set up its database."""
    file = directory / "config.toml"
    secret = directory / "sfu.secret"
    secret.write_text(secrets.token_hex(32))
    file.write_text(
        config_text(
            {
                "instance.url": f"http://127.0.0.1:{port}",
                "server.listen": f"127.0.0.1:{port}",
                "database.url": database,
                "federation.allow_private_addresses": ["127.0.0.0/8"],
                "federation.allow_http": True,
                "rtc.listen": f"127.0.0.1:{rtc_port}",
                "rtc.control": "sfu.sock",
                "rtc.secret_file": "sfu.secret",
            }
        )
    )
    config = load(file)
    await bring_to_head(config)
    return file, config


async def local_person(app: App, name: str) -> int:
    """Create a user and return the account's id."""
    user = await app.registration.create_user(
        username=name, email=f"{name}@bench.example", password=secrets.token_urlsafe(12)
    )
    return user.id


async def remote_people(app: App, origins: list[str]) -> list[Remote]:
    """Store one actor on each origin; they share a key pair, because making RSA keys is slow."""
    pair = await asyncio.to_thread(new_key_pair)
    people = []
    async with app.db.transaction() as tx:
        for origin in origins:
            uri = Uri(f"{origin}/users/mallory")
            key_id = Uri(f"{uri}#main-key")
            actor = Actor(
                id=uri,
                type="Person",
                preferred_username="mallory",
                inbox=Uri(f"{uri}/inbox"),
                shared_inbox=Uri(f"{origin}/inbox"),
                public_keys=(PublicKeyRef(id=key_id, owner=uri, kind="rsa", pem=pair.rsa_public),),
            )
            await app.actors.store(tx, actor)
            people.append(
                Remote(uri=uri, key=LocalKey.from_pem(key_id, pair.rsa_private), public=pair.rsa_public)
            )
    return people


async def follow_all(app: App, follower_id: int) -> None:
    """Make a local account follow every remote one, so that their posts concern somebody here."""
    async with app.db.transaction() as tx:
        for uri in await tx.scalars(select(ActorRow.uri).where(~ActorRow.local)):
            account = await app.people.ensure(tx, Uri(uri))
            tx.add(
                Follow(
                    id=account.id,
                    account_id=follower_id,
                    target_id=account.id,
                    uri=f"{uri}/followed",
                    accepted=True,
                    created_at=account.created_at,
                )
            )
