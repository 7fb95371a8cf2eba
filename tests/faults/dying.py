"""A process that dies, or a disk that fails, at the n-th operation that changes files.

Death is simulated in the process: from the n-th operation on, none is carried out, so that no handler and no
``finally`` can tidy up; only the locks are given back, as the kernel does. ``test_kills.py`` kills for real.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHANGES = ("fsync", "replace", "rename", "link", "unlink", "rmdir", "mkdir", "write", "truncate", "ftruncate")


class KilledError(BaseException):
    """The simulated SIGKILL; not an Exception, so that nothing catches it by accident."""


class Operations:
    """Counts operations that change files; ``failing(n)`` makes the n-th fail, ``dying(n)`` all from the n-th on."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        self._at = 0
        self._error: Callable[[], BaseException] | None = None
        self._once = False
        for name in CHANGES:
            patch.setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name: str, real: Callable) -> Callable:
        def operation(*arguments: Any, **named: Any) -> Any:
            self.names.append(name)
            count = len(self.names)
            if self._error is not None and (count == self._at or (count > self._at and not self._once)):
                raise self._error()
            return real(*arguments, **named)

        return operation

    def windows(self, act: Callable[[], object]) -> list[int]:
        """Do it, and name the operations to strike at: every one, but of deletions in a row first, middle and last."""
        self.names.clear()
        act()
        found: list[int] = []
        numbered = enumerate(self.names, start=1)
        for deletes, group in itertools.groupby(numbered, key=lambda item: item[1] in ("unlink", "rmdir")):
            numbers = [number for number, _ in group]
            found += sorted({numbers[0], numbers[len(numbers) // 2], numbers[-1]}) if deletes else numbers
        return found

    @contextmanager
    def dying(self, nth: int) -> Iterator[None]:
        """The n-th operation from here, and all after it, are not carried out."""
        with self._failing(nth, lambda: KilledError(f"at operation {nth}"), once=False):
            yield

    @contextmanager
    def failing(self, nth: int) -> Iterator[None]:
        """The n-th operation from here fails as on a full disk; those after it work again."""
        with self._failing(nth, lambda: OSError(28, "No space left on device"), once=True):
            yield

    @contextmanager
    def _failing(self, nth: int, error: Callable[[], BaseException], *, once: bool) -> Iterator[None]:
        self.names.clear()
        self._at, self._error, self._once = nth, error, once
        try:
            yield
        finally:
            self._error = None


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> Operations:
    return Operations(monkeypatch)
