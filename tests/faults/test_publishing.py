"""Publishing under faults (23, 28, 29, 32-35): readers see one whole publication, and a repeat mends everything."""

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from models.contracts import contract
from models.files import file_sha256
from models.serving import SnapshotDamagedError, Snapshots, available, read_pointer
from models.serving.pointer import CURRENT
from pipelines import publishing
from pipelines.lake import Lake
from pipelines.plan import RunPlan
from pipelines.publishing import SnapshotRefusedError, commit_decided, rollback
from tests.faults.conftest import Figure
from tests.faults.dying import KilledError, Operations, operations
from tests.faults.tiny_company import COUNTS, KEEP, TinyCompany, assert_tidy

__all__ = ["operations"]

PUBLICATIONS = 100


@pytest.fixture
def company(tmp_path: Path) -> TinyCompany:
    return TinyCompany(tmp_path / "home")


def shown(folder: Path) -> int:
    """The generation that a fresh reader sees, after checking that four tables agree on it."""
    return generation(Snapshots(folder))


def generation(snapshots: Snapshots) -> int:
    numbers = set(snapshots.current().query(COUNTS, {}).row(0))
    assert len(numbers) == 1, f"a torn snapshot: {numbers}"
    return numbers.pop()


def assert_decided_once(company: TinyCompany) -> None:
    scores = company.lake.read("decided", "scores")
    assert scores.select("customer_id", "artifact_id", "business_date").is_unique().all()


Fault = Callable[[int], AbstractContextManager[None]]


def drilled(company: TinyCompany, tmp_path: Path, operations: Operations, fault: Fault) -> Iterator[tuple[int, bool]]:
    """Publish generation 2 over generation 1 with a fault at each operation in turn, then run again.

    Gives the operation, and whether readers saw generation 2 before the repeat.
    """
    company.run(1)
    company.land(2)
    plan = company.build(2)
    ready = tmp_path / "ready"
    shutil.copytree(company.home, ready)
    for nth in operations.windows(lambda: company.publish(plan)):
        shutil.rmtree(company.home)
        shutil.copytree(ready, company.home)
        with suppress(KilledError, OSError), fault(nth):
            company.publish(plan)
        seen = shown(company.published)
        company.run(2)
        assert shown(company.published) == 2
        assert_tidy(company)
        assert_decided_once(company)
        yield nth, seen == 2


@pytest.mark.slow
def test_killed_before_any_change_of_a_file_readers_see_a_whole_snapshot_and_a_repeat_completes(
    company: TinyCompany, tmp_path: Path, operations: Operations, figure: Figure
) -> None:
    outcomes = dict(drilled(company, tmp_path, operations, operations.dying))
    figure(operations=len(outcomes), torn_reads=0)
    assert len(outcomes) > 30, "the drill must have met every step"
    moved = [nth for nth, is_new in outcomes.items() if is_new]
    assert 0 < len(moved) < len(outcomes) / 2, "the pointer moves late, and only tidying comes after it"
    assert moved == list(outcomes)[-len(moved) :], "once moved, the pointer stays"


@pytest.mark.slow
def test_a_full_disk_at_any_change_of_a_file_is_survived(
    company: TinyCompany, tmp_path: Path, operations: Operations, figure: Figure
) -> None:
    failed = len(dict(drilled(company, tmp_path, operations, operations.failing)))
    assert failed > 30
    figure(operations=failed, invariants_broken=0)


def test_killed_while_the_candidate_is_written_leaves_nothing_behind(company: TinyCompany) -> None:
    company.run(1)
    for name in (publishing.CANDIDATE, f"{publishing.CANDIDATE}.wal"):
        (company.published / name).write_bytes(b"half a candidate")
    (company.published / f"{publishing.CANDIDATE}.tmp").mkdir()
    (company.published / f"{publishing.CANDIDATE}.tmp" / "spilled").write_bytes(b"x")
    plan = company.build(2)
    publishing.write_candidate(company.warehouse, company.lake, plan, company.published)
    company.publish(plan)
    assert_tidy(company)
    assert_decided_once(company)


@pytest.mark.slow
def test_readers_during_a_hundred_publications_see_whole_snapshots_and_never_an_older_one(
    company: TinyCompany, figure: Figure
) -> None:
    company.run(1)
    seen: list[tuple[int, int]] = []
    failures: list[BaseException] = []
    over = threading.Event()

    def read() -> None:
        snapshots = Snapshots(company.published)
        try:
            while not over.is_set():
                snapshot = snapshots.current()
                numbers = set(snapshot.query(COUNTS, {}).row(0))
                assert len(numbers) == 1, f"torn: {numbers}"
                seen.append((snapshot.pointer.publication, numbers.pop()))
        except BaseException as error:
            failures.append(error)
            raise

    reader = threading.Thread(target=read)
    reader.start()
    published = {1: 1}
    try:
        for number in range(2, PUBLICATIONS + 1):
            # six generations in turn: candidates are copied, so that publications follow each other fast
            wanted = number % 6 + 1
            plan = company.build(wanted, to_seq=1)
            published[company.publish(plan).publication] = wanted
    finally:
        over.set()
        reader.join(60)
    assert failures == []
    assert all(published[publication] == found for publication, found in seen)
    assert [publication for publication, _ in seen] == sorted(publication for publication, _ in seen)
    met = len({publication for publication, _ in seen})
    assert met >= 5, "the reader must have met many publications"
    assert shown(company.published) == published[PUBLICATIONS]
    figure(publications=PUBLICATIONS, publications_met=met, reads=len(seen), errors=len(failures))


