"""Passwords, hashed with argon2id (RFC 9106): 19 MiB, two passes, OWASP's minimum.

One hash takes some 40 ms of a core. They run in threads, no more at a time than there are cores, and
only so many may wait: a flood of sign-ins then costs its senders an answer, not us the event loop.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fedispace.errors import Invalid, Unavailable

MIN_CHARACTERS: Final = 8
MAX_BYTES: Final = 1024
MAX_WAITING: Final = 64

Result = TypeVar("Result")


class Passwords:
    """Hashes and verifies."""

    def __init__(self) -> None:
        self._argon2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._slots = asyncio.Semaphore(os.cpu_count() or 1)
        self._waiting = 0
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash to store; raises `Invalid` for a password that is too short or absurdly long."""
        if len(password) < MIN_CHARACTERS:
            raise Invalid(f"A password has at least {MIN_CHARACTERS} characters.", field="password")
        if len(password.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise Invalid("This password is too long.", field="password")
        return await self._in_a_slot(lambda: self._argon2.hash(password))

    async def verify(self, hash: str | None, password: str) -> bool:
        """Tell whether `password` is the one of `hash`.

        Without a hash (nobody of that name) the same work is done, so that the time taken does not
        tell which names exist.
        """
        if len(password.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            return False
        if hash is None:
            if self._decoy is None:
                self._decoy = await self._in_a_slot(lambda: self._argon2.hash("nobody's password"))
            decoy = self._decoy
            await self._in_a_slot(lambda: self._matches(decoy, password))
            return False
        return await self._in_a_slot(lambda: self._matches(hash, password))

    def _matches(self, hash: str, password: str) -> bool:
        try:
            return self._argon2.verify(hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_a_slot(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= MAX_WAITING:
            raise Unavailable("Too many people are signing in at once. Try again in a moment.")
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
