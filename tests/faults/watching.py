"""Readers that look at a published folder all the while, from a process of their own."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.serving import NoSnapshotError, Snapshots

Row = tuple[Any, ...]


@dataclass
class Watch:
    """What a reader met: answers in all, and the publications in the order in which it saw them."""

    answers: int = 0
    publications: list[int] = field(default_factory=list)


def _watch(folder: Path, sql: str, whole: frozenset[Row], poll_seconds: float, over: Any, seen: Any) -> None:
    """Every answer is one of the whole ones, and publications only go up. Puts what was wrong, at the end the count."""
    snapshots, answers, publications = Snapshots(folder), 0, [0]
    parent = multiprocessing.parent_process()
    while not over.wait(poll_seconds) and parent is not None and parent.is_alive():
        try:
            snapshot = snapshots.current()
        except NoSnapshotError:
            continue
        found = snapshot.query(sql, {}).row(0)
        answers += 1
        if found not in whole:
            seen.put(f"torn: {found} in publication {snapshot.pointer.publication}")
        if snapshot.replaces is not None:
            seen.put(f"damaged: {snapshot.replaces.file}")
        if snapshot.pointer.publication < publications[-1]:
            seen.put(f"backwards: {snapshot.pointer.publication} after {publications[-1]}")
        if snapshot.pointer.publication != publications[-1]:
            publications.append(snapshot.pointer.publication)
    seen.put((answers, publications[1:]))


@contextmanager
def watched(folder: Path, sql: str, whole: frozenset[Row], poll_seconds: float = 0.05) -> Iterator[Watch]:
    """A reader looks on all the while; fails when it saw anything but whole snapshots in order.

    The watch is filled when the block has ended.
    """
    context = multiprocessing.get_context("spawn")
    over, seen, watch = context.Event(), context.Queue(), Watch()
    reader = context.Process(target=_watch, args=(folder, sql, whole, poll_seconds, over, seen), daemon=True)
    reader.start()
    try:
        yield watch
        time.sleep(20 * poll_seconds)  # the reader looks at the last publication, too
    finally:
        over.set()
    wrong: list[str] = []
    while isinstance(found := seen.get(timeout=60), str):
        wrong.append(found)
    reader.join(60)
    watch.answers, watch.publications = found
    assert wrong == []
    assert watch.answers > 0
    assert watch.publications, "the reader must have met a publication"
