"""The lake's promise: a batch is visible whole or not at all, once, and in order."""

import json
import multiprocessing
import os
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from models.contracts import contract
from pipelines.lake import Accounting, Lake, LakeError, Part, content_key
from tests.faults.dying import KilledError, Operations, operations

__all__ = ["operations"]


def orders(*numbers: str) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "order_id": list(numbers),
            "store_id": "s1",
            "ordered_at": datetime(2026, 1, 1),
            "product_id": "p",
            "quantity": Decimal(1),
            "unit_price": Decimal("9.9"),
            "currency": "CNY",
            "_row": list(range(1, len(numbers) + 1)),
            "_raw": "{}",
        }
    )
    return contract("orders").conform(frame)


def land(lake: Lake, name: str, *numbers: str, cursor: dict | None = None) -> int:
    commit = lake.commit(
        source="test", key=content_key(name), parts=[Part("landed", "orders", orders(*numbers))], cursor=cursor
    )
    return commit.entry.seq


def test_a_repeated_batch_is_a_no_op(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert land(lake, "a", "1", "2") == 1
    again = lake.commit(source="test", key=content_key("a"), parts=[Part("landed", "orders", orders("1", "2"))])
    assert again.repeated
    assert Lake(tmp_path).head() == 1
    assert Lake(tmp_path).read("landed", "orders").height == 2


def test_a_line_without_its_newline_is_not_committed_and_is_cut_by_the_next_writer(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    land(lake, "a", "1")
    with lake.manifest.open("ab") as stream:
        stream.write(b'0123456789abcdef {"seq": 2, "torn')
    reader = Lake(tmp_path)
    assert reader.head() == 1
    assert land(Lake(tmp_path), "b", "2") == 2
    assert reader.head() == 2
    assert reader.read("landed", "orders")["order_id"].to_list() == ["1", "2"]


def test_a_damaged_committed_line_is_refused_not_skipped(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    land(lake, "a", "1")
    land(lake, "b", "2")
    content = bytearray(lake.manifest.read_bytes())
    content[30] ^= 1
    lake.manifest.write_bytes(bytes(content))
    with pytest.raises(LakeError, match="damaged"):
        Lake(tmp_path).entries()


def test_readers_see_only_batches_up_to_the_sequence_asked_for(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    for name in "abc":
        land(lake, name, name)
    assert lake.read("landed", "orders", to_seq=2)["order_id"].to_list() == ["a", "b"]


def test_files_of_a_writer_that_died_before_its_line_are_swept_and_never_read(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    land(lake, "a", "1")
    orphan = tmp_path / "landed" / "orders" / "000000000002-0.parquet"
    orders("9").write_parquet(orphan)
    abandoned = tmp_path / "writing" / "dead"
    abandoned.mkdir(parents=True)
    (abandoned / "0.parquet").write_bytes(b"half")
    assert Lake(tmp_path).read("landed", "orders").height == 1
    assert Lake(tmp_path).sweep() == 2
    assert not orphan.exists()
    assert not abandoned.exists()
    assert Lake(tmp_path).verify() == []


def test_the_sweeper_leaves_a_living_writer_alone(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with lake._scratch() as scratch:
        Lake(tmp_path).sweep()
        assert scratch.exists()


def test_accounting_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(LakeError, match="do not add up"):
        Accounting(rows=10, accepted=8, quarantined=1)


def test_the_cursor_is_the_one_committed_with_the_newest_batch_of_its_source(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert lake.cursor("test") is None
    land(lake, "a", "1", cursor={"page": 1})
    land(lake, "b", "2", cursor={"page": 2})
    lake.commit(source="other", key=content_key("c"), parts=[], cursor={"page": 9})
    assert Lake(tmp_path).cursor("test") == {"page": 2}


def test_a_flipped_bit_in_a_file_is_found(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    land(lake, "a", "1")
    path = tmp_path / lake.entries()[0].files[0].path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(bytes(content))
    assert [problem.split(":")[0] for problem in lake.verify()] == ["landed/orders/000000000001-0.parquet"]


def test_a_failed_write_commits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fsync in turn fails, as on a full disk: after each, the lake is as before, and the repeat succeeds."""
    real, calls = os.fsync, {"left": 0}

    def failing(descriptor: int) -> None:
        calls["left"] -= 1
        if calls["left"] == 0:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    for nth in range(1, 20):
        lake = Lake(tmp_path)
        before = lake.read("landed", "orders").height
        calls["left"] = nth
        try:
            land(lake, f"n{nth}", "1")
        except OSError:
            assert Lake(tmp_path).read("landed", "orders").height == before
            calls["left"] = -1
            land(Lake(tmp_path), f"n{nth}", "1")
            assert Lake(tmp_path).read("landed", "orders").height == before + 1
            assert Lake(tmp_path).verify() == []
        else:
            assert nth > 3, "the drill must have failed some writes before it ran out of them"
            return
    raise AssertionError("a commit needs fewer than 20 fsyncs")


def _writer(root: str, name: int, start: multiprocessing.Barrier) -> None:
    start.wait()
    for number in range(5):
        land(Lake(Path(root)), f"{name}-{number}", f"{name}-{number}")


@pytest.mark.slow
def test_writers_at_the_same_time_get_different_numbers(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    processes = [context.Process(target=_writer, args=(str(tmp_path), name, start)) for name in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    lake = Lake(tmp_path)
    assert [entry.seq for entry in lake.entries()] == list(range(1, 16))
    assert lake.read("landed", "orders")["order_id"].n_unique() == 15
    assert all(json.loads(line.split(" ", 1)[1]) for line in lake.manifest.read_text().splitlines())


def test_a_line_of_which_the_disk_took_a_part_is_taken_back_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the line must not reach the manifest afterwards, as it does when a buffered stream is closed."""
    lake = Lake(tmp_path)
    land(lake, "a", "1")
    before, real = lake.manifest.read_bytes(), os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < 200:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space"):
        land(lake, "b", "2")
    monkeypatch.undo()
    assert lake.manifest.read_bytes() == before
    assert land(lake, "b", "2") == 2
    assert Lake(tmp_path).read("landed", "orders").height == 2


def test_a_reader_that_saw_a_line_before_it_was_taken_back_starts_over(tmp_path: Path) -> None:
    lake, reader = Lake(tmp_path), Lake(tmp_path)
    land(lake, "a", "1")
    kept = lake.manifest.read_bytes()
    land(lake, "b", "2")
    assert reader.head() == 2
    lake.manifest.write_bytes(kept)
    assert reader.head() == 1
    land(lake, "a longer name of a batch", *(str(number) for number in range(50)))
    assert reader.head() == 2
    assert reader.find(content_key("b")) is None


def test_a_missing_line_is_found(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    for name in "abc":
        land(lake, name, name)
    lines = lake.manifest.read_bytes().splitlines(keepends=True)
    lake.manifest.write_bytes(lines[0] + lines[2])
    with pytest.raises(LakeError, match="line 2 holds batch 3"):
        Lake(tmp_path).entries()


def _sweeper(root: str, start: Any, over: Any) -> None:
    start.wait()
    while not over.is_set():
        Lake(Path(root)).sweep()


@pytest.mark.slow
def test_sweeping_all_the_while_takes_nothing_from_living_writers(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, over = context.Barrier(3), context.Event()
    sweeper = context.Process(target=_sweeper, args=(str(tmp_path), start, over))
    writers = [context.Process(target=_writer, args=(str(tmp_path), name, start)) for name in range(2)]
    for process in (sweeper, *writers):
        process.start()
    for writer in writers:
        writer.join(60)
    over.set()
    sweeper.join(60)
    assert [process.exitcode for process in (sweeper, *writers)] == [0, 0, 0]
    lake = Lake(tmp_path)
    assert lake.read("landed", "orders")["order_id"].n_unique() == 10
    assert lake.verify() == []
    assert lake.sweep() == 0


def test_killed_before_any_change_of_a_file_the_batch_is_whole_or_absent(
    tmp_path: Path, operations: Operations
) -> None:
    """Two parts, a new dataset: after each death the batch is there with both or not at all, and a repeat completes."""

    def commit(root: Path) -> None:
        parts = [Part("landed", "orders", orders("1", "2")), Part("quarantine", "orders", orders("3"))]
        Lake(root).commit(source="test", key=content_key("a"), parts=parts)

    windows = operations.windows(lambda: commit(tmp_path / "whole"))
    assert len(windows) > 10
    committed = []
    for nth in windows:
        root = tmp_path / str(nth)
        with suppress(KilledError), operations.dying(nth):
            commit(root)
        there = Lake(root).head()
        committed.append(there)
        assert Lake(root).read("landed", "orders").height == 2 * there
        assert Lake(root).verify() == []
        Lake(root).sweep()
        commit(root)
        assert Lake(root).head() == 1
        assert Lake(root).read("landed", "orders").height == 2
        assert Lake(root).read("quarantine", "orders").height == 1
        assert [path.name for path in (root / "writing").iterdir()] == []
        assert len(list(root.glob("*/*/*"))) == 2
    assert committed == sorted(committed)
    assert set(committed) == {0, 1}
