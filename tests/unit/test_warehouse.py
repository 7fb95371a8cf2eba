"""The warehouse folder: what a run reads, who holds it, and what a death in between leaves behind."""

import json
import multiprocessing
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from models.files import file_sha256
from pipelines.lake import LakeError
from pipelines.plan import RunPlan
from pipelines.publishing import SEAL
from pipelines.warehouse import RunInProgressError, Warehouse, digests
from tests.faults.dying import KilledError, Operations, operations
from tests.faults.tiny_company import BUSINESS_DATE, TinyCompany

__all__ = ["operations"]


@pytest.fixture
def company(tmp_path: Path) -> TinyCompany:
    return TinyCompany(tmp_path / "home")


def plan_of(to_seq: int) -> RunPlan:
    return RunPlan(BUSINESS_DATE, to_seq, "Tiny", "Asia/Shanghai", "CNY")


def orders(company: TinyCompany) -> list[str]:
    return sorted(company.warehouse.read_input("orders")["order_id"].to_list())


def test_a_run_reads_what_landed_up_to_its_sequence_and_no_more(company: TinyCompany) -> None:
    for generation in (1, 2, 3):
        company.land(generation)
    files = company.warehouse.start(company.lake, plan_of(2))
    assert orders(company) == ["O1", "O2"]
    assert files["orders"] == 2
    assert company.warehouse.read_input("lake_batches")["seq"].to_list() == [1, 2]
    assert company.warehouse.read_input("refunds").height == 0, "a dataset without files has its columns and no rows"


def test_the_same_pair_gives_the_same_bytes_after_more_has_landed(company: TinyCompany) -> None:
    company.land(1)

    def inputs() -> dict[str, str]:
        company.warehouse.start(company.lake, plan_of(1))
        folder = company.warehouse.inputs
        return {str(path.relative_to(folder)): file_sha256(path) for path in sorted(folder.rglob("*.parquet"))}

    before = inputs()
    company.run(2)
    assert inputs() == before
    company.warehouse.start(company.lake, plan_of(company.lake.head()))
    assert company.warehouse.read_input("customer_ids").height == 2, "a later run knows what was decided"


def test_a_sequence_that_is_still_to_come_is_refused(company: TinyCompany) -> None:
    """Else the batches that land later would change what the pair means."""
    company.land(1)
    with pytest.raises(LakeError, match="the lake ends at 1"):
        company.warehouse.start(company.lake, plan_of(2))


def test_a_flipped_bit_in_a_landed_file_stops_the_run_before_it_reads(company: TinyCompany) -> None:
    company.land(1)
    path = company.lake.root / company.lake.files("landed", "orders")[0][1].path
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(LakeError, match=r"landed/orders/0+1-0\.parquet"):
        company.warehouse.start(company.lake, plan_of(1))


def test_nothing_of_an_earlier_run_is_left_when_the_next_starts(company: TinyCompany) -> None:
    company.land(1)
    company.build(1)
    stale = company.warehouse.inputs / "orders" / "999999999999-0.parquet"
    stale.write_bytes(b"of a run that died")
    company.warehouse.start(company.lake, plan_of(1))
    assert not stale.exists()
    assert not (company.warehouse.building / SEAL).exists()
    assert company.warehouse.decided() == {}
    assert company.warehouse.artifacts() == {}


@pytest.mark.slow  # a build for every window
def test_killed_anywhere_in_the_promotion_the_last_promoted_folder_is_there_for_the_next_run(
    company: TinyCompany, operations: Operations
) -> None:
    warehouse = company.warehouse

    def build(name: str) -> None:
        company.lake.sweep()
        company.land(1)
        warehouse.start(company.lake, plan_of(1))
        (warehouse.building / "name").write_text(name)

    def promoted() -> str:
        return (warehouse.promoted / "name").read_text()

    build("first")
    warehouse.promote()
    build("second")
    windows = operations.windows(warehouse.promote)
    assert len(windows) >= 6
    for nth in windows:
        (warehouse.promoted / "name").write_text("first")
        build("second")
        with suppress(KilledError), operations.dying(nth):
            warehouse.promote()
        build("third")
        assert promoted() in ("first", "second")
        assert not warehouse.retired.exists()
        warehouse.promote()
        assert promoted() == "third"


def _hold(home: str, held: Any, over: Any) -> None:
    with TinyCompany(Path(home)).warehouse.exclusive():
        held.set()
        over.wait(60)


@pytest.mark.slow  # starts a process and kills it
def test_one_process_builds_and_the_next_gets_the_warehouse_when_it_dies(company: TinyCompany) -> None:
    context = multiprocessing.get_context("spawn")
    held, over = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(str(company.home), held, over))
    process.start()
    assert held.wait(60)
    with pytest.raises(RunInProgressError, match="another run is building"), company.warehouse.exclusive():
        pass
    process.kill()
    process.join(60)
    with company.warehouse.exclusive(), Warehouse(company.settings).exclusive():
        pass  # whoever holds it may enter again


def test_the_digest_sees_values_and_not_the_order_of_rows(tmp_path: Path) -> None:
    import duckdb

    def digest(name: str, select: str) -> str:
        with duckdb.connect(str(tmp_path / name)) as connection:
            connection.execute(f"create table t as {select}")
        return digests(tmp_path / name)["t"]

    rows = "select i, 'v' || i as v from range(5000) r(i)"
    plain = digest("a", rows)
    assert digest("b", f"{rows} order by hash(i)") == plain
    assert digest("c", rows.replace("'v' || i", "case i when 4999 then 'w' else 'v' || i end")) != plain
    assert digest("d", f"{rows} union all select 0, 'v0'") != plain


def test_what_a_run_sets_aside_is_read_back_as_it_was(company: TinyCompany) -> None:
    company.land(1)
    company.warehouse.start(company.lake, plan_of(1))
    company.warehouse.decide("scores", pl.DataFrame({"customer_id": ["C1"]}))
    company.warehouse.set_aside_artifact("churn", b"bytes", {"artifact_id": "a"}, "# 卡")
    assert company.warehouse.decided()["scores"].rows() == [("C1",)]
    assert company.warehouse.artifacts() == {"churn": (b"bytes", "skops", {"artifact_id": "a"}, "# 卡")}
    assert json.loads((company.warehouse.building / "run.json").read_text())["to_seq"] == 1
