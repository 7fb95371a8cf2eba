"""Processes that a command keeps beside itself: each in a session of its own, started again when it ends.

What an operator expects of ``scrm up``: pages stay while Dagster comes up anew, every such end is said with the place
of its words, and a child that cannot live ends the command with an error, so that a service manager sees it.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from models.settings import PROJECT_ROOT, Settings
from pipelines.commands.output import console, plain

LOOK_SECONDS, STOP_SECONDS = 0.5, 20.0  # how often a child is looked at; how long its end may take
GRACE_SECONDS = 10.0  # from being asked to end to being ended
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Patience:
    """Pauses before a new start: the first, then doubled up to the longest. ``ends``: so many in a row are too many.

    A child that lived for ``sound_seconds`` begins anew: what ends once a day is started again for ever.
    """

    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    sound_seconds: float = 300.0
    ends: int = 6

    def pause(self, ends: int) -> float:
        """Seconds before the start that follows so many ends in a row."""
        doubled = min(ends - 1, 30)  # beyond, the number would grow without any use
        return min(self.first_seconds * 2.0**doubled, self.longest_seconds)


PATIENCE = Patience()
FOREVER = Patience(ends=sys.maxsize)


@contextmanager
def child(
    command: Sequence[str], settings: Settings, more: Mapping[str, str] = _NOTHING
) -> Iterator[subprocess.Popen[bytes]]:
    """A child in a session of its own, ended with all its children when the block ends.

    ``more``: added to its environment. Raises OSError when it cannot be started.
    """
    environment = {**os.environ, **settings.environment(), **more}
    path = log_of(command, settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        process = subprocess.Popen(
            command, env=environment, cwd=PROJECT_ROOT, stdout=stream, stderr=stream, start_new_session=True
        )
        try:
            yield process
        finally:
            _end(process)


def log_of(command: Sequence[str], settings: Settings) -> Path:
    """Where the words of a child go."""
    return settings.home / "logs" / f"{Path(command[0]).name}.log"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the whole group: a child that died may have left children of its own, which would keep its port."""
    with suppress(ProcessLookupError):  # which says that nobody is left in it
        os.killpg(process.pid, signal.SIGTERM)
        patience = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < patience:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Kept:
    """A child that is started again when it ends, with growing pauses, while the block lasts.

    ``lost``: why it is kept no longer; empty as long as it is. ``before``: called before each new start.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        settings: Settings,
        *,
        more: Mapping[str, str] = _NOTHING,
        before: Callable[[], object] | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self.name = name
        self.lost = ""
        self._command = command
        self._settings = settings
        self._more = more
        self._before = before
        self._patience = patience
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._keeper.join(STOP_SECONDS)

    def _keep(self) -> None:
        try:
            self._start_again()
        finally:  # also when a new start is not possible at all
            if not self._over.is_set() and not self.lost:
                self.lost = f"{self.name} could not be started again"

    def _start_again(self) -> None:
        ends, words = 0, f"its words are in {log_of(self._command, self._settings)}"
        while True:
            begun = time.monotonic()
            code = self._lived()
            if self._over.is_set():
                return
            ends = 1 if time.monotonic() - begun >= self._patience.sound_seconds else ends + 1
            if ends >= self._patience.ends:
                self.lost = f"{self.name} ended {ends} times in a row, the last time with code {code}; {words}"
                return
            pause = self._patience.pause(ends)
            console.print(
                plain(f"{self.name} ended with code {code}; it is started again in {pause:g} s; {words}"),
                soft_wrap=True,
            )
            if self._over.wait(pause):
                return
            if self._before is not None:
                self._before()

    def _lived(self) -> int | None:
        """The code with which the child ended; None: it was ended with the block."""
        with child(self._command, self._settings, self._more) as process:
            while process.poll() is None and not self._over.wait(LOOK_SECONDS):
                pass
            return process.returncode