@pytest.mark.slow
def test_a_flipped_bit_anywhere_is_found_before_it_is_served(company: TinyCompany, figure: Figure) -> None:
    company.run(1)
    pointer = company.run(2)
    path = company.published / pointer.file
    whole = path.read_bytes()
    found = 0
    for number in range(100):
        position = number * len(whole) // 100 + number % 7
        damaged = bytearray(whole)
        damaged[position] ^= 1 << number % 8
        path.write_bytes(damaged)
        snapshots = Snapshots(company.published)
        assert generation(snapshots) == 1
        assert snapshots.current().replaces == pointer
        found += 1
    assert found == 100
    figure(flipped=100, detected=found)
    with pytest.raises(SnapshotRefusedError, match="damaged"):
        rollback(company.published, pointer.version)
    assert company.run(2).publication == 3
    assert shown(company.published) == 2


def test_a_candidate_that_changed_after_it_was_verified_is_not_published(company: TinyCompany) -> None:
    company.run(1)
    plan = company.build(2)
    path = company.published / publishing.CANDIDATE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SnapshotRefusedError, match="not the file that was verified"):
        company.publish(plan)
    assert shown(company.published) == 1
    assert company.lake.read("decided", "customer_ids").height == 1, "nothing of the refused run is decided"


def test_the_candidate_of_a_run_that_failed_is_not_published_by_the_next(company: TinyCompany) -> None:
    """Steps can be asked for one by one: a new run's inputs, then `published_snapshot`, with an old candidate there."""
    company.run(1)
    company.build(2)
    company.land(3)
    plan = company.build(3)
    (company.warehouse.building / publishing.SEAL).unlink()
    with pytest.raises(SnapshotRefusedError, match="run the whole main job"):
        company.publish(plan)
    assert shown(company.published) == 1


def test_a_warehouse_whose_tests_failed_gives_no_candidate(company: TinyCompany) -> None:
    company.land(1)
    plan = company.build(1)
    (company.warehouse.building / "checks-facts.json").unlink()
    with pytest.raises(SnapshotRefusedError, match="facts"):
        publishing.write_candidate(company.warehouse, company.lake, plan, company.published)


