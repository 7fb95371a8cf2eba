"""Processes that are killed for real at a named point, cheaply: a fork server has everything imported already.

``Doomed(work).killed("lake.committed", 1)`` gives a child the work with that point armed, and tells whether it died.
A child costs a few hundredths of a second more than its work.
"""

import multiprocessing
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from models import killpoints

CHILD_SECONDS = 120
#: Imported once by the server, from which every child is forked. No module of these may start a thread.
PRELOADED = (
    "alembic.command",
    "alembic.config",
    "alembic.context",
    "alembic.op",
    "alembic.runtime.migration",
    "hypothesis",  # pandera loads it, where it is installed, with its first validation
    "pandera.polars",
    "pandera.backends.polars.builtin_checks",
    "pandera.backends.polars.container",
    "pandera.backends.polars.register",
    "polars.testing",
    "sqlalchemy.dialects.sqlite",
    "xlsxwriter",
    "models.store",
    "pipelines.channels.file",
    "pipelines.landing_store",
    "pipelines.sources.files.importing",
    "tests.factories_snapshot",
    "tests.faults.tiny_company",
    "tests.faults.works",
)


@dataclass(frozen=True)
class Ending:
    """How a child ended: killed at its point, or through; ``passages`` through points when it was through."""

    killed: bool
    passages: Counter[str]
    seconds: float


def _context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def perform(work: Callable[..., Any], *arguments: Any, at: str = "none", temporary: Path | None = None) -> Ending:
    """Do the work in a child with the point ``at`` (``name:n``; ``none`` counts only) armed.

    Raises AssertionError with the child's words when it failed in any other way than by its point.
    """
    receiving, sending = multiprocessing.Pipe(duplex=False)
    started = time.monotonic()
    child = _context().Process(target=_child, args=(work, arguments, at, temporary, sending))
    child.start()
    sending.close()
    child.join(CHILD_SECONDS)
    seconds = time.monotonic() - started
    if child.exitcode is None:
        child.kill()
        child.join()
        raise AssertionError(f"{work.__name__} armed at {at} hangs")
    if child.exitcode == -signal.SIGKILL:
        return Ending(True, Counter(), seconds)
    said = receiving.recv() if receiving.poll() else f"exit code {child.exitcode}"
    assert isinstance(said, Counter), f"{work.__name__} armed at {at}: {said}"
    return Ending(False, said, seconds)


def _child(
    work: Callable[..., Any], arguments: tuple[Any, ...], at: str, temporary: Path | None, answer: Connection
) -> None:
    if temporary is not None:
        tempfile.tempdir = str(temporary)
    killpoints.arm({"SCRM_TEST_FAULTS": "1", "SCRM_KILLPOINT": at})
    try:
        work(*arguments)
    except BaseException as error:
        answer.send(f"{type(error).__name__}: {error}")
        raise
    answer.send(Counter(killpoints.passages))
    answer.close()
    os._exit(0)  # a forked child of a test owns nothing that it would have to tidy up
