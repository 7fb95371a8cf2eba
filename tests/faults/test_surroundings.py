"""What surrounds a process: bits that flip, journals left behind, little memory, another clock, language and mask."""

import random
import resource
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest

from models.serving import Snapshots
from models.store import Store
from pipelines import publishing
from pipelines.lake import LakeError
from pipelines.plan import RunPlan
from pipelines.publishing import SnapshotRefusedError
from tests.conftest import SAMPLE, Company, environment, scrm_command
from tests.factories_snapshot import build_snapshot
from tests.faults.conftest import Figure
from tests.faults.doomed import perform
from tests.faults.tiny_company import BUSINESS_DATE, TinyCompany
from tests.faults.works import STORE, marts

POSITIONS = 100
SORTED_ROWS = 5_000_000
MEGABYTES = 512


def test_a_flipped_bit_anywhere_in_a_landed_file_stops_the_run_before_it_reads(in_memory: Path, figure: Figure) -> None:
    """Parquet has no checksums of its own (32); the snapshot has its drill in test_publishing.py."""
    company = TinyCompany(in_memory / "home")
    company.land(1)
    path = company.lake.root / company.lake.files("landed", "orders")[0][1].path
    whole, plan = path.read_bytes(), RunPlan(BUSINESS_DATE, 1, "Tiny", "Asia/Shanghai", "CNY")
    detected = 0
    for number in range(POSITIONS):
        damaged = bytearray(whole)
        damaged[number * len(whole) // POSITIONS] ^= 1 << number % 8
        path.write_bytes(damaged)
        with pytest.raises(LakeError, match=path.name):
            company.warehouse.start(company.lake, plan)
        detected += len(company.lake.verify())
    path.write_bytes(whole)
    company.warehouse.start(company.lake, plan)
    assert detected == POSITIONS
    figure(flipped=POSITIONS, detected=detected)


def test_a_candidate_with_a_journal_beside_it_is_refused(tmp_path: Path) -> None:
    """Copied without its journal the file would lack these rows, without a word (34)."""
    path = tmp_path / "candidate.duckdb"
    connection = duckdb.connect(str(path))
    connection.execute("pragma disable_checkpoint_on_shutdown")
    connection.execute("create table customers as select 1 as customer_id")
    connection.close()
    assert path.with_name(path.name + ".wal").exists()
    with pytest.raises(SnapshotRefusedError, match="still holds a part"):
        publishing._verify(path, {})


def test_what_a_killed_writer_committed_to_the_store_is_read_from_its_journal(tmp_path: Path, figure: Figure) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert perform(STORE.act, home, at="store.committed:5").killed
    assert (home / "store.db-wal").stat().st_size > 0, "the rows must still be in the journal"
    with Store.open(f"sqlite:///{home / 'store.db'}") as store:
        missing = 40 - store.consents.rows_after(0).height + 3 - store.suppressions.active().height
    assert missing == 0
    figure(rows_missing=missing)


def _sort_in_little_memory(folder: Path, found: Path) -> None:
    """A reader with half a gigabyte sorts five million rows, then answers a plain question."""
    snapshot = Snapshots(folder, memory_limit=f"{MEGABYTES}MB").current()
    # a window over hashes cannot stream: all rows are held, or spilled
    numbered = f"select row_number() over (order by hash(i), i::varchar) as n from range({SORTED_ROWS}) r(i)"
    try:
        said = str(snapshot.query(f"select max(n) as n from ({numbered})", {}).row(0)[0])
    except duckdb.OutOfMemoryException:
        said = "refused"
    after = snapshot.query("select count(*) from customers", {}).row(0)[0]
    found.write_text(f"{said} {after} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}")


@pytest.mark.slow
def test_a_question_too_large_for_memory_spills_or_is_refused_and_the_next_one_is_answered(
    tmp_path: Path, figure: Figure
) -> None:
    build_snapshot(tmp_path / "published", customers=30)
    found = tmp_path / "found"
    assert not perform(_sort_in_little_memory, tmp_path / "published", found).killed
    said, after, peak = found.read_text().split()
    assert said in (str(SORTED_ROWS), "refused")
    assert after == "30"
    assert int(peak) < 2 * MEGABYTES
    figure(rows=SORTED_ROWS, answer=said, peak_mb=int(peak), limit_mb=MEGABYTES)


@pytest.mark.slow
def test_another_clock_language_mask_folder_and_order_of_rows_give_the_same_marts(
    company: Company, published_sample: Company, tmp_path: Path, figure: Figure
) -> None:
    """The zone is the farthest from UTC, where the date is another one; C is what cron and containers have."""
    (tmp_path / "elsewhere").mkdir()
    shuffled = shutil.copytree(SAMPLE, tmp_path / "shuffled")
    for path in shuffled.glob("*.csv"):
        header, *rows = path.read_bytes().splitlines(keepends=True)
        random.Random(3).shuffle(rows)
        path.write_bytes(header + b"".join(rows))
    done = subprocess.run(
        scrm_command("demo", "--from", str(shuffled), "--no-dashboard"),
        env={
            **environment(company.home, TZ="Pacific/Kiritimati", LANG="C", LC_ALL="C", HOME=str(tmp_path)),
            "PYTHONHASHSEED": "17",
        },
        cwd=tmp_path / "elsewhere",
        umask=0o077,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert marts(company.settings.published_dir) == marts(published_sample.settings.published_dir)
    exposed = [path for path in company.home.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert exposed == [], "a mask of 077 is a wish that nothing overrides"
    figure(equal_digests=1)