def test_a_snapshot_that_lost_a_value_is_refused(company: TinyCompany, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text has no total: the hash of all values must find what counts and sums do not."""
    company.land(1)
    plan = company.build(1)
    real = publishing._verify

    def tampered(path: Path, expected: Mapping[str, tuple[int, ...]]) -> None:
        with duckdb.connect(str(path)) as connection:
            connection.execute("update orders set store_id = 'elsewhere'")
        real(path, expected)

    monkeypatch.setattr(publishing, "_verify", tampered)
    with pytest.raises(SnapshotRefusedError, match="orders"):
        publishing.write_candidate(company.warehouse, company.lake, plan, company.published)


def test_the_newest_are_kept_and_what_readers_had_until_now_too(company: TinyCompany) -> None:
    for _ in range(KEEP + 2):
        last = company.publish(company.build(1, to_seq=_landed(company)))
    assert [pointer.publication for pointer in available(company.published)] == [5, 4, 3]
    oldest = available(company.published)[-1]
    back = rollback(company.published, oldest.version)
    assert (back.publication, back.file) == (last.publication + 1, oldest.file)
    newer = company.publish(company.build(2, to_seq=1))
    assert newer.publication == 7
    assert oldest.file in {pointer.file for pointer in available(company.published)}, "readers were on it just now"
    company.publish(company.build(2, to_seq=1))
    assert [pointer.publication for pointer in available(company.published)] == [8, 7, 5]


def _landed(company: TinyCompany) -> int:
    company.land(1)
    return 1


def test_a_roll_back_names_what_is_kept_or_is_refused(company: TinyCompany) -> None:
    with pytest.raises(SnapshotRefusedError, match="no snapshot"):
        rollback(company.published, "20260701-1-1")
    first = company.run(1)
    company.run(2)
    with pytest.raises(SnapshotRefusedError, match="no snapshot"):
        rollback(company.published, "nothing")
    rollback(company.published, first.version)
    assert shown(company.published) == 1
    company.run(3)
    assert shown(company.published) == 3


def test_a_snapshot_that_is_retired_while_somebody_lists_is_left_out(company: TinyCompany) -> None:
    pointer = company.run(1)
    gone = company.published / "serve-20260101-1-1.json"
    gone.symlink_to(company.published / "nothing")  # listed, and not there any more when it is read
    assert available(company.published) == [pointer]


def test_roll_backs_and_publications_at_once_get_different_numbers(company: TinyCompany) -> None:
    first = company.run(1)
    numbers: list[int] = []
    barrier = threading.Barrier(4)

    def go_back() -> None:
        barrier.wait()
        for _ in range(10):
            numbers.append(rollback(company.published, first.version).publication)

    threads = [threading.Thread(target=go_back) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(numbers) == list(range(2, 42))


def test_snapshots_that_no_pointer_names_are_swept(company: TinyCompany) -> None:
    company.run(1)
    for name in ("serve-20260701-9-9.duckdb", "serve-20260701-8-8.json", "serve-20260701-7-7.json.tmp"):
        (company.published / name).write_bytes(b"{}")
    (company.published / f"{CURRENT}.tmp").write_bytes(b"{")
    company.run(2)
    assert_tidy(company)
    assert_decided_once(company)


def test_a_number_that_a_dead_publication_took_is_not_given_again(company: TinyCompany) -> None:
    """Killed between the two files of a pointer: the name beside the snapshot stands, with its hash."""
    company.run(1)
    company.run(2)
    before = read_pointer(company.published)
    company.run(3)
    (company.published / CURRENT).write_text((company.published / f"serve-{before.version}.json").read_text())
    again = company.run(3)
    assert again.publication == 4
    assert [pointer.publication for pointer in available(company.published)] == [4, 3, 2]
    for pointer in available(company.published):
        assert rollback(company.published, pointer.version).file == pointer.file, "every kept hash is the file's"


def test_a_damaged_pointer_is_mended_by_the_next_publication(company: TinyCompany) -> None:
    first = company.run(1)
    reader = Snapshots(company.published)
    assert generation(reader) == 1
    for _ in range(3):
        rollback(company.published, first.version)
    assert generation(reader) == 1
    (company.published / CURRENT).write_text('{"publica')
    with pytest.raises(SnapshotDamagedError):
        Snapshots(company.published).current()
    company.run(2)
    assert shown(company.published) == generation(reader) == 2


# ---------------------------------------------------------------- what a run decides


def test_a_repeat_decides_nothing_new(company: TinyCompany) -> None:
    company.run(2)
    head = company.lake.head()
    company.run(2)
    company.run(2, to_seq=1)
    company.run(2, to_seq=head)
    assert company.lake.head() == head
    assert_tidy(company)
    assert_decided_once(company)


def test_an_old_run_repeated_after_newer_ones_gives_the_same_and_changes_nothing_for_them(company: TinyCompany) -> None:
    company.run(1)
    old = company.lake.entries()[0].seq
    inputs = digest_of_inputs(company)
    company.run(3)
    company.run(2, business_date=date(2026, 7, 2))
    head, decided = company.lake.head(), company.lake.read("decided", "customer_ids")
    company.run(1, to_seq=old)
    assert digest_of_inputs(company) == inputs
    assert company.lake.head() == head
    assert company.lake.read("decided", "customer_ids").equals(decided)
    assert company.lake.files("artifacts", "churn")[-1][0].details["artifact_id"] == "churn-2"


def digest_of_inputs(company: TinyCompany) -> dict[str, str]:
    """What dbt reads, by file; the promoted folder keeps it."""
    folder = company.settings.promoted_dir / "inputs"
    return {str(path.relative_to(folder)): file_sha256(path) for path in sorted(folder.rglob("*.parquet"))}


def frames(scores: list[int], ids: list[str]) -> dict[str, pl.DataFrame]:
    day = date(2026, 7, 1)
    return {
        "customer_ids": pl.DataFrame(
            {"identifier_type": "phone", "identifier": ids, "customer_id": ids, "decided_on": day},
            schema={name: contract("customer_ids").dtypes[name] for name in contract("customer_ids").dtypes},
        ),
        "scores": pl.DataFrame(
            {"customer_id": [str(n) for n in scores], "estimator": "e", "artifact_id": "a", "score_ppm": scores,
             "business_date": day},
            schema=contract("scores").dtypes,
        ),
    }  # fmt: skip


def test_only_what_changed_is_decided_again(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    day = date(2026, 7, 1)

    def decide(run: int, scores: list[int], ids: list[str]) -> dict[str, int] | None:
        """Rows that were landed by dataset; None: nothing was."""
        plan = RunPlan(day, run, "", "Asia/Shanghai", "CNY")
        if not commit_decided(lake, frames(scores, ids), plan):
            return None
        return {file.dataset: file.rows for file in lake.entries()[-1].files}

    assert decide(1, [], []) is None
    assert decide(2, [1, 2], ["x"]) == {"customer_ids": 1, "scores": 2}
    assert decide(3, [2, 1], []) is None, "the order of rows is no change"
    assert decide(4, [3], []) == {"scores": 1}
    assert decide(2, [1, 2], ["x"]) is None, "a repeated run never becomes the newest"
    assert decide(5, [1, 2], []) == {"scores": 2}, "back to an older outcome is a change"
    assert decide(6, [], ["y"]) == {"customer_ids": 1, "scores": 0}, "nobody scored any more is an outcome"
    assert decide(7, [], []) is None
    assert lake.read("decided", "customer_ids")["identifier"].to_list() == ["x", "y"]
