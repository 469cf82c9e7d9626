"""Processes the tests start: their output is kept, and they are ended by their own id only."""

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.ground.eventually import until
from tests.ground.ports import is_listening

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Process:
    """One running command. It dies with the test run, even when that is killed with -9."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        user: str | None = None,
    ) -> None:
        self.command = list(command)
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=directory,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def is_running(self) -> bool:
        return self._popen.poll() is None

    def require_running(self) -> None:
        """Raise with the end of the log when the process is gone."""
        if not self.is_running():
            raise RuntimeError(
                f"{self.command[0]} ended with {self._popen.returncode}; its last words:\n{self.tail()}"
            )

    def until_listening(self, address: str, port: int, *, within: float = 20.0) -> None:
        """Block until the process accepts connections there."""

        def listens() -> bool:
            self.require_running()
            return is_listening(address, port)

        until(f"{self.command[0]} listens at {address}:{port}", listens, within=within)

    def tail(self, lines: int = 30) -> str:
        """Return the end of what the process wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait(self, within: float) -> int:
        """Return the exit code once the process has ended by itself."""
        return self._popen.wait(within)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM, within: float = 15.0) -> int:
        """Ask it to end, and insist after a while; then end what is left of its own session."""
        if self.is_running():
            self._popen.send_signal(with_signal)
            try:
                self._popen.wait(within)
            except subprocess.TimeoutExpired:
                self._popen.kill()
        code = self._popen.wait()
        self._end_session()
        return code

    def kill_nine(self) -> None:
        """End it without a word, as a power cut would: only the process itself."""
        self._popen.kill()
        self._popen.wait()

    def _end_session(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)


def die_with_parent() -> None:
    """Let the kernel end this process when the one that started it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
